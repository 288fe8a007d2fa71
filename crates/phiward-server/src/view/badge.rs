//! Badges: a shape and a word, never colour alone.

use askama::Template;
use phiward_core::asset::{Ephi, Status};
use phiward_core::control::ControlState;
use phiward_core::posture::State;
use phiward_core::words::{Severity, Verdict};
use phiward_store::model::AssetRow;

use super::component;

const TRIANGLE: &str = "M5 .4 10 9.6H0z";
const DIAMOND: &str = "M5 0 10 5 5 10 0 5z";
const DISC: &str = "M5 .5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9z";
const RING: &str = "M5 .5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zm0 1.9a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2z";
const HALF: &str = "M5 .5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zm0 1.5a3 3 0 0 0 0 6z";
const BAR: &str = "M0 4h10v2H0z";
const TICK: &str = "M3.7 9.2 0 5.5 1.5 4l2.2 2.2L8.5 1.4 10 2.9z";
const QUESTION: &str = "M1.6 3.2A3.3 3.3 0 1 1 6 6.2v.7H4.1V4.7h.8a1.5 1.5 0 1 0-1.5-1.5zM4.1 7.9h1.9v1.9H4.1z";
const PERSON: &str = "M5 0a2.4 2.4 0 1 1 0 4.8A2.4 2.4 0 0 1 5 0zM.5 10a4.5 4.5 0 0 1 9 0z";
const CROSS: &str = "M3.5 0h3v3.5H10v3H6.5V10h-3V6.5H0v-3h3.5z";
const CLOCK: &str = "M5 .5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM4.3 2.3v3.2l2.3 1.4.7-1.1-1.7-1V2.3z";

/// A shape and a word in a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Template)]
#[template(
    source = r#"<span class="badge {{ class }}"><svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true"><path fill="currentColor" fill-rule="evenodd" d="{{ shape }}"/></svg>{{ word }}</span>"#,
    ext = "html"
)]
pub struct Badge {
    pub class: &'static str,
    pub shape: &'static str,
    pub word: &'static str,
}
component!(Badge);

const fn badge(class: &'static str, shape: &'static str, word: &'static str) -> Badge {
    Badge { class, shape, word }
}

/// A severity's badge.
pub fn severity(severity: Severity) -> Badge {
    match severity {
        Severity::Critical => badge("bad", TRIANGLE, "Critical"),
        Severity::High => badge("warn", DIAMOND, "High"),
        Severity::Medium => badge("mid", DISC, "Medium"),
        Severity::Low => badge("mid", RING, "Low"),
        Severity::Info => badge("mid", BAR, "Info"),
    }
}

/// A verdict's badge.
pub fn verdict(verdict: Verdict) -> Badge {
    match verdict {
        Verdict::Pass => badge("ok", TICK, "Passes"),
        Verdict::Fail => badge("bad", TRIANGLE, "Fails"),
        Verdict::Unknown => badge("unknown", QUESTION, "Unknown"),
        Verdict::NotApplicable => badge("mid", BAR, "Does not apply"),
        Verdict::Excepted => badge("mid", HALF, "Excepted"),
    }
}

/// Whether something holds ePHI.
pub fn ephi(ephi: Ephi) -> Badge {
    match ephi {
        Ephi::Yes => badge("ephi", CROSS, "ePHI"),
        Ephi::Unknown => badge("unknown", QUESTION, "ePHI unknown"),
        Ephi::No => badge("plain", BAR, "No ePHI"),
    }
}

/// Where one asset stands. Without any answer there is nothing to stand for.
pub fn asset(row: &AssetRow) -> Badge {
    match (row.failing, row.unknown, row.passing) {
        (0, 0, 0) => badge("plain", RING, "Nothing to judge"),
        _ => state(row.state),
    }
}

/// The word of a state.
pub fn state(state: State) -> Badge {
    match state {
        State::Failing => badge("bad", TRIANGLE, "Failing"),
        State::Undetermined => badge("unknown", QUESTION, "Undetermined"),
        State::Compliant => badge("ok", TICK, "Compliant"),
    }
}

/// Where a control stands.
pub fn control(state: ControlState) -> Badge {
    let (class, shape) = match state {
        ControlState::Failing => ("bad", TRIANGLE),
        ControlState::Unknown => ("unknown", QUESTION),
        ControlState::Supported => ("part", HALF),
        ControlState::Met => ("ok", TICK),
        ControlState::NotJudged => ("plain", RING),
        ControlState::NeedsPerson => ("plain", PERSON),
    };
    badge(class, shape, state.title())
}

/// How a source was read.
pub fn source(status: &Status) -> Badge {
    match status {
        Status::Complete => badge("ok", TICK, "Complete"),
        Status::Partial { .. } => badge("warn", HALF, "Partial"),
        Status::Failed { .. } => badge("bad", TRIANGLE, "Failed"),
    }
}

/// How a source is watched.
pub fn watch(word: &str) -> Badge {
    match word {
        "live" => badge("ok", DISC, "Live"),
        "reconnecting" => badge("warn", CLOCK, "Reconnecting"),
        _ => badge("plain", BAR, "Not watched live"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_differ_in_shape_and_word() {
        let mut seen = std::collections::HashSet::new();
        for s in Severity::ALL {
            let b = severity(s);
            assert_eq!(b.word, s.title());
            assert!(seen.insert(b.shape), "{} shares its shape", b.word);
        }
    }
}
