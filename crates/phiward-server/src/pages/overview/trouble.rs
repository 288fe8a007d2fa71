//! Sources in trouble: what is missing, and how to connect it.

use jiff::Timestamp;
use phiward_core::asset::Status;
use phiward_store::model::SourceRow;

use crate::pages::Chrome;
use crate::view::badge::{self, Badge};
use crate::view::time::When;
use crate::view::words;

/// A source that does not give all it should.
pub struct Trouble {
    pub badge: Badge,
    pub name: String,
    pub text: String,
    pub help: String,
    pub when: Option<When>,
}

/// All of them, worst first.
pub fn trouble(chrome: &Chrome, sources: &[SourceRow], now: Timestamp) -> Vec<Trouble> {
    let mut found: Vec<(u8, Trouble)> = Vec::new();
    for source in sources {
        let help = source.help.as_deref().map(words::before_code).unwrap_or_default();
        let name = source.target.clone();
        match &source.status {
            // With nothing read at all, the card above says it already.
            Status::Failed { .. } if chrome.assets() == 0 => {}
            Status::Failed { why } => found.push((
                0,
                Trouble {
                    badge: badge::source(&source.status),
                    name,
                    text: format!("could not be read: {why}"),
                    help,
                    when: source.last_good.map(|at| When::ago(at, now)),
                },
            )),
            Status::Partial { missing } => {
                let n = i64::try_from(missing.len()).unwrap_or(i64::MAX);
                // Where nothing can be done about it, the reasons wait on the page of sources.
                let why = match missing.first() {
                    Some(gap) if !help.is_empty() => format!(": {}", words::cut(&gap.why, 160)),
                    _ => ", and what rests on them is unknown".to_owned(),
                };
                let text = format!("{} could not be read{why}", words::count(n, "part", "parts"));
                found.push((2, Trouble { badge: badge::source(&source.status), name, text, help, when: None }));
            }
            Status::Complete => {}
        }
        if let Some(gap) = source.gap.as_ref().filter(|gap| gap.healed.is_none()) {
            let text = format!("some of its events were missed: {}. A full reading heals it", gap.why);
            let when = Some(When::ago(gap.noticed, now));
            found.push((
                1,
                Trouble {
                    badge: badge::watch("reconnecting"),
                    name: source.target.clone(),
                    text,
                    help: String::new(),
                    when,
                },
            ));
        } else if source.watch == "reconnecting" && source.status.word() != "failed" {
            let text = "is being reconnected: changes are not seen as they happen".to_owned();
            found.push((
                1,
                Trouble {
                    badge: badge::watch("reconnecting"),
                    name: source.target.clone(),
                    text,
                    help: String::new(),
                    when: None,
                },
            ));
        }
    }
    let engine = chrome.counts.kinds.get("docker.engine").is_some_and(|count| count.all > 0);
    if !engine && !sources.iter().any(|source| source.collector == "docker") && !sources.is_empty() {
        let text = "No Docker engine is connected: containers are not seen at all".to_owned();
        let help =
            "Start Docker on this machine, or point DOCKER_HOST at an engine, and start phiward again.".to_owned();
        found.push((0, Trouble { badge: badge::watch("off"), name: String::new(), text, help, when: None }));
    }
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, trouble)| trouble).collect()
}
