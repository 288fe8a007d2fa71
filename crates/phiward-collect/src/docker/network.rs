//! Facts about one network.

use std::collections::BTreeMap;

use bollard::models::Network;

use super::facts::NetworkFacts;

/// Facts that rest on the network alone.
pub(super) fn facts(network: &Network) -> NetworkFacts {
    let options: BTreeMap<String, String> = network.options.clone().unwrap_or_default().into_iter().collect();
    let labels: BTreeMap<String, String> = super::secrets::hide_in_labels(network.labels.clone().unwrap_or_default());
    let driver = network.driver.clone().unwrap_or_default();
    let name = network.name.clone().unwrap_or_default();
    let switch = |key: &str, default: bool| match options.get(key).map(|v| v.to_ascii_lowercase()) {
        Some(v) => !matches!(v.as_str(), "false" | "0" | "f"),
        None => default,
    };
    let mut subnets: Vec<String> =
        network.ipam.iter().flat_map(|i| i.config.iter().flatten()).filter_map(|c| c.subnet.clone()).collect();
    subnets.sort();
    NetworkFacts {
        id: network.id.clone().unwrap_or_default(),
        scope: network.scope.clone().unwrap_or_default(),
        internal: network.internal.unwrap_or(false),
        attachable: network.attachable.unwrap_or(false),
        ingress: network.ingress.unwrap_or(false),
        predefined: matches!(
            (name.as_str(), driver.as_str()),
            ("bridge", "bridge") | ("host", "host") | ("none", "null")
        ),
        ipv6: network.enable_ipv6.unwrap_or(false),
        // The option counts by being there, also with an empty value.
        encrypted: (driver == "overlay").then(|| switch("encrypted", false)),
        icc: switch("com.docker.network.bridge.enable_icc", true),
        masquerade: switch("com.docker.network.bridge.enable_ip_masquerade", true),
        subnets,
        owner: labels.get("phiward.owner").cloned().unwrap_or_default(),
        ephi: String::new(),
        carries_ephi: false,
        containers: Vec::new(),
        non_phi_containers: Vec::new(),
        publishing_containers: Vec::new(),
        in_use: false,
        name,
        driver,
        options,
        labels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> NetworkFacts {
        facts(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn bridges_and_overlays() {
        let bridge = of(
            r#"{"Name":"bridge","Driver":"bridge","Options":{"com.docker.network.bridge.enable_icc":"false"},"IPAM":{"Config":[{"Subnet":"172.17.0.0/16"}]}}"#,
        );
        assert!(bridge.predefined && !bridge.icc && bridge.masquerade && bridge.encrypted.is_none());
        assert_eq!(bridge.subnets, ["172.17.0.0/16"]);
        assert_eq!(of(r#"{"Name":"o","Driver":"overlay","Options":{"encrypted":""}}"#).encrypted, Some(true));
        let plain = of(r#"{"Name":"o","Driver":"overlay","Options":null,"Labels":null,"IPAM":{"Config":null}}"#);
        assert_eq!(plain.encrypted, Some(false));
        assert!(!plain.predefined && plain.icc);
    }
}
