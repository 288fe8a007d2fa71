//! Prometheus metrics: what was asked of this server, and what the store says about the posture.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use jiff::Timestamp;
use phiward_core::posture::Posture;
use phiward_core::words::Severity;
use phiward_store::model::{Counts, SourceRow};

use crate::Shared;

/// Upper bounds of the latency buckets, in seconds.
const BOUNDS: [f64; 9] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

#[derive(Clone, Debug, Default)]
struct Latency {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    sum: f64,
}

#[derive(Debug, Default)]
struct Requests {
    /// Method, route, status.
    counts: BTreeMap<(&'static str, String, u16), u64>,
    /// By route.
    latency: BTreeMap<String, Latency>,
}

/// Requests counted since the start. Routes, not addresses, are the keys, so their number is bounded.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Requests>);

impl Metrics {
    fn record(&self, method: &'static str, route: String, status: u16, took: Duration) {
        // A poisoned lock only means that some count is off by one.
        let mut requests = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let seconds = took.as_secs_f64();
        let latency = requests.latency.entry(route.clone()).or_default();
        latency.count += 1;
        latency.sum += seconds;
        for (bucket, bound) in latency.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(seconds <= bound);
        }
        *requests.counts.entry((method, route, status)).or_default() += 1;
    }

    fn write(&self, out: &mut Text) {
        let requests = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        out.family("phiward_http_requests_total", "counter", "Requests answered, by route.");
        for ((method, route, status), count) in &requests.counts {
            let status = status.to_string();
            out.value(
                "phiward_http_requests_total",
                &[("method", method), ("route", route), ("status", &status)],
                *count,
            );
        }
        out.family("phiward_http_request_duration_seconds", "histogram", "Time to the head of the answer, by route.");
        for (route, latency) in &requests.latency {
            for (count, bound) in latency.buckets.iter().zip(BOUNDS) {
                let bound = bound.to_string();
                out.value("phiward_http_request_duration_seconds_bucket", &[("route", route), ("le", &bound)], count);
            }
            out.value(
                "phiward_http_request_duration_seconds_bucket",
                &[("route", route), ("le", "+Inf")],
                latency.count,
            );
            out.value("phiward_http_request_duration_seconds_sum", &[("route", route)], latency.sum);
            out.value("phiward_http_request_duration_seconds_count", &[("route", route)], latency.count);
        }
    }
}

/// Counts every request with its route, status and time.
pub async fn count(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    };
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let begun = Instant::now();
    let response = next.run(request).await;
    app.metrics.record(method, route, response.status().as_u16(), begun.elapsed());
    response
}

/// What the store says, for one scrape.
pub struct Scrape<'a> {
    pub posture: &'a Posture,
    pub counts: &'a Counts,
    pub sources: &'a [SourceRow],
    pub content: &'a str,
    pub version: &'a str,
    pub started: Timestamp,
    pub now: Timestamp,
}

