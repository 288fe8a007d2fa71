//! Facts about one image, from its inspection and history.

use std::collections::BTreeMap;

use bollard::models::{ImageHistoryResponseItem, ImageInspect};
use jiff::Timestamp;
use phiward_core::asset::Missing;

use super::container::days;
use super::facts::ImageFacts;
use super::{history, secrets};

/// Facts that rest on the image alone. `history` is the engine's answer, newest step first.
pub(super) fn facts(
    inspect: &ImageInspect,
    history: Result<&[ImageHistoryResponseItem], String>,
    now: Timestamp,
) -> (ImageFacts, Vec<Missing>) {
    let config = inspect.config.clone().unwrap_or_default();
    let labels: BTreeMap<String, String> = secrets::hide_in_labels(config.labels.unwrap_or_default());
    let tags: Vec<String> = named(inspect.repo_tags.as_deref());
    let mut exposed = config.exposed_ports.unwrap_or_default();
    exposed.sort();
    let mut volumes = config.volumes.unwrap_or_default();
    volumes.sort();
    let created = inspect.created.clone().unwrap_or_default();
    let user = config.user.unwrap_or_default();
    let mut gaps = Vec::new();
    if inspect.config.is_none() {
        for path in
            ["environment_secrets", "exposed_ports", "exposes_ssh", "healthcheck", "runs_as_root", "user", "volumes"]
        {
            gaps.push(Missing { path: path.into(), why: "the engine's answer about it has no Config".into() });
        }
    }
    let steps = match history {
        Ok(items) => Some(history::read(items.iter().rev().map(|i| i.created_by.as_str()))),
        Err(why) => {
            for path in ["history_secrets", "uses_add", "update_alone", "upgrade_step", "curl_pipe_shell"] {
                gaps.push(Missing { path: path.into(), why: format!("the image's history could not be read: {why}") });
            }
            None
        }
    };
    let facts = ImageFacts {
        id: inspect.id.clone().unwrap_or_default(),
        untagged: tags.is_empty(),
        only_latest: !tags.is_empty() && tags.iter().all(|t| t.ends_with(":latest")),
        digests: named(inspect.repo_digests.as_deref()),
        age_days: days(&created, now).unwrap_or_default(),
        created_at: created,
        size_bytes: inspect.size.unwrap_or_default(),
        layers: i64::try_from(inspect.root_fs.as_ref().and_then(|r| r.layers.as_ref()).map_or(0, Vec::len))
            .unwrap_or_default(),
        architecture: inspect.architecture.clone().unwrap_or_default(),
        os: inspect.os.clone().unwrap_or_default(),
        runs_as_root: matches!(user.split(':').next().unwrap_or_default(), "" | "root")
            || user.split(':').next().and_then(|u| u.parse::<i64>().ok()) == Some(0),
        user,
        healthcheck: config.healthcheck.and_then(|h| h.test).is_some_and(|t| t.first().is_some_and(|w| w != "NONE")),
        exposes_ssh: exposed.iter().any(|p| p == "22/tcp" || p == "22"),
        exposed_ports: exposed,
        volumes,
        ephi: String::new(),
        owner: labels.get("phiward.owner").cloned().unwrap_or_default(),
        environment_secrets: secrets::in_environment(&config.env.unwrap_or_default()),
        provenance_label: ["org.opencontainers.image.source", "org.opencontainers.image.revision"]
            .iter()
            .any(|l| labels.get(*l).is_some_and(|v| !v.trim().is_empty())),
        uses_add: steps.as_ref().map(|s| s.uses_add),
        update_alone: steps.as_ref().map(|s| s.update_alone),
        upgrade_step: steps.as_ref().map(|s| s.upgrade_step),
        curl_pipe_shell: steps.as_ref().map(|s| s.curl_pipe_shell),
        history_secrets: steps.map(|s| s.secrets),
        in_use: false,
        running_containers: 0,
        labels,
        tags,
    };
    (facts, gaps)
}

/// References without the engine's placeholder for none.
pub(super) fn named(references: Option<&[String]>) -> Vec<String> {
    let mut list: Vec<String> =
        references.unwrap_or_default().iter().filter(|t| !t.starts_with("<none>")).cloned().collect();
    list.sort();
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_and_its_history() {
        let inspect: ImageInspect = serde_json::from_str(
            r#"{"Id":"sha256:1","RepoTags":["app:latest"],"RepoDigests":["<none>@<none>"],"Created":"2026-01-01T00:00:00Z","Size":10,
            "RootFS":{"Type":"layers","Layers":["a","b"]},
            "Config":{"User":"0:0","ExposedPorts":{"22/tcp":{},"80/tcp":{}},"Labels":{"org.opencontainers.image.source":"https://x"},"Env":["A_TOKEN=abc123"]}}"#,
        )
        .unwrap();
        let steps: Vec<ImageHistoryResponseItem> = ["RUN curl x | sh", "ADD rootfs.tar /"]
            .iter()
            .map(|s| ImageHistoryResponseItem { created_by: (*s).to_owned(), ..ImageHistoryResponseItem::default() })
            .collect();
        let (f, gaps) = facts(&inspect, Ok(&steps), "2026-01-11T00:00:00Z".parse().unwrap());
        assert!(gaps.is_empty());
        assert!(f.only_latest && f.runs_as_root && f.exposes_ssh && f.provenance_label && f.digests.is_empty());
        assert_eq!((f.layers, f.age_days, f.uses_add, f.curl_pipe_shell), (2, 10, Some(false), Some(true)));
        assert_eq!(f.environment_secrets.len(), 1);
    }

    #[test]
    fn an_unread_history_is_unknown() {
        let inspect = ImageInspect { config: Some(Default::default()), ..ImageInspect::default() };
        let (f, gaps) = facts(&inspect, Err("timeout".into()), Timestamp::UNIX_EPOCH);
        assert!(f.history_secrets.is_none() && f.uses_add.is_none() && f.untagged);
        assert_eq!(gaps.len(), 5);
    }
}
