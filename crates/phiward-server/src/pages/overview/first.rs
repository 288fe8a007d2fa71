//! The one thing to do first.

use jiff::Timestamp;
use phiward_core::asset::{Ephi, Status};
use phiward_core::content::Content;
use phiward_store::model::{FindingRow, SourceRow};

use crate::pages::Chrome;
use crate::view::badge::{self, Badge};
use crate::view::time::When;
use crate::view::words;

/// What to do, why, and the way to it.
pub struct First {
    /// `bad`, `unknown`, `ok` or `start`.
    pub class: &'static str,
    pub badge: Option<Badge>,
    pub title: String,
    pub since: Option<When>,
    pub text: String,
    pub button: &'static str,
    pub href: String,
}

/// Chooses it: a source when nothing was read, else the worst failure, else what is unknown.
pub fn first(
    chrome: &Chrome,
    content: &Content,
    top: Option<&FindingRow>,
    sources: &[SourceRow],
    now: Timestamp,
) -> First {
    if chrome.assets() == 0 {
        return start(sources);
    }
    if let Some(row) = top {
        return failing(chrome, content, row, now);
    }
    if chrome.counts.unknown > 0 {
        return First {
            class: "unknown",
            badge: None,
            title: format!("Nothing is known to fail, but {} could not be decided", words::count(chrome.counts.unknown, "answer", "answers")),
            since: None,
            text: "Unknown is not a pass. Most often phiward may not read what it needs: each answer says what is missing.".to_owned(),
            button: "See what is unknown",
            href: "/findings?verdict=unknown".to_owned(),
        };
    }
    First {
        class: "ok",
        badge: None,
        title: "Nothing needs you now".to_owned(),
        since: None,
        text: "Every check that could be made passes on everything phiward sees. Some of the Security Rule needs a person.".to_owned(),
        button: "See what needs a person",
        href: "/controls".to_owned(),
    }
}

fn start(sources: &[SourceRow]) -> First {
    let failed = sources.iter().find_map(|source| match &source.status {
        Status::Failed { why } => Some((source, why)),
        _ => None,
    });
    match failed {
        Some((source, why)) => First {
            class: "bad",
            badge: None,
            title: format!("{} could not be read", source.target),
            since: None,
            text: format!(
                "{}. {}",
                why.trim_end_matches('.'),
                source.help.as_deref().map_or("The sources page says what it needs.".to_owned(), words::before_code)
            ),
            button: "See what is missing",
            href: "/sources".to_owned(),
        },
        None => First {
            class: "start",
            badge: None,
            title: "phiward is reading this machine for the first time".to_owned(),
            since: None,
            text: "The first reading takes some seconds. This page fills by itself; without script, reload it."
                .to_owned(),
            button: "See the sources",
            href: "/sources".to_owned(),
        },
    }
}

fn failing(chrome: &Chrome, content: &Content, row: &FindingRow, now: Timestamp) -> First {
    let check = content.check(&row.check);
    let what = check.map_or(row.check.clone(), |check| words::lower_first(&check.message));
    let holds = match row.ephi {
        Ephi::Yes => "It holds ePHI. ",
        Ephi::Unknown => "Nobody has said whether it holds ePHI, so it counts as if it did. ",
        Ephi::No => "",
    };
    let remedy = check.map(|check| words::first_sentence(&words::before_code(&check.remedy))).unwrap_or_default();
    let more = chrome.failing() - 1;
    let more = if more > 0 {
        format!(" {} after this one.", words::count(more, "more finding", "more findings"))
    } else {
        String::new()
    };
    First {
        class: if row.severity >= phiward_core::words::Severity::High { "bad" } else { "warn" },
        badge: Some(badge::severity(row.severity)),
        title: format!("{}: {}", words::cut(&row.asset_name, 60), what.trim_end_matches('.')),
        since: Some(When::lasting(row.since, now)),
        text: format!("{holds}{}{more}", words::cut(&remedy, 220)),
        button: "See the fix",
        href: format!("{}#{}", words::asset_href(row.asset.as_str()), row.check),
    }
}