/// The whole answer in Prometheus' text form.
pub fn text(metrics: &Metrics, scrape: &Scrape) -> String {
    let mut out = Text::default();
    out.family("phiward_build_info", "gauge", "Version of phiward and digest of the content in force; always 1.");
    out.value("phiward_build_info", &[("version", scrape.version), ("content", scrape.content)], 1);
    out.family("phiward_start_time_seconds", "gauge", "When this process began, in seconds since 1970.");
    out.value("phiward_start_time_seconds", &[], scrape.started.as_second());

    out.family(
        "phiward_assets_state",
        "gauge",
        "Assets by where they stand, in each category. A category without a source is absent.",
    );
    let categories = scrape.posture.categories.iter().map(|(category, population)| (category.as_str(), population));
    let overall = std::iter::once(("overall", &scrape.posture.overall));
    for (category, population) in overall.chain(categories).filter(|(_, population)| population.known > 0) {
        let states = [
            ("compliant", population.compliant),
            ("failing", population.failing),
            ("undetermined", population.undetermined),
            ("stale", population.stale),
            ("known", population.known),
        ];
        for (state, count) in states {
            out.value("phiward_assets_state", &[("category", category), ("state", state)], count);
        }
    }
    out.family("phiward_assets", "gauge", "Assets by kind.");
    for (kind, count) in &scrape.counts.kinds {
        out.value("phiward_assets", &[("kind", kind)], count.all);
    }
    out.family("phiward_ephi_assets", "gauge", "Assets that hold ePHI (yes) or may (unknown), by kind.");
    for (kind, count) in &scrape.counts.kinds {
        out.value("phiward_ephi_assets", &[("kind", kind), ("ephi", "yes")], count.ephi_yes);
        out.value("phiward_ephi_assets", &[("kind", kind), ("ephi", "unknown")], count.ephi_unknown);
    }
    out.family("phiward_findings_failing", "gauge", "Open failing findings by severity.");
    for severity in Severity::ALL {
        let count = scrape.counts.failing.get(&severity).copied().unwrap_or(0);
        out.value("phiward_findings_failing", &[("severity", severity.as_str())], count);
    }
    out.family("phiward_findings_unknown", "gauge", "Findings that could not be decided.");
    out.value("phiward_findings_unknown", &[], scrape.counts.unknown);
    sources(&mut out, scrape);
    metrics.write(&mut out);
    out.0
}

fn sources(out: &mut Text, scrape: &Scrape) {
    out.family("phiward_source_up", "gauge", "1 when the source's last reading did not fail.");
    for source in scrape.sources {
        let labels = [("collector", source.collector.as_str()), ("target", source.target.as_str())];
        out.value("phiward_source_up", &labels, u8::from(source.status.word() != "failed"));
    }
    out.family("phiward_source_complete", "gauge", "1 when the source's last reading missed nothing.");
    for source in scrape.sources {
        let labels = [("collector", source.collector.as_str()), ("target", source.target.as_str())];
        out.value("phiward_source_complete", &labels, u8::from(source.status.word() == "complete"));
    }
    out.family(
        "phiward_source_age_seconds",
        "gauge",
        "Seconds since the source was last read without failing; absent when it never was.",
    );
    for source in scrape.sources {
        let labels = [("collector", source.collector.as_str()), ("target", source.target.as_str())];
        if let Some(good) = source.last_good {
            out.value("phiward_source_age_seconds", &labels, scrape.now.as_second() - good.as_second());
        }
    }
    out.family("phiward_source_gap", "gauge", "1 while a gap in the source's events is not healed by a full reading.");
    for source in scrape.sources {
        let labels = [("collector", source.collector.as_str()), ("target", source.target.as_str())];
        out.value("phiward_source_gap", &labels, u8::from(source.gap.as_ref().is_some_and(|g| g.healed.is_none())));
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (i, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if i == 0 { "{" } else { "," });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_escapes_labels_and_counts_cumulatively() {
        let metrics = Metrics::default();
        metrics.record("GET", "/".to_owned(), 200, Duration::from_millis(4));
        metrics.record("GET", "/".to_owned(), 200, Duration::from_secs(9));
        let mut out = Text::default();
        metrics.write(&mut out);
        out.value("x", &[("target", "a\"b\\c\nd")], 1);
        assert!(out.0.contains("phiward_http_requests_total{method=\"GET\",route=\"/\",status=\"200\"} 2\n"));
        assert!(out.0.contains("_bucket{route=\"/\",le=\"0.002\"} 0\n"));
        assert!(out.0.contains("_bucket{route=\"/\",le=\"0.005\"} 1\n"));
        assert!(out.0.contains("_bucket{route=\"/\",le=\"5\"} 1\n"));
        assert!(out.0.contains("_bucket{route=\"/\",le=\"+Inf\"} 2\n"));
        assert!(out.0.contains("x{target=\"a\\\"b\\\\c\\nd\"} 1\n"));
    }
}
