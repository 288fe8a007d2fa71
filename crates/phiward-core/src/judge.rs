//! Judgment: facts and content in, verdicts out. Cannot fail: what cannot be decided is `unknown`.

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::{Key, Map};
use cel::{Context, ExecutionError};
use serde_json::Value;

use crate::asset::{Asset, Status};
use crate::bounds::MOST_STEPS;
use crate::check::{Check, Examples, Expression, Read};
use crate::content::Content;
use crate::words::Verdict;

/// One check's answer about one asset.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub check: Arc<Check>,
    pub verdict: Verdict,
    /// Why the verdict is unknown; empty otherwise.
    pub reason: String,
}

/// Judges assets against content. Make one for a batch: the evaluation context is set up once.
pub struct Judge<'c> {
    content: &'c Content,
    root: Context<'static, 'static>,
}

impl<'c> Judge<'c> {
    /// A judge over `content`.
    pub fn new(content: &'c Content) -> Self {
        Judge { content, root: Context::default() }
    }

    /// Every automatic check of the asset's kind, in order of id.
    pub fn judge(&self, asset: &Asset) -> Vec<Outcome> {
        let Some(kind) = self.content.kind(&asset.kind) else { return Vec::new() };
        let scope = self.scope(&asset.facts);
        let mut applies: Vec<Option<Result<bool, Trouble>>> = vec![None; kind.applies.len()];
        kind.checks
            .iter()
            .map(|index| {
                let check = &self.content.checks()[*index];
                let applied = check.applies.as_ref().map(|expression| {
                    applies[check.applies_slot].get_or_insert_with(|| run(expression, &scope, &asset.facts)).clone()
                });
                let (verdict, reason) = decide(check, applied, &scope, &asset.facts, &asset.status);
                Outcome { check: Arc::clone(check), verdict, reason }
            })
            .collect()
    }

    /// One check about one facts document.
    pub fn judge_one(&self, check: &Check, facts: &Value, status: &Status) -> (Verdict, String) {
        let scope = self.scope(facts);
        let applied = check.applies.as_ref().map(|expression| run(expression, &scope, facts));
        decide(check, applied, &scope, facts, status)
    }

    /// Runs a check's own examples: each that does not give its verdict, as (wanted, got, reason, facts).
    pub fn test<'e>(&self, check: &Check, examples: &'e Examples) -> Vec<(Verdict, Verdict, String, &'e Value)> {
        examples
            .each()
            .filter_map(|(wanted, facts)| {
                let (got, reason) = self.judge_one(check, facts, &Status::Complete);
                (got != wanted).then_some((wanted, got, reason, facts))
            })
            .collect()
    }

    fn scope(&self, facts: &Value) -> Context<'_, 'static> {
        let mut scope = self.root.new_inner_scope();
        scope.add_variable_from_value("facts", to_cel(facts));
        scope
    }
}

/// Why an expression gives no answer.
#[derive(Clone)]
enum Trouble {
    Cel(ExecutionError),
    /// Evaluation was not begun: it could take this many steps.
    TooMuch(u64),
}

fn run(expression: &Expression, scope: &Context, facts: &Value) -> Result<bool, Trouble> {
    let steps = expression.effort.steps(facts);
    if steps > MOST_STEPS {
        return Err(Trouble::TooMuch(steps));
    }
    match expression.program.execute(scope).map_err(Trouble::Cel)? {
        cel::Value::Bool(value) => Ok(value),
        other => Err(Trouble::Cel(ExecutionError::UnexpectedType {
            got: format!("{:?}", other.type_of()).to_lowercase(),
            want: "bool".to_owned(),
        })),
    }
}

fn decide(
    check: &Check,
    applied: Option<Result<bool, Trouble>>,
    scope: &Context,
    facts: &Value,
    status: &Status,
) -> (Verdict, String) {
    let Some(pass) = &check.pass else {
        return (Verdict::Unknown, "a person must state this".to_owned());
    };
    if let Status::Failed { why } = status {
        return (Verdict::Unknown, why.clone());
    }
    if let Some(applies) = &check.applies {
        match applied {
            Some(Ok(true)) | None => {}
            Some(Ok(false)) => match gap_hidden_by_has(applies, status) {
                Some(why) => return (Verdict::Unknown, why),
                None => return (Verdict::NotApplicable, String::new()),
            },
            Some(Err(error)) => return (Verdict::Unknown, explain(&error, applies, facts, status)),
        }
    }
    match run(pass, scope, facts) {
        Ok(false) => (Verdict::Fail, String::new()),
        Ok(true) => match gap_hidden_by_has(pass, status) {
            Some(why) => (Verdict::Unknown, why),
            None => (Verdict::Pass, String::new()),
        },
        Err(error) => (Verdict::Unknown, explain(&error, pass, facts, status)),
    }
}

