//! Limits on expressions, so that a check, however it is written, is read and evaluated in bounded time and depth.
//!
//! What is only known with the facts in hand, how often loops run, is estimated from above before evaluation. The
//! estimate has no clock in it: the same check about the same facts always gives the same answer.

use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};
use regex::RegexBuilder;
use serde_json::Value;

/// Longest expression, in bytes.
pub(crate) const LONGEST: usize = 2048;
/// Deepest tree of an expression. Evaluation recurses, and must fit the stack of any thread.
const DEEPEST: usize = 32;
/// Most loops (`all`, `exists`, `filter`, `map`) inside each other, or each over the result of the next.
const MOST_LOOPS: usize = 3;
/// Most additions: each can double a text or list, and a loop doubles it again.
const MOST_ADDITIONS: usize = 16;
/// Largest compiled pattern, in bytes. Patterns are compiled anew for each text.
const LARGEST_PATTERN: usize = 256 * 1024;
/// Most steps that one evaluation may take, a second of work or less.
pub(crate) const MOST_STEPS: u64 = 3_000_000;
/// Steps that matching a pattern counts for.
const PATTERN_STEPS: u64 = 200;

/// What is wrong with the size of an expression: node id, and a sentence.
pub(crate) fn check(expr: &IdedExpr) -> Vec<(u64, String)> {
    let mut found = Found::default();
    found.visit(expr, 1);
    let mut errors = found.errors;
    if found.depth > DEEPEST {
        errors.push((
            expr.id,
            format!(
                "the expression nests {} levels deep, and at most {DEEPEST} are allowed: derive a fact",
                found.depth
            ),
        ));
    }
    let loops = loops(expr);
    if loops > MOST_LOOPS {
        errors.push((
            expr.id,
            format!("the expression has {loops} loops inside each other, and at most {MOST_LOOPS} are allowed: derive a fact"),
        ));
    }
    if found.additions > MOST_ADDITIONS {
        errors.push((
            expr.id,
            format!("the expression has {} additions, and at most {MOST_ADDITIONS} are allowed", found.additions),
        ));
    }
    errors
}

#[derive(Default)]
struct Found {
    depth: usize,
    additions: usize,
    errors: Vec<(u64, String)>,
}

impl Found {
    fn visit(&mut self, node: &IdedExpr, depth: usize) {
        self.depth = self.depth.max(depth);
        if let Expr::Call(call) = &node.expr {
            self.additions += usize::from(call.func_name == operators::ADD);
            if call.func_name == "matches"
                && let Some(IdedExpr { id, expr: Expr::Literal(LiteralValue::String(pattern)) }) = call.args.last()
                && let Err(error) = RegexBuilder::new(pattern.inner()).size_limit(LARGEST_PATTERN).build()
            {
                self.errors.push((*id, format!("the pattern cannot be used: {}", reason(&error))));
            }
        }
        for child in children(node) {
            self.visit(child, depth + 1);
        }
    }
}

/// The last line of a pattern's error, which says what is wrong; those before it repeat the pattern.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => format!("compiled, it is larger than {limit} bytes"),
        other => {
            let text = other.to_string();
            text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
    }
}

/// How many loops lie inside each other, the loop over another's result included.
fn loops(node: &IdedExpr) -> usize {
    let below = children(node).into_iter().map(loops).max().unwrap_or(0);
    below + usize::from(matches!(node.expr, Expr::Comprehension(_)))
}

fn children(node: &IdedExpr) -> Vec<&IdedExpr> {
    match &node.expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Comprehension(c) => vec![&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
        // Maps and structs are refused where names are checked.
        Expr::Map(_) | Expr::Struct(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

/// How much work an expression is, with the sizes of the facts left open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effort {
    /// Nodes evaluated once.
    nodes: u64,
    /// What is evaluated once for each item of something.
    loops: Vec<(Range, Effort)>,
}

/// What a loop goes through.
#[derive(Clone, Debug)]
pub(crate) enum Range {
    /// The fact at this path.
    Fact(String),
    /// Some list or map inside the fact at this path.
    Within(String),
    /// As many items as stand in the expression.
    Written(u64),
    /// Anything.
    Any,
}

impl Effort {
    /// One more node.
    pub(crate) fn node(&mut self, node: &IdedExpr) {
        let steps = match &node.expr {
            Expr::Call(call) if call.func_name == "matches" => PATTERN_STEPS,
            _ => 1,
        };
        self.nodes = self.nodes.saturating_add(steps);
    }

    /// One more loop.
    pub(crate) fn repeat(&mut self, range: Range, body: Effort) {
        self.loops.push((range, body));
    }

    /// One step for each item of a fact, for an operation that goes through it.
    pub(crate) fn scan(&mut self, path: &str) {
        self.repeat(Range::Fact(path.to_owned()), Effort { nodes: 1, loops: Vec::new() });
    }

    /// An upper bound on the steps that evaluation over `facts` takes.
    pub(crate) fn steps(&self, facts: &Value) -> u64 {
        self.loops.iter().fold(self.nodes, |sum, (range, body)| {
            sum.saturating_add(range.items(facts).saturating_mul(body.steps(facts)))
        })
    }
}

impl Range {
    fn items(&self, facts: &Value) -> u64 {
        let at = |path: &str| crate::judge::lookup(facts, path);
        match self {
            Range::Fact(path) => at(path).map_or(0, length),
            Range::Within(path) => at(path).map_or(0, largest),
            Range::Written(items) => *items,
            // A list made in the expression is no longer than its text, and added up no more often than allowed.
            Range::Any => largest(facts).max(LONGEST as u64).saturating_mul(MOST_ADDITIONS as u64),
        }
    }
}

/// Items of a list or map; for a text, as many as it takes steps to go through it.
fn length(value: &Value) -> u64 {
    let items = match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::String(text) => text.len() / 64,
        _ => 0,
    };
    items as u64
}

/// Items of the largest list or map anywhere in a value.
fn largest(value: &Value) -> u64 {
    let below = match value {
        Value::Array(items) => items.iter().map(largest).max(),
        Value::Object(fields) => fields.values().map(largest).max(),
        _ => None,
    };
    below.unwrap_or(0).max(length(value))
}
