//! Query parameters: read by name, bounded, and refused in words when they make no sense. Nothing in an address can
//! make a handler fail in any other way.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use phiward_core::asset::Ephi;
use phiward_core::posture::State;
use phiward_core::words::{Category, Severity, Verdict};
use phiward_store::model::{AssetQuery, AssetSort, FindingQuery};

use crate::problem::Problem;

/// Longest value taken, in bytes. Asset ids are the longest and stay far below.
const LONGEST: usize = 2048;
/// Characters that stay as they are in an address's values.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The parameters of a request. Empty ones count as not given; of repeated ones the last counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params {
    pub path: String,
    pairs: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Params::new(parts.uri.path(), parts.uri.query().unwrap_or("")))
    }
}

impl Params {
    /// Reads a query string.
    pub fn new(path: &str, query: &str) -> Self {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).take(64) {
            pairs.retain(|(known, _)| *known != name);
            if !value.trim().is_empty() {
                pairs.push((name.into_owned(), value.trim().to_owned()));
            }
        }
        Params { path: path.to_owned(), pairs }
    }

    /// A value as it was given, if any.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A value, refused when it is too long or holds control characters.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.raw(name) {
            Some(value) if value.len() > LONGEST => {
                Err(Problem::bad(format!("The parameter `{name}` is longer than {LONGEST} bytes. Shorten it.")))
            }
            Some(value) if value.chars().any(char::is_control) => {
                Err(Problem::bad(format!("The parameter `{name}` holds control characters. Leave them out.")))
            }
            other => Ok(other),
        }
    }

    fn string(&self, name: &str) -> Result<String, Problem> {
        Ok(self.text(name)?.unwrap_or_default().to_owned())
    }

    /// A value that must be one of a few words.
    pub fn word<T>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Problem>
    where
        T: Copy,
    {
        let Some(value) = self.text(name)? else { return Ok(None) };
        match words.iter().find(|(word, _)| *word == value) {
            Some((_, found)) => Ok(Some(*found)),
            None => {
                let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(Problem::bad(format!(
                    "The parameter `{name}` is `{value}`; it must be one of: {}.",
                    list.join(", ")
                )))
            }
        }
    }

    /// A whole number within bounds.
    pub fn number(&self, name: &str, low: i64, high: i64) -> Result<Option<i64>, Problem> {
        let Some(value) = self.text(name)? else { return Ok(None) };
        match value.parse::<i64>() {
            Ok(number) if (low..=high).contains(&number) => Ok(Some(number)),
            _ => Err(Problem::bad(format!(
                "The parameter `{name}` is `{value}`; it must be a whole number from {low} to {high}."
            ))),
        }
    }

    /// `severity`: at least this one.
    pub fn severity(&self) -> Result<Option<Severity>, Problem> {
        self.word("severity", &Severity::ALL.map(|s| (s.as_str(), s)))
    }

    /// `ephi`.
    pub fn ephi(&self) -> Result<Option<Ephi>, Problem> {
        self.word("ephi", &[Ephi::Yes, Ephi::Unknown, Ephi::No].map(|e| (e.as_str(), e)))
    }

    /// `category`.
    pub fn category(&self) -> Result<Option<Category>, Problem> {
        self.word("category", &Category::ALL.map(|c| (c.as_str(), c)))
    }

    /// `limit`, 1 to 500, else `default`.
    pub fn limit(&self, default: u32) -> Result<u32, Problem> {
        let given = self.number("limit", 1, 500)?;
        Ok(given.and_then(|n| u32::try_from(n).ok()).unwrap_or(default))
    }

    /// Parameters of an asset list.
    pub fn assets(&self, limit: u32) -> Result<AssetQuery, Problem> {
        let sorts = [
            ("worst", AssetSort::Worst),
            ("name", AssetSort::Name),
            ("kind", AssetSort::Kind),
            ("seen", AssetSort::Seen),
        ];
        Ok(AssetQuery {
            search: self.string("search")?,
            kind: self.string("kind")?,
            ephi: self.ephi()?,
            owner: self.string("owner")?,
            state: self
                .word("state", &[State::Failing, State::Undetermined, State::Compliant].map(|s| (s.as_str(), s)))?,
            severity: self.severity()?,
            category: self.category()?,
            sort: self.word("sort", &sorts)?.unwrap_or_default(),
            descending: self.word("order", &[("asc", false), ("desc", true)])?.unwrap_or(false),
            cursor: self.text("cursor")?.map(str::to_owned),
            limit: self.limit(limit)?,
        })
    }

    /// Parameters of a findings list.
    pub fn findings(&self, limit: u32) -> Result<FindingQuery, Problem> {
        Ok(FindingQuery {
            search: self.string("search")?,
            check: self.string("check")?,
            asset: self.string("asset")?,
            kind: self.string("kind")?,
            ephi: self.ephi()?,
            verdict: self.word("verdict", &[Verdict::Fail, Verdict::Unknown].map(|v| (v.as_str(), v)))?,
            severity: self.severity()?,
            owner: self.string("owner")?,
            checks: Vec::new(),
            cursor: self.text("cursor")?.map(str::to_owned),
            limit: self.limit(limit)?,
        })
    }

    /// The same address with some parameters set (or, with an empty value, taken away).
    pub fn with(&self, changes: &[(&str, &str)]) -> String {
        let kept = self.pairs.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        address(&self.path, kept.chain(changes.iter().copied()))
    }
}

/// An address with parameters; those without a value are left out.
pub fn address<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = path.to_owned();
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        text.push(if text.len() == path.len() { '?' } else { '&' });
        text.push_str(&encode(name));
        text.push('=');
        text.push_str(&encode(value));
    }
    text
}

/// One part of a path or one value, encoded.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_are_refused_in_words() {
        let p = |q: &str| Params::new("/api/v1/assets", q);
        assert_eq!(p("limit=10&kind=host").assets(50).unwrap().limit, 10);
        assert_eq!(p("").assets(50).unwrap().limit, 50);
        for bad in [
            "limit=0",
            "limit=501",
            "limit=x",
            "ephi=maybe",
            "severity=worst",
            "sort=size",
            "order=up",
            "search=a%00b",
            "state=ok",
        ] {
            let problem = p(bad).assets(50).unwrap_err();
            assert_eq!(problem.status, 400, "{bad}");
            assert!(problem.detail.contains(bad.split('=').next().unwrap()), "{}", problem.detail);
        }
        assert!(p(&format!("search={}", "a".repeat(3000))).assets(50).is_err());
        // Not UTF-8, broken escapes, repeated, empty: no failure.
        assert!(
            p("search=%ff%fe&kind=%&owner=%zz&&=&ephi=&severity=low&severity=high").assets(50).unwrap().severity
                == Some(Severity::High)
        );
    }

    #[test]
    fn addresses_survive_hostile_values() {
        let p = Params::new("/assets", "search=a%26b%3D%22&cursor=zz&kind=host");
        assert_eq!(p.with(&[("cursor", ""), ("sort", "name")]), "/assets?search=a%26b%3D%22&kind=host&sort=name");
        assert_eq!(address("/asset", [("id", "docker://e/container/1")]), "/asset?id=docker%3A%2F%2Fe%2Fcontainer%2F1");
    }
}
