//! A facts document as tables people can read. Long lists are cut: first folded away, then left to the API.

use phiward_core::asset::{Missing, Status};
use serde_json::{Map, Value};

use super::words;

/// Items of a list shown before the fold.
const SHOWN: usize = 8;
/// Items of a list on the page at all.
const MOST: usize = 100;
/// Columns of a table.
const COLUMNS: usize = 7;
/// Characters of one value.
const LONG: usize = 160;
/// Fields that name an item, so they come first.
const NAMES: [&str; 10] =
    ["name", "path", "package", "source", "target", "volume", "protocol", "address", "host_ip", "port"];

/// One foldable part of the facts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    pub key: String,
    pub title: String,
    /// `3 entries`, `12 facts`.
    pub summary: String,
    pub rows: Vec<Row>,
    /// What could not be read, and why.
    pub missing: Vec<(String, String)>,
    pub open: bool,
}

/// One line or list of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    Pair { label: String, value: String, dim: bool },
    List { label: String, shown: Vec<String>, folded: Vec<String>, left: usize },
    Table { label: String, head: Vec<String>, shown: Vec<Vec<String>>, folded: Vec<Vec<String>>, left: usize },
}

/// The whole document, the plain facts first.
pub fn sections(facts: &Value, status: &Status) -> Vec<Section> {
    let missing = match status {
        Status::Complete => &[][..],
        Status::Partial { missing } => missing,
        Status::Failed { .. } => &[][..],
    };
    let mut general =
        Section { key: "general".to_owned(), title: "General".to_owned(), open: true, ..Section::default() };
    let mut rest = Vec::new();
    let empty = Map::new();
    let fields = facts.as_object().unwrap_or(&empty);
    for (key, value) in fields {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                let mut section = named(key);
                object(inner, "", &mut section.rows);
                section.summary = words::count(rows(&section.rows), "fact", "facts");
                rest.push(section);
            }
            Value::Array(items) if items.len() > 3 || items.iter().any(|item| item.is_object()) => {
                let mut section = named(key);
                list("", items, &mut section.rows);
                section.summary = words::count(rows_of(items.len()), "entry", "entries");
                rest.push(section);
            }
            _ => row(&words::label(key), key, value, &mut general.rows),
        }
    }
    general.summary = words::count(rows(&general.rows), "fact", "facts");
    gather_empty(&mut general.rows);
    for gap in missing {
        place(gap, &mut general, &mut rest);
    }
    if !general.rows.is_empty() || !general.missing.is_empty() {
        rest.insert(0, general);
    }
    rest
}

/// Facts that say nothing beyond "none" share one line.
fn gather_empty(rows: &mut Vec<Row>) {
    let says_nothing = |row: &Row| matches!(row, Row::Pair { value, .. } if value == "none" || value == "empty");
    let labels: Vec<String> = rows
        .iter()
        .filter(|row| says_nothing(row))
        .filter_map(|row| if let Row::Pair { label, .. } = row { Some(words::lower_first(label)) } else { None })
        .collect();
    if labels.len() > 2 {
        rows.retain(|row| !says_nothing(row));
        rows.push(Row::Pair { label: "Empty or none".to_owned(), value: labels.join(", "), dim: true });
    }
}

/// Puts a gap with the part it belongs to; one of its own where no part exists.
fn place(gap: &Missing, general: &mut Section, rest: &mut Vec<Section>) {
    let (head, tail) = gap.path.split_once('.').unwrap_or((gap.path.as_str(), ""));
    let line = |label: &str| (words::label(label), gap.why.clone());
    if head.is_empty() {
        general.missing.push(("Everything".to_owned(), gap.why.clone()));
    } else if let Some(section) = rest.iter_mut().find(|section| section.key == head) {
        section.missing.push(line(if tail.is_empty() { head } else { tail }));
    } else {
        let mut section = named(head);
        section.summary = "not read".to_owned();
        section.missing.push(line(if tail.is_empty() { head } else { tail }));
        rest.push(section);
    }
}

fn named(key: &str) -> Section {
    Section { key: key.to_owned(), title: words::label(key), ..Section::default() }
}

fn rows(rows: &[Row]) -> i64 {
    rows_of(rows.len())
}

