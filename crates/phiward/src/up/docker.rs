//! The engine, watched: a whole reading, then what each event touched, until the connection breaks; then again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use phiward_collect::docker::{DockerCollector, Event, EventError, GapDetector, Touched};
use phiward_collect::source::SourceReport;
use phiward_core::asset::Status;
use phiward_store::StoreError;
use phiward_store::model::Gap;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::host::{note, tell};
use super::keep::Keeper;
use crate::config::Config;
use crate::error::chain;
use crate::gather;

/// How long events are gathered before they are acted on: one `docker run` gives several at once.
const GATHER: Duration = Duration::from_millis(40);
/// No event for this long after a reconnection: the replay is over.
const QUIET: Duration = Duration::from_secs(1);
/// Longest wait between attempts to reach an engine that is away.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Watches the engine. Ends never.
pub async fn watch(config: Arc<Config>, keeper: Keeper, say: fn(String)) {
    let mut watcher = Watcher {
        keeper,
        say,
        told: String::new(),
        last_good: None,
        gap: None,
        detector: GapDetector::default(),
        last: None,
    };
    let mut wait = Duration::from_millis(250);
    loop {
        match gather::connect(&config).await {
            Ok(collector) => {
                wait = Duration::from_millis(250);
                let every = Duration::from_secs(u64::from(config.reconcile_minutes) * 60);
                let broke = watcher.session(collector, every).await;
                tracing::warn!("the watch on the engine broke and is taken up again: {broke}");
            }
            Err(failed) => watcher.unreachable(failed.source).await,
        }
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

struct Watcher {
    keeper: Keeper,
    say: fn(String),
    told: String,
    last_good: Option<Timestamp>,
    gap: Option<Gap>,
    detector: GapDetector,
    /// How the engine was last read.
    last: Option<SourceReport>,
}

impl Watcher {
    /// One connection: until its events end. Gives why they did.
    async fn session(&mut self, mut collector: DockerCollector, every: Duration) -> String {
        // The events are opened before the whole reading, so that nothing falls between the two. They are taken in at
        // once, however long a reading takes: the engine drops slow readers.
        let since = self.detector.since();
        match collector.engine_clock().await {
            Ok(now) => self.detector.reconnected(now),
            Err(error) => return error.to_string(),
        }
        let (sender, mut events) = mpsc::unbounded_channel();
        let stream = collector.events(since);
        let reader = tokio::spawn(async move {
            let mut stream = Box::pin(stream);
            while let Some(event) = stream.next().await {
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let why = loop {
            tokio::select! {
                _ = tick.tick() => {
                    if let Err(error) = self.whole(&mut collector).await {
                        tracing::error!("what was read of the engine could not be kept, and is read again shortly: {}", chain(&error));
                        tick.reset_at(Instant::now() + QUIET * 5);
                    }
                }
                event = events.recv() => match event {
                    Some(Ok(event)) => {
                        let (touched, lost) = self.gather(event, &mut events).await;
                        if let Some(why) = lost {
                            self.noticed(why).await;
                            tick.reset_immediately();
                        } else if let Err(error) = self.part(&mut collector, &touched).await {
                            tracing::error!("a change on the engine could not be kept, and everything is read again shortly: {}", chain(&error));
                            tick.reset_at(Instant::now() + QUIET * 5);
                        }
                    }
                    Some(Err(error)) => break error.to_string(),
                    None => break "the engine closed the stream of events".to_owned(),
                },
                () = sleep(QUIET) => {
                    if let Some(gap) = self.detector.quiet() {
                        self.noticed(gap.to_string()).await;
                        tick.reset_immediately();
                    }
                }
            }
        };
        reader.abort();
        self.state("reconnecting").await;
        why
    }

    /// Takes in what comes within a moment after an event: what was touched, and why events were lost, if they were.
    async fn gather(
        &mut self,
        first: Event,
        events: &mut mpsc::UnboundedReceiver<Result<Event, EventError>>,
    ) -> (Vec<Touched>, Option<String>) {
        let mut touched = Vec::new();
        let mut lost = None;
        let mut next = Some(first);
        let until = Instant::now() + GATHER;
        while let Some(event) = next {
            if let Some(gap) = self.detector.observe(&event) {
                lost = Some(gap.to_string());
            }
            touched.extend(event.container.map(Touched::Container));
            touched.extend(event.touched);
            next = match timeout(until.saturating_duration_since(Instant::now()), events.recv()).await {
                Ok(Some(Ok(event))) => Some(event),
                // An error or the end comes again on the next receive.
                _ => None,
            };
        }
        touched.sort();
        touched.dedup();
        (touched, lost)
    }

    /// Reads everything. A gap noticed before is healed by it.
    async fn whole(&mut self, collector: &mut DockerCollector) -> Result<(), StoreError> {
        let collection = collector.collect(Timestamp::now()).await;
        let report = collection.source.clone();
        tell(&report, &mut self.told, self.say);
        let whole = !matches!(report.status, Status::Failed { .. });
        self.keeper.keep(collection).await?;
        if whole && let Some(gap) = &mut self.gap {
            gap.healed.get_or_insert_with(Timestamp::now);
        }
        self.last = Some(report);
        self.state("live").await;
        Ok(())
    }

    /// Reads what was touched.
    async fn part(&mut self, collector: &mut DockerCollector, touched: &[Touched]) -> Result<(), StoreError> {
        if touched.is_empty() {
            return Ok(());
        }
        let collection = collector.refresh(touched, Timestamp::now()).await;
        self.keeper.keep(collection).await
    }

    /// Events were lost.
    async fn noticed(&mut self, why: String) {
        (self.say)(format!("events of the engine were lost ({why}); everything is read again"));
        self.gap = Some(Gap { noticed: Timestamp::now(), why, healed: None });
        self.state("live").await;
    }

    /// Keeps the state of the watch beside how the engine was last read.
    async fn state(&mut self, watch: &str) {
        if let Some(report) = self.last.clone() {
            note(&self.keeper, &report, watch, &mut self.last_good, self.gap.clone()).await;
        }
    }

    /// The engine cannot be reached.
    async fn unreachable(&mut self, mut report: SourceReport) {
        tell(&report, &mut self.told, self.say);
        // The same engine under its own name, so that its state is one line and not two.
        if let Some(last) = &self.last {
            report.target.clone_from(&last.target);
            report.needs.clone_from(&last.needs);
        }
        note(&self.keeper, &report, "reconnecting", &mut self.last_good, self.gap.clone()).await;
    }
}
