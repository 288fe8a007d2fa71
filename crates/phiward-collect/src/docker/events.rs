//! The engine's events, and how to notice that some were lost.

use std::collections::HashMap;

use bollard::models::{EventMessage, EventMessageTypeEnum};
use futures_util::{Stream, StreamExt};
use jiff::Timestamp;

/// An object whose facts may have changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Touched {
    Container(String),
    /// Id or reference.
    Image(String),
    Volume(String),
    Network(String),
    Engine,
}

/// One event. Those that change no facts (`exec_start`, health checks) come too, with nothing touched, because the engine's
/// memory of events is counted in all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Nanoseconds since 1970, by the engine's clock.
    pub time_nanos: i64,
    pub touched: Option<Touched>,
    /// Kind and action: `container start`.
    pub action: String,
    pub actor_id: String,
    /// The container that joined or left a network, or mounts a volume.
    pub container: Option<String>,
}

/// Why the stream of events broke.
#[derive(Debug, thiserror::Error)]
#[error("the engine's events could not be read: {why}")]
pub struct EventError {
    pub why: String,
}

/// Events since a moment, then live. With `since` the engine first replays what it remembers, the event of that very
/// moment included.
pub(super) fn stream(
    docker: bollard::Docker,
    since: Option<Timestamp>,
) -> impl Stream<Item = Result<Event, EventError>> + Send + 'static {
    let since = since.map(|t| {
        let nanos = t.as_nanosecond();
        format!("{}.{:09}", nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000))
    });
    let options = bollard::query_parameters::EventsOptions { since, ..Default::default() };
    docker.events(Some(options)).map(|item| match item {
        Ok(message) => Ok(read(message)),
        Err(e) => Err(EventError { why: e.to_string() }),
    })
}

pub(super) fn read(message: EventMessage) -> Event {
    let action = message.action.unwrap_or_default();
    let actor = message.actor.unwrap_or_default();
    let id = actor.id.unwrap_or_default();
    let attributes = actor.attributes.unwrap_or_default();
    let time_nanos =
        message.time_nano.unwrap_or_else(|| message.time.unwrap_or_default().saturating_mul(1_000_000_000));
    let kind = message.typ.unwrap_or(EventMessageTypeEnum::EMPTY);
    Event {
        time_nanos,
        touched: touched(kind, &action, &id),
        action: format!("{kind} {action}"),
        container: other_container(kind, &attributes),
        actor_id: id,
    }
}

fn other_container(kind: EventMessageTypeEnum, attributes: &HashMap<String, String>) -> Option<String> {
    matches!(kind, EventMessageTypeEnum::NETWORK | EventMessageTypeEnum::VOLUME)
        .then(|| attributes.get("container").cloned())
        .flatten()
}

fn touched(kind: EventMessageTypeEnum, action: &str, id: &str) -> Option<Touched> {
    // `health_status: healthy` and `exec_create: sh` carry their argument in the action.
    let verb = action.split(':').next().unwrap_or_default();
    match kind {
        EventMessageTypeEnum::CONTAINER => match verb {
            "attach" | "archive-path" | "copy" | "detach" | "exec_create" | "exec_detach" | "exec_die"
            | "exec_start" | "export" | "extract-to-dir" | "health_status" | "kill" | "resize" | "top" | "prune" => {
                None
            }
            _ => Some(Touched::Container(id.to_owned())),
        },
        EventMessageTypeEnum::IMAGE => match verb {
            "save" | "push" | "prune" => None,
            _ => Some(Touched::Image(id.to_owned())),
        },
        EventMessageTypeEnum::VOLUME => match verb {
            "prune" => None,
            _ => Some(Touched::Volume(id.to_owned())),
        },
        EventMessageTypeEnum::NETWORK => match verb {
            "prune" => None,
            _ => Some(Touched::Network(id.to_owned())),
        },
        EventMessageTypeEnum::DAEMON => Some(Touched::Engine),
        EventMessageTypeEnum::NODE | EventMessageTypeEnum::PLUGIN => Some(Touched::Engine),
        _ => None,
    }
}

/// Events were lost: a whole reading is due.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gap {
    /// The engine restarted, or remembers less than what passed meanwhile.
    #[error("the engine no longer remembers the last event that was seen")]
    Forgotten,
    /// As many events came back as the engine keeps, so some may have been pushed out.
    #[error("{0} events were replayed, as many as the engine keeps")]
    Full(usize),
}

/// Number of events that the engine keeps.
pub const ENGINE_MEMORY: usize = 256;

/// Notices lost events over reconnections.
///
/// Use: call [`GapDetector::reconnected`] when the stream opened anew with `since` = [`GapDetector::since`],
/// [`GapDetector::observe`] for each event, and [`GapDetector::quiet`] when no event has come for a second or so.
#[derive(Clone, Debug, Default)]
pub struct GapDetector {
    /// Time of the newest event seen.
    last: Option<i64>,
    replay: Option<Replay>,
}

