//! Filters of a list: a form that works without script, chips for what is set, and links to the pages of the list.

use phiward_core::asset::Ephi;
use phiward_core::words::Severity;

use crate::params::Params;
use crate::view::words;

/// A choice of one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    pub name: &'static str,
    pub label: &'static str,
    /// Value, words, chosen.
    pub options: Vec<(String, String, bool)>,
}

impl Select {
    /// A choice with `any` first.
    pub fn new(params: &Params, name: &'static str, label: &'static str, any: &str, options: &[(&str, &str)]) -> Self {
        let chosen = params.raw(name).unwrap_or("");
        let mut all = vec![(String::new(), any.to_owned(), chosen.is_empty())];
        all.extend(options.iter().map(|(value, text)| ((*value).to_owned(), (*text).to_owned(), *value == chosen)));
        // A kind that this version does not name stays chosen, so that the form says what the list shows.
        if !chosen.is_empty() && !all.iter().any(|(.., chosen)| *chosen) {
            all.push((chosen.to_owned(), words::cut(chosen, 40), true));
        }
        Select { name, label, options: all }
    }

    /// Which kind.
    pub fn kind(params: &Params) -> Self {
        let kinds: Vec<(&str, &str)> = words::kind_ids().map(|id| (id, words::kinds(id))).collect();
        Select::new(params, "kind", "Kind", "Every kind", &kinds)
    }

    /// Whether it holds ePHI.
    pub fn ephi(params: &Params) -> Self {
        let words = [Ephi::Yes, Ephi::Unknown, Ephi::No].map(|e| {
            (
                e.as_str(),
                match e {
                    Ephi::Yes => "Holds ePHI",
                    Ephi::Unknown => "ePHI unknown",
                    Ephi::No => "No ePHI",
                },
            )
        });
        Select::new(params, "ephi", "ePHI", "With or without ePHI", &words)
    }

    /// At least this severity.
    pub fn severity(params: &Params) -> Self {
        let words = Severity::ALL.map(|s| {
            (
                s.as_str(),
                match s {
                    Severity::Critical => "Critical",
                    Severity::High => "High and worse",
                    Severity::Medium => "Medium and worse",
                    Severity::Low => "Low and worse",
                    Severity::Info => "Info and worse",
                },
            )
        });
        Select::new(params, "severity", "Severity", "Every severity", &words)
    }
}

/// A filter that is set, with the address without it.
#[derive(Clone, Debug, PartialEq)]
pub struct Chip {
    pub text: String,
    pub href: String,
}

/// Chips for the named parameters that are set.
pub fn chips(params: &Params, names: &[(&str, &str)]) -> Vec<Chip> {
    let set = names.iter().filter_map(|(name, label)| params.raw(name).map(|value| (*name, *label, value)));
    set.map(|(name, label, value)| {
        let shown = match name {
            "kind" => words::kinds(value).to_owned(),
            "category" => phiward_core::words::Category::from_word(value).map_or(value, |c| c.title()).to_owned(),
            _ => words::cut(value, 60),
        };
        Chip { text: format!("{label}: {shown}"), href: params.with(&[(name, ""), ("cursor", "")]) }
    })
    .collect()
}

/// Links to other pages of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pager {
    /// Back to the start; empty on the first page.
    pub first: String,
    /// On; empty on the last page.
    pub next: String,
}

impl Pager {
    /// Links from the cursor the store gave.
    pub fn new(params: &Params, next: Option<&str>) -> Self {
        Pager {
            first: params.raw("cursor").map(|_| params.with(&[("cursor", "")])).unwrap_or_default(),
            next: next.map(|next| params.with(&[("cursor", next)])).unwrap_or_default(),
        }
    }
}
