//! Published ports, and the protocols that carry plain text.

use std::net::IpAddr;

use bollard::models::PortMap;

use super::facts::PortFacts;

/// Ports whose registered or customary protocol is plain text. A service may still speak TLS there; the table says what
/// the port is known for.
const PLAINTEXT: &[(u16, &str, &str)] = &[
    (20, "tcp", "ftp"),
    (21, "tcp", "ftp"),
    (23, "tcp", "telnet"),
    (25, "tcp", "smtp"),
    (69, "udp", "tftp"),
    (79, "tcp", "finger"),
    (80, "tcp", "http"),
    (104, "tcp", "dicom"),
    (110, "tcp", "pop3"),
    (111, "tcp", "rpcbind"),
    (139, "tcp", "netbios"),
    (143, "tcp", "imap"),
    (161, "udp", "snmp"),
    (389, "tcp", "ldap"),
    (512, "tcp", "rexec"),
    (513, "tcp", "rlogin"),
    (514, "tcp", "rsh"),
    (514, "udp", "syslog"),
    (873, "tcp", "rsync"),
    (1433, "tcp", "mssql"),
    (1521, "tcp", "oracle"),
    (1883, "tcp", "mqtt"),
    (2049, "tcp", "nfs"),
    (2181, "tcp", "zookeeper"),
    (2375, "tcp", "docker-api"),
    (2379, "tcp", "etcd"),
    (2575, "tcp", "hl7-mllp"),
    (3306, "tcp", "mysql"),
    (4222, "tcp", "nats"),
    (5432, "tcp", "postgresql"),
    (5672, "tcp", "amqp"),
    (5900, "tcp", "vnc"),
    (5984, "tcp", "couchdb"),
    (6379, "tcp", "redis"),
    (6661, "tcp", "hl7-mllp"),
    (8000, "tcp", "http"),
    (8042, "tcp", "http"),
    (8080, "tcp", "http"),
    (8086, "tcp", "influxdb"),
    (8161, "tcp", "http"),
    (8500, "tcp", "consul"),
    (8888, "tcp", "http"),
    (9000, "tcp", "http"),
    (9042, "tcp", "cassandra"),
    (9090, "tcp", "http"),
    (9092, "tcp", "kafka"),
    (9200, "tcp", "elasticsearch"),
    (11112, "tcp", "dicom"),
    (11211, "tcp", "memcached"),
    (27017, "tcp", "mongodb"),
];

/// The plaintext protocol a port is known for; empty when none is known.
pub fn plaintext(port: u16, protocol: &str) -> &'static str {
    PLAINTEXT.iter().find(|(p, proto, _)| *p == port && *proto == protocol).map_or("", |(_, _, name)| name)
}

/// Published ports. `default_ip` is where the engine binds when no address was given (`0.0.0.0` unless the daemon was
/// told otherwise).
pub(super) fn published(ports: &PortMap, default_ip: &str) -> Vec<PortFacts> {
    let mut found = Vec::new();
    for (key, bindings) in ports {
        let (port, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
        let container_port: u16 = port.parse().unwrap_or_default();
        for binding in bindings.iter().flatten() {
            let given = binding.host_ip.as_deref().unwrap_or_default();
            let host_ip = if given.is_empty() { default_ip } else { given };
            let host_port: u16 = binding.host_port.as_deref().and_then(|p| p.parse().ok()).unwrap_or_default();
            let address =
                host_ip.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok().map(|a| a.to_canonical());
            found.push(PortFacts {
                container_port: i64::from(container_port),
                protocol: protocol.to_owned(),
                host_ip: host_ip.to_owned(),
                host_port: i64::from(host_port),
                all_interfaces: address.is_some_and(|a| a.is_unspecified()),
                loopback: address.is_some_and(|a| a.is_loopback()),
                privileged: host_port != 0 && host_port < 1024,
                plaintext: plaintext(container_port, protocol).to_owned(),
            });
        }
    }
    found.sort_by(|a, b| {
        (a.container_port, &a.protocol, &a.host_ip, a.host_port).cmp(&(
            b.container_port,
            &b.protocol,
            &b.host_ip,
            b.host_port,
        ))
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str, default_ip: &str) -> Vec<PortFacts> {
        published(&serde_json::from_str(json).unwrap(), default_ip)
    }

    #[test]
    fn wildcard_of_either_family_is_every_interface() {
        let ports =
            of(r#"{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"80"},{"HostIp":"::","HostPort":"80"}]}"#, "0.0.0.0");
        assert_eq!(ports.len(), 2);
        assert!(ports.iter().all(|p| p.all_interfaces && p.privileged && p.plaintext == "http" && !p.loopback));
    }

    #[test]
    fn missing_address_means_the_daemons_default() {
        let json = r#"{"6379/tcp":[{"HostIp":"","HostPort":"6379"}],"53/udp":null}"#;
        assert!(of(json, "0.0.0.0")[0].all_interfaces);
        let local = of(json, "127.0.0.1");
        assert!(local[0].loopback && !local[0].all_interfaces);
        assert_eq!(local.len(), 1);
    }

    #[test]
    fn mapped_and_odd_addresses() {
        let ports = of(
            r#"{"5000/tcp":[{"HostIp":"::ffff:127.0.0.1","HostPort":"x"},{"HostIp":"fe80::1%eth0","HostPort":"5000"}]}"#,
            "0.0.0.0",
        );
        assert!(ports[0].loopback);
        assert_eq!(ports[0].host_port, 0);
        assert!(!ports[1].all_interfaces && !ports[1].loopback && ports[1].plaintext.is_empty());
    }
}