#[derive(Clone, Debug)]
struct Replay {
    /// Events up to this moment of the engine's clock are replayed, later ones are live.
    until: i64,
    /// The last event seen before the break has come again.
    found: bool,
    seen: usize,
}

impl GapDetector {
    /// Where to start the next stream. `None` before the first event: then nothing can have been missed since a whole
    /// reading made after the stream was opened.
    pub fn since(&self) -> Option<Timestamp> {
        Timestamp::from_nanosecond(i128::from(self.last?)).ok()
    }

    /// A new stream was opened with `since`; `now_nanos` is the engine's clock at that moment.
    pub fn reconnected(&mut self, now_nanos: i64) {
        self.replay = self.last.map(|_| Replay { until: now_nanos, found: false, seen: 0 });
    }

    /// Takes note of an event. `Some` when events before it were lost.
    pub fn observe(&mut self, event: &Event) -> Option<Gap> {
        let mut gap = None;
        if let Some(replay) = &mut self.replay {
            if !replay.found {
                replay.found = Some(event.time_nanos) == self.last;
                if !replay.found {
                    gap = Some(Gap::Forgotten);
                }
            }
            if event.time_nanos <= replay.until {
                replay.seen += 1;
                if gap.is_none() && replay.seen == ENGINE_MEMORY {
                    gap = Some(Gap::Full(replay.seen));
                }
            }
            if gap.is_some() || event.time_nanos > replay.until {
                self.replay = None;
            }
        }
        self.last = Some(self.last.map_or(event.time_nanos, |l| l.max(event.time_nanos)));
        gap
    }

    /// No event came for a while after reconnecting: what was to be replayed has been. `Some` when the last event seen
    /// was not among it.
    pub fn quiet(&mut self) -> Option<Gap> {
        let replay = self.replay.take()?;
        (!replay.found).then_some(Gap::Forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time_nanos: i64) -> Event {
        Event { time_nanos, touched: None, action: String::new(), actor_id: String::new(), container: None }
    }

    #[test]
    fn what_touches_facts_and_what_does_not() {
        use EventMessageTypeEnum as T;
        for verb in ["start", "die", "update", "rename", "destroy", "create", "pause", "oom"] {
            assert_eq!(touched(T::CONTAINER, verb, "a"), Some(Touched::Container("a".into())), "{verb}");
        }
        for verb in ["exec_create: sh -c true", "exec_start: x", "exec_die", "health_status: healthy", "top"] {
            assert_eq!(touched(T::CONTAINER, verb, "a"), None, "{verb}");
        }
        assert_eq!(touched(T::DAEMON, "reload", "x"), Some(Touched::Engine));
        assert_eq!(touched(T::NETWORK, "connect", "n"), Some(Touched::Network("n".into())));
        assert_eq!(touched(T::IMAGE, "untag", "i"), Some(Touched::Image("i".into())));
        assert_eq!(touched(T::BUILDER, "prune", ""), None);
    }

    #[test]
    fn a_message_is_read() {
        let json = r#"{"Type":"network","Action":"disconnect","Actor":{"ID":"n","Attributes":{"container":"c","name":"front"}},"time":5,"timeNano":5000000007}"#;
        let event = read(serde_json::from_str(json).unwrap());
        assert_eq!(
            (event.time_nanos, event.container.as_deref(), event.action.as_str()),
            (5_000_000_007, Some("c"), "network disconnect")
        );
    }

    #[test]
    fn a_full_replay_is_no_gap() {
        let mut d = GapDetector::default();
        assert_eq!(d.since(), None);
        assert_eq!(d.observe(&at(10)), None);
        d.reconnected(100);
        assert_eq!(d.since().unwrap().as_nanosecond(), 10);
        for t in [10, 20, 30, 200] {
            assert_eq!(d.observe(&at(t)), None);
        }
        assert_eq!(d.quiet(), None);
        assert_eq!(d.since().unwrap().as_nanosecond(), 200);
    }

    #[test]
    fn a_restarted_engine_has_forgotten() {
        let mut d = GapDetector::default();
        d.observe(&at(10));
        d.reconnected(100);
        assert_eq!(d.quiet(), Some(Gap::Forgotten));
        assert_eq!(d.quiet(), None);
        d.reconnected(100);
        assert_eq!(d.observe(&at(50)), Some(Gap::Forgotten));
        assert_eq!(d.observe(&at(60)), None);
    }

    #[test]
    fn as_many_as_the_engine_keeps_may_be_too_many() {
        let mut d = GapDetector::default();
        d.observe(&at(0));
        d.reconnected(10_000);
        let gaps: Vec<Gap> = (0..400).filter_map(|t| d.observe(&at(t))).collect();
        assert_eq!(gaps, [Gap::Full(256)]);
    }

    #[test]
    fn the_first_stream_has_nothing_to_miss() {
        let mut d = GapDetector::default();
        d.reconnected(100);
        assert_eq!(d.observe(&at(50)), None);
        assert_eq!(d.quiet(), None);
    }
}
