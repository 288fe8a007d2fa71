//! Changes as people read them: many of one kind at one time become one line.

use jiff::Timestamp;
use phiward_core::content::Content;
use phiward_core::words::Verdict;
use phiward_store::model::{Change, ChangeKind};

use super::time::When;
use super::words;

/// One line of a history.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub when: When,
    /// `up` better, `down` worse, `flat` neither.
    pub class: &'static str,
    /// The arrow's meaning in a word, for those who do not see it.
    pub sense: &'static str,
    /// The asset's name, or how many.
    pub name: String,
    /// Where the name leads; empty for many.
    pub href: String,
    /// What happened, to follow the name.
    pub text: String,
    pub note: String,
    /// Where the note leads; empty for none.
    pub note_href: String,
}

/// Seconds within which changes of one kind are told together.
const TOGETHER: i64 = 300;

/// At most `most` lines from changes given newest first, of which `limit` were asked for: when so many came, the
/// oldest group may be larger than what is here.
pub fn entries(changes: &[Change], content: &Content, now: Timestamp, most: usize, limit: u32) -> Vec<Entry> {
    let mut groups: Vec<Vec<&Change>> = Vec::new();
    for change in changes {
        let like = |other: &Change| {
            let same_check =
                other.check == change.check || change.kind == ChangeKind::Closed && other.asset == change.asset;
            let near = (other.at.as_second() - change.at.as_second()).abs() <= TOGETHER;
            other.kind == change.kind && same_check && near && other.kind != ChangeKind::Source
        };
        match groups.iter_mut().rev().take(8).find(|group| group.last().is_some_and(|last| like(last))) {
            Some(group) => group.push(change),
            None => groups.push(vec![change]),
        }
    }
    let cut = (changes.len() >= limit as usize).then(|| changes.last()).flatten();
    let open = |group: &[&Change]| cut.is_some_and(|cut| group.iter().any(|change| change.id == cut.id));
    groups.iter().take(most).filter_map(|group| entry(group, open(group), content, now)).collect()
}

fn entry(group: &[&Change], open: bool, content: &Content, now: Timestamp) -> Option<Entry> {
    let first = *group.first()?;
    let n = i64::try_from(group.len()).unwrap_or(i64::MAX);
    let one = group.iter().all(|change| change.asset == first.asset);
    let kinds = group.iter().all(|change| change.asset_kind == first.asset_kind);
    let more_than = if open { "more than " } else { "" };
    let (name, href) = if one {
        (first.asset_name.clone(), words::asset_href(first.asset.as_str()))
    } else if kinds {
        (
            format!("{more_than}{} {}", words::number(n), words::lower_first(words::kinds(&first.asset_kind))),
            String::new(),
        )
    } else {
        (format!("{more_than}{}", words::count(n, "asset", "assets")), String::new())
    };
    let (class, sense, text) = match first.kind {
        ChangeKind::Appeared => ("flat", "New", "appeared".to_owned()),
        ChangeKind::Gone => ("flat", "Gone", if one { "is gone" } else { "are gone" }.to_owned()),
        ChangeKind::Opened => ("down", "Worse", if one { "began to fail" } else { "began to fail a check" }.to_owned()),
        ChangeKind::Closed if one && n > 1 => ("up", "Better", format!("{n} findings closed")),
        ChangeKind::Closed => ("up", "Better", if one { "passes again" } else { "pass again" }.to_owned()),
        ChangeKind::BecameUnknown => ("down", "Worse", "can no longer be judged".to_owned()),
        ChangeKind::Source => ("flat", "Source", first.detail.clone()),
    };
    let check = content.check(&first.check).map(|c| c.as_ref());
    let verdict = if first.kind == ChangeKind::Opened { Verdict::Fail } else { Verdict::Pass };
    let title = words::finding_title(check, &first.check, verdict);
    let names = || {
        let few: Vec<&str> = group.iter().take(3).map(|change| change.asset_name.as_str()).collect();
        let more = match (n > 3, open) {
            (_, true) => " and more".to_owned(),
            (true, _) => format!(" and {} more", words::number(n - 3)),
            _ => String::new(),
        };
        words::cut(&format!("{}{more}", few.join(", ")), 120)
    };
    let (note, note_href) = match first.kind {
        ChangeKind::Source => ("Source".to_owned(), "/sources".to_owned()),
        _ if !one && first.check.is_empty() => (names(), String::new()),
        ChangeKind::Closed if one && n > 1 => (String::new(), String::new()),
        _ if first.check.is_empty() => (words::kind(&first.asset_kind).to_owned(), String::new()),
        _ => (title.to_owned(), words::check_href(&first.check)),
    };
    // A source is not an asset with a page.
    let href = if first.kind == ChangeKind::Source { "/sources".to_owned() } else { href };
    Some(Entry { when: When::ago(first.at, now), class, sense, name, href, text, note, note_href })
}