fn rows_of(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The fields of an object as rows, inner objects joined to their label.
fn object(fields: &Map<String, Value>, prefix: &str, out: &mut Vec<Row>) {
    for (key, value) in fields {
        if out.len() >= 2 * MOST {
            out.push(Row::Pair {
                label: "More".to_owned(),
                value: "see the API's answer for the rest".to_owned(),
                dim: true,
            });
            return;
        }
        let label = if prefix.is_empty() { named_key(key) } else { format!("{prefix} › {}", named_key(key)) };
        match value {
            Value::Object(inner) if !inner.is_empty() && prefix.matches('›').count() < 4 => {
                object(inner, &label, out)
            }
            _ => row(&label, key, value, out),
        }
    }
}

/// Names of settings, labels and paths stay as they are; field names become words.
fn named_key(key: &str) -> String {
    let ours = key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if ours { words::label(key) } else { words::cut(key, LONG) }
}

fn row(label: &str, key: &str, value: &Value, out: &mut Vec<Row>) {
    match value {
        Value::Array(items) if !items.is_empty() => list(label, items, out),
        _ => {
            let text = scalar(key, value);
            let dim = matches!(value, Value::Null) || text == "none" || text == "empty";
            out.push(Row::Pair { label: label.to_owned(), value: text, dim });
        }
    }
}

fn list(label: &str, items: &[Value], out: &mut Vec<Row>) {
    let left = items.len().saturating_sub(MOST);
    let used = &items[..items.len() - left];
    let label = label.to_owned();
    if used.iter().all(Value::is_object) && !used.is_empty() {
        let keys = columns(used);
        let mut lines: Vec<Vec<String>> = used
            .iter()
            .map(|item| {
                keys.iter()
                    .map(|key| item.get(key.as_str()).map_or("not read".to_owned(), |v| scalar(key, v)))
                    .collect()
            })
            .collect();
        let folded = lines.split_off(lines.len().min(SHOWN));
        let head = keys.iter().map(|key| words::label(key)).collect();
        out.push(Row::Table { label, head, shown: lines, folded, left });
        return;
    }
    let mut texts: Vec<String> = used.iter().map(|item| scalar("", item)).collect();
    let folded = texts.split_off(texts.len().min(SHOWN));
    out.push(Row::List { label, shown: texts, folded, left });
}

/// Fields worth a column: names first, then those that say something.
fn columns(items: &[Value]) -> Vec<String> {
    let mut keys: Vec<&String> = Vec::new();
    for fields in items.iter().filter_map(Value::as_object) {
        for (key, value) in fields {
            let says = !matches!(value, Value::Null) && value != "" && value != &Value::Array(Vec::new());
            if says && !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    let rank = |key: &str| NAMES.iter().position(|name| *name == key).unwrap_or(NAMES.len());
    keys.sort_by_key(|key| rank(key));
    keys.into_iter().take(COLUMNS).cloned().collect()
}

/// One value in words, cut where it is long.
fn scalar(key: &str, value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(n) => match n.as_f64() {
            Some(bytes) if key.ends_with("_bytes") || key == "memory" => words::bytes(bytes),
            Some(seconds) if key.ends_with("_seconds") && seconds >= 120.0 => {
                format!("{n} ({})", super::time::span(n.as_i64().unwrap_or(0)))
            }
            _ => n.to_string(),
        },
        Value::String(s) if s.is_empty() => "empty".to_owned(),
        Value::String(s) => words::cut(s, LONG),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => {
            let few: Vec<String> = items.iter().take(6).map(|item| scalar("", item)).collect();
            let more = if items.len() > 6 { format!(" and {} more", items.len() - 6) } else { String::new() };
            words::cut(&format!("{}{more}", few.join(", ")), LONG)
        }
        Value::Object(fields) if fields.is_empty() => "none".to_owned(),
        Value::Object(fields) => {
            let few: Vec<String> = fields
                .iter()
                .take(6)
                .map(|(k, v)| format!("{} {}", words::lower_first(&named_key(k)), scalar(k, v)))
                .collect();
            words::cut(&few.join(", "), LONG)
        }
    }
}

/// The facts a finding rests on, in few lines: path and value.
pub fn deciding(facts: &Value) -> Vec<(String, Vec<String>)> {
    let Some(fields) = facts.as_object() else { return Vec::new() };
    fields
        .iter()
        .take(6)
        .map(|(path, value)| {
            let lines = match value {
                Value::Array(items) if items.iter().any(Value::is_object) => {
                    let mut lines: Vec<String> = items.iter().take(5).map(|item| scalar("", item)).collect();
                    if items.len() > 5 {
                        lines.push(format!("and {} more", items.len() - 5));
                    }
                    lines
                }
                other => vec![scalar(path.rsplit('.').next().unwrap_or(path), other)],
            };
            (path.clone(), lines)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_become_sections() {
        let facts = json!({
            "name": "db", "privileged": false, "image_outdated": null, "tmpfs": [],
            "limits": {"memory": 0, "inner": {"pids": 5}},
            "ports": [{"host_port": 5432, "protocol": "tcp", "x": ""}],
            "usage": {"memory_bytes": 1048576},
        });
        let missing = vec![
            Missing { path: "processes".to_owned(), why: "the engine refused top".to_owned() },
            Missing { path: "limits.cpu".to_owned(), why: "no control group".to_owned() },
        ];
        let all = sections(&facts, &Status::from_missing(missing));
        let of = |key: &str| all.iter().find(|s| s.key == key).unwrap();
        assert_eq!(all[0].key, "general");
        let pair = |label: &str, value: &str, dim| Row::Pair { label: label.to_owned(), value: value.to_owned(), dim };
        assert!(of("general").rows.contains(&pair("Privileged", "no", false)));
        assert!(of("general").rows.contains(&pair("Image outdated", "not set", true)));
        assert!(of("limits").rows.contains(&pair("Inner › PIDs", "5", false)));
        assert_eq!(of("usage").rows, [pair("Memory bytes", "1.0 MiB", false)]);
        assert_eq!(of("limits").missing, [("CPU".to_owned(), "no control group".to_owned())]);
        assert_eq!(of("processes").summary, "not read");
        let Row::Table { head, shown, .. } = &of("ports").rows[0] else { panic!() };
        assert_eq!((head.join(","), shown[0].join(",")), ("Protocol,Host port".to_owned(), "tcp,5432".to_owned()));
    }

    #[test]
    fn long_lists_are_cut() {
        let many: Vec<Value> = (0..10_000).map(|i| json!({"name": format!("V{i}"), "kind": "x".repeat(500)})).collect();
        let all = sections(&json!({"environment_secrets": many}), &Status::Complete);
        let Row::Table { shown, folded, left, .. } = &all[0].rows[0] else { panic!() };
        assert_eq!((shown.len(), folded.len(), *left), (8, 92, 9_900));
        assert!(shown[0][1].chars().count() <= LONG);
        let labels: Map<String, Value> = (0..10_000).map(|i| (format!("L{i}"), json!("v"))).collect();
        assert!(sections(&json!({"labels": labels}), &Status::Complete)[0].rows.len() <= 2 * MOST + 1);
        assert_eq!(sections(&json!("not an object"), &Status::Complete), []);
    }
}