/// `has()` turns a missing fact into an answer. Where the collector says that fact could not be read, the answer
/// does not stand.
fn gap_hidden_by_has(expression: &Expression, status: &Status) -> Option<String> {
    if let Status::Complete = status {
        return None;
    }
    expression.tests.iter().find_map(|path| status.why_missing(path).map(|why| not_read(path, why)))
}

fn not_read(path: &str, why: &str) -> String {
    format!("{path} could not be read: {why}")
}

fn explain(trouble: &Trouble, expression: &Expression, facts: &Value, status: &Status) -> String {
    let error = match trouble {
        Trouble::Cel(error) => error,
        Trouble::TooMuch(steps) => {
            return format!(
                "the expression could take {steps} steps over these facts, and at most {MOST_STEPS} are allowed"
            );
        }
    };
    if let ExecutionError::NoSuchKey(key) = error {
        // The first fact read that is absent; its collector may have said why.
        let absent = expression.reads.iter().map(|r| r.path.as_str()).find(|path| lookup(facts, path).is_none());
        let path = absent.unwrap_or(key);
        return match status.why_missing(path) {
            Some(why) => not_read(path, why),
            None => format!("{path} is not known"),
        };
    }
    // Values are kept out of the message: facts may be long.
    let what = match error {
        ExecutionError::UnexpectedType { got, want } => format!("it gives {got}, not {want}"),
        ExecutionError::NoSuchOverload(inner) => inner.to_string(),
        ExecutionError::UndeclaredReference(name) => format!("it uses the undeclared name {name}"),
        ExecutionError::IndexOutOfBounds(_) => "it reads beyond the end of a list".to_owned(),
        _ => "a fact has an unexpected form".to_owned(),
    };
    format!("the expression could not be evaluated: {what}")
}

/// The value at a dotted path.
pub fn lookup<'v>(facts: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(facts, |value, field| value.get(field))
}

/// Largest fact kept in a finding, in bytes of JSON.
const FACT_LIMIT: usize = 4096;

/// The facts a check rests on, small enough to keep with a finding: lists that the expression goes through are cut
/// down to the fields it reads and those that name the item.
pub fn deciding_facts(check: &Check, facts: &Value) -> Value {
    let mut kept = serde_json::Map::new();
    for read in check.reads() {
        if let Some(value) = lookup(facts, &read.path) {
            kept.insert(read.path.clone(), shrink(value, read));
        }
    }
    Value::Object(kept)
}

fn shrink(value: &Value, read: &Read) -> Value {
    const NAMES: [&str; 13] = [
        "name",
        "source",
        "target",
        "volume",
        "path",
        "program",
        "address",
        "host_ip",
        "host_port",
        "container_port",
        "port",
        "package",
        "mount_point",
    ];
    let projected = match value {
        Value::Array(items) if !read.item_fields.is_empty() => Value::Array(
            items
                .iter()
                .map(|item| match item {
                    Value::Object(fields) => Value::Object(
                        fields
                            .iter()
                            .filter(|(k, _)| read.item_fields.contains(k) || NAMES.contains(&k.as_str()))
                            .map(|(k, v)| (k.clone(), v.clone()))
                            .collect(),
                    ),
                    other => other.clone(),
                })
                .collect(),
        ),
        other => other.clone(),
    };
    match &projected {
        Value::Array(items) if projected.to_string().len() > FACT_LIMIT => {
            let mut short: Vec<Value> = Vec::new();
            let mut size = 0;
            for item in items {
                size += item.to_string().len();
                if size > FACT_LIMIT {
                    break;
                }
                short.push(item.clone());
            }
            short.push(Value::String(format!("… {} more", items.len() - short.len())));
            Value::Array(short)
        }
        Value::String(text) if text.len() > FACT_LIMIT => {
            Value::String(format!("{}…", text.chars().take(FACT_LIMIT / 4).collect::<String>()))
        }
        Value::Object(_) if projected.to_string().len() > FACT_LIMIT => {
            Value::String("too large to show here".to_owned())
        }
        _ => projected,
    }
}

/// Facts as CEL values: whole numbers become `int`, `null` stays `null`.
fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(b) => cel::Value::Bool(*b),
        Value::Number(n) => {
            n.as_i64().map(cel::Value::Int).unwrap_or_else(|| cel::Value::Float(n.as_f64().unwrap_or(f64::NAN)))
        }
        Value::String(s) => cel::Value::String(Arc::new(s.clone())),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(fields) => {
            let map: HashMap<Key, cel::Value> =
                fields.iter().map(|(k, v)| (Key::String(Arc::new(k.clone())), to_cel(v))).collect();
            cel::Value::Map(Map { map: Arc::new(map) })
        }
    }
}
