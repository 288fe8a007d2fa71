//! The host, read whole at every interval.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use phiward_collect::source::SourceReport;
use phiward_core::asset::Status;
use phiward_store::model::{Gap, SourceRow};

use super::keep::Keeper;
use crate::config::Config;
use crate::error::chain;
use crate::gather;

/// Reads the host again and again. Ends never.
pub async fn watch(config: Arc<Config>, keeper: Keeper, say: fn(String)) {
    let mut tick = tokio::time::interval(Duration::from_secs(u64::from(config.reconcile_minutes) * 60));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = String::new();
    let mut last_good = None;
    loop {
        tick.tick().await;
        let collection = gather::host(&config, Timestamp::now()).await;
        let report = collection.source.clone();
        tell(&report, &mut told, say);
        if let Err(error) = keeper.keep(collection).await {
            tracing::error!(
                "what was read of the host could not be kept, and is read again shortly: {}",
                chain(&error)
            );
            tick.reset_after(Duration::from_secs(10));
            continue;
        }
        note(&keeper, &report, "off", &mut last_good, None).await;
    }
}

/// Keeps how a source was read, and tells open pages when that changed.
pub async fn note(
    keeper: &Keeper,
    report: &SourceReport,
    watch: &str,
    last_good: &mut Option<Timestamp>,
    gap: Option<Gap>,
) {
    let now = Timestamp::now();
    if !matches!(report.status, Status::Failed { .. }) {
        *last_good = Some(now);
    }
    let row = SourceRow {
        target: report.target.clone(),
        collector: report.collector.clone(),
        status: report.status.clone(),
        needs: report.needs.clone(),
        help: report.help.clone(),
        took_ms: report.took_ms,
        at: now,
        last_good: *last_good,
        watch: watch.to_owned(),
        gap,
    };
    match keeper.store.put_source(row, now).await {
        Ok(Some(change)) => drop(keeper.changes.send(change)),
        Ok(None) => {}
        Err(error) => tracing::error!("the state of {} could not be kept: {}", report.target, chain(&error)),
    }
}

/// Says at the terminal how a source was read, once for each different state.
pub fn tell(report: &SourceReport, told: &mut String, say: fn(String)) {
    let text = match &report.status {
        Status::Complete => format!("{} {}: read in {} ms", report.collector, report.target, report.took_ms),
        Status::Partial { missing } => {
            let gaps: Vec<String> = missing.iter().take(3).map(|m| format!("{} ({})", m.path, m.why)).collect();
            let more = if missing.len() > 3 { format!(" and {} more", missing.len() - 3) } else { String::new() };
            format!("{} {}: read in part; missing {}{more}", report.collector, report.target, gaps.join(", "))
        }
        Status::Failed { why } => format!("{} {}: could not be read: {why}", report.collector, report.target),
    };
    // The time taken differs every time and is no news.
    let key = match &report.status {
        Status::Complete => "complete".to_owned(),
        _ => text.clone(),
    };
    if *told != key {
        *told = key;
        say(text);
        if let Some(help) = &report.help {
            say(format!("  to mend it: {help}"));
        }
    }
}
