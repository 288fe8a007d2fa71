//! A small chart of compliance over thirty days. Its scale is always 0 to 100 per cent, so that slopes compare.

use askama::Template;
use jiff::Timestamp;
use phiward_store::model::TrendPoint;

use super::component;

const WIDTH: i64 = 160;
const HEIGHT: i64 = 40;
/// Seconds shown.
const SPAN: i64 = 30 * 86_400;
/// Points kept: one for six hours.
const BUCKET: i64 = 6 * 3600;

/// The chart, with a text that says the same.
#[derive(Clone, Debug, PartialEq, Template)]
#[template(
    source = r#"<svg class="spark" viewBox="0 0 160 40" preserveAspectRatio="none" role="img" aria-label="{{ label }}"><path class="grid" d="M0 .5H160M0 39.5H160" vector-effect="non-scaling-stroke"/>{% for line in lines %}<path class="line" d="{{ line }}" vector-effect="non-scaling-stroke"/>{% endfor %}</svg>"#,
    ext = "html"
)]
pub struct Spark {
    lines: Vec<String>,
    pub label: String,
    /// `+2 points since yesterday`; empty when there is nothing to compare with.
    pub since_yesterday: String,
}
component!(Spark);

/// Draws a trend. `None` while fewer than two hours are known.
pub fn spark(points: &[TrendPoint], now: Timestamp) -> Option<Spark> {
    let begin = now.as_second() - SPAN;
    let mut kept: Vec<(i64, i64)> = Vec::new();
    for point in points {
        let (Some(value), at) = (point.population.compliance(), point.hour.as_second()) else { continue };
        if at < begin || at > now.as_second() {
            continue;
        }
        match kept.last_mut() {
            // The newest of a bucket stands for it, so that the last point is the latest hour.
            Some(last) if last.0 / BUCKET == at / BUCKET => *last = (at, value),
            _ => kept.push((at, value)),
        }
    }
    let (first, last) = (*kept.first()?, *kept.last()?);
    if points.len() < 2 {
        return None;
    }
    let yesterday = points
        .iter()
        .rev()
        .find(|p| p.hour.as_second() <= now.as_second() - 86_400)
        .filter(|p| p.hour.as_second() > now.as_second() - 2 * 86_400)
        .and_then(|p| p.population.compliance());
    let since_yesterday = match yesterday.map(|then| last.1 - then) {
        None => String::new(),
        Some(0) => "same as yesterday".to_owned(),
        Some(n @ 1..) => format!("+{n} since yesterday"),
        Some(n) => format!("−{} since yesterday", n.abs()),
    };
    let days = ((last.0 - first.0) / 86_400).max(0);
    let span = if days == 0 { "today".to_owned() } else { format!("over {days} d") };
    Some(Spark {
        lines: lines(&kept, begin),
        label: format!("Compliance {span}: from {} to {} per cent", first.1, last.1),
        since_yesterday,
    })
}

/// One line for each stretch without a hole of more than a day.
fn lines(points: &[(i64, i64)], begin: i64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut before: Option<i64> = None;
    for (at, value) in points {
        let x = (at - begin) * WIDTH / SPAN;
        let y = (HEIGHT - 1) - value * (HEIGHT - 2) / 100;
        match (before, lines.last_mut()) {
            (Some(before), Some(line)) if at - before <= 86_400 => line.push_str(&format!(" {x} {y}")),
            // A lone point is drawn as a short dash.
            _ => lines.push(format!("M{} {y} {x} {y}", (x - 2).max(0))),
        }
        before = Some(*at);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use phiward_core::posture::Population;

    fn point(now: Timestamp, hours_ago: i64, compliant: i64) -> TrendPoint {
        let hour = Timestamp::from_second(now.as_second() - hours_ago * 3600).unwrap();
        let population = Population { compliant, failing: 100 - compliant, known: 100, ..Population::default() };
        TrendPoint { hour, category: None, population, reasons: Vec::new() }
    }

    #[test]
    fn scale_is_fixed_and_text_says_the_same() {
        let now: Timestamp = "2030-01-31T14:00:00Z".parse().unwrap();
        let drawn = spark(&[point(now, 720, 0), point(now, 25, 90), point(now, 0, 100)], now).unwrap();
        assert_eq!(drawn.label, "Compliance over 30 d: from 0 to 100 per cent");
        assert_eq!(drawn.since_yesterday, "+10 since yesterday");
        assert_eq!(drawn.lines, ["M0 39 0 39", "M152 5 154 5", "M158 1 160 1"]);
        assert!(spark(&[point(now, 0, 50)], now).is_none());
        assert!(spark(&[], now).is_none());
    }

    #[test]
    fn nothing_judged_draws_nothing() {
        let now: Timestamp = "2030-01-31T14:00:00Z".parse().unwrap();
        let empty = TrendPoint { hour: now, category: None, population: Population::default(), reasons: Vec::new() };
        assert!(spark(&[empty.clone(), empty], now).is_none());
    }
}
