//! Time as people read it: relative, with the exact moment on hover.

use askama::Template;
use jiff::Timestamp;

use super::component;

/// A moment, shown relative to now.
#[derive(Clone, Debug, PartialEq, Template)]
#[template(source = r#"<time datetime="{{ machine }}" title="{{ exact }}">{{ text }}</time>"#, ext = "html")]
pub struct When {
    machine: String,
    exact: String,
    pub text: String,
}
component!(When);

impl When {
    /// `6 min ago`.
    pub fn ago(at: Timestamp, now: Timestamp) -> Self {
        let seconds = now.as_second() - at.as_second();
        let text = match seconds {
            -4..5 => "just now".to_owned(),
            5.. => format!("{} ago", span(seconds)),
            _ => format!("in {}", span(-seconds)),
        };
        Self::worded(at, text)
    }

    /// `6 min`: how long it has lasted.
    pub fn lasting(at: Timestamp, now: Timestamp) -> Self {
        Self::worded(at, span((now.as_second() - at.as_second()).max(0)))
    }

    fn worded(at: Timestamp, text: String) -> Self {
        When {
            machine: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            exact: at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            text,
        }
    }
}

/// A length of time in one unit.
pub fn span(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 31_556_952;
    match seconds {
        ..MINUTE => format!("{} s", seconds.max(0)),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..172_800 => format!("{} h", seconds / HOUR),
        172_800..63_072_000 => format!("{} d", seconds / DAY),
        _ => format!("{} years", seconds / YEAR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_and_exact() {
        let now: Timestamp = "2030-01-31T14:00:00Z".parse().unwrap();
        let at = |s: &str| s.parse::<Timestamp>().unwrap();
        assert_eq!(When::ago(at("2030-01-31T13:54:00Z"), now).text, "6 min ago");
        assert_eq!(When::ago(now, now).text, "just now");
        assert_eq!(When::ago(at("2030-01-31T14:01:00Z"), now).text, "in 1 min");
        assert_eq!(When::lasting(at("2030-01-19T14:00:00Z"), now).text, "12 d");
        assert_eq!(When::lasting(at("2030-02-19T14:00:00Z"), now).text, "0 s");
        assert_eq!(When::ago(Timestamp::MIN, now).text, "12029 years ago");
        let html = When::ago(at("2030-01-31T13:54:00Z"), now).to_string();
        assert!(
            html.contains("datetime=\"2030-01-31T13:54:00Z\"") && html.contains("title=\"2030-01-31 13:54:00 UTC\""),
            "{html}"
        );
    }
}
