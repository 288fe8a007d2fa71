//! Field names of an expression checked against the JSON Schema of the facts it reads, and the list of those facts.

use std::collections::{BTreeMap, BTreeSet};

use cel::common::ast::{Expr, IdedExpr, operators};
use serde_json::Value;

use crate::bounds::{self, Effort, Range};
use crate::check::Read;

/// What walking an expression found.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub reads: Vec<Read>,
    pub tests: Vec<String>,
    pub effort: Effort,
    /// Node id and what is wrong.
    pub errors: Vec<(u64, String)>,
}

/// Walks `expr` over the facts that `schema` describes.
pub(crate) fn walk(expr: &IdedExpr, schema: &Value) -> Walked {
    let errors = bounds::check(expr);
    if !errors.is_empty() {
        return Walked { errors, ..Walked::default() };
    }
    let mut walker = Walker {
        root: schema,
        reads: BTreeMap::new(),
        tests: BTreeSet::new(),
        effort: Effort::default(),
        loops: 0,
        errors: Vec::new(),
    };
    walker.visit(expr, &mut Vec::new(), false);
    // A fact read whole is not also listed by its parents or by the fields of its items.
    let reads = walker
        .reads
        .into_iter()
        .map(|(path, fields)| Read { path, item_fields: fields.into_iter().collect() })
        .collect();
    Walked { reads, tests: walker.tests.into_iter().collect(), effort: walker.effort, errors: walker.errors }
}

/// What is known of a node's value: where it lies in the facts, and its schema.
#[derive(Clone)]
struct Place<'s> {
    /// Path of the fact; `None` for a value that is not one (a literal, a result).
    path: Option<String>,
    /// Inside an item of the list at `path`: the first field below the item.
    item: bool,
    /// Schema of the value; `None` when anything goes.
    schema: Option<&'s Value>,
    root: bool,
    /// What bounds the length of a list that is not a fact.
    made: Option<Range>,
}

impl Place<'_> {
    const NOTHING: Place<'static> = Place { path: None, item: false, schema: None, root: false, made: None };

    /// What a loop over this value goes through.
    fn range(&self) -> Range {
        match (&self.made, &self.path) {
            (Some(range), _) => range.clone(),
            (None, Some(path)) if self.item => Range::Within(path.clone()),
            (None, Some(path)) => Range::Fact(path.clone()),
            (None, None) => Range::Any,
        }
    }
}

struct Walker<'s> {
    root: &'s Value,
    reads: BTreeMap<String, BTreeSet<String>>,
    tests: BTreeSet<String>,
    /// Of what is being visited: the whole expression, or the body of a loop.
    effort: Effort,
    /// How many loops the node being visited is inside of.
    loops: usize,
    errors: Vec<(u64, String)>,
}

type Scope<'s> = Vec<(String, Place<'s>)>;

impl<'s> Walker<'s> {
    /// Visits a node; `inner` says that the parent goes on to select from it, so that it is not yet a whole read.
    fn visit(&mut self, node: &IdedExpr, scope: &mut Scope<'s>, inner: bool) -> Place<'s> {
        self.effort.node(node);
        let place = match &node.expr {
            Expr::Ident(name) => self.ident(node.id, name, scope),
            Expr::Select(select) => {
                let operand = self.visit(&select.operand, scope, true);
                let place = self.field(node.id, &operand, &select.field);
                if select.test {
                    if let Some(path) = &place.path {
                        self.tests.insert(path.clone());
                    }
                    return Place::NOTHING;
                }
                place
            }
            Expr::Call(call) if call.func_name == operators::INDEX && call.args.len() == 2 => {
                let operand = self.visit(&call.args[0], scope, true);
                self.visit(&call.args[1], scope, false);
                self.item_of(&operand)
            }
            Expr::Call(call) => {
                for operand in call.target.as_deref().into_iter().chain(&call.args) {
                    let operand = self.visit(operand, scope, false);
                    // Comparing with a fact, or looking for something in it, goes through the whole of it each time.
                    if self.loops > 0
                        && !operand.item
                        && let Some(path) = &operand.path
                    {
                        self.effort.scan(path);
                    }
                }
                Place::NOTHING
            }
            Expr::Comprehension(comp) => {
                let range = self.visit(&comp.iter_range, scope, false);
                self.visit(&comp.accu_init, scope, false);
                let depth = scope.len();
                scope.push((comp.iter_var.clone(), self.item_of(&range)));
                if let Some(second) = &comp.iter_var2 {
                    scope.push((second.clone(), Place::NOTHING));
                }
                scope.push((comp.accu_var.clone(), Place::NOTHING));
                let outside = std::mem::take(&mut self.effort);
                self.loops += 1;
                self.visit(&comp.loop_cond, scope, false);
                self.visit(&comp.loop_step, scope, false);
                self.loops -= 1;
                let body = std::mem::replace(&mut self.effort, outside);
                self.effort.repeat(range.range(), body);
                self.visit(&comp.result, scope, false);
                scope.truncate(depth);
                Place { made: Some(range.range()), ..Place::NOTHING }
            }
            Expr::List(list) => {
                for element in &list.elements {
                    self.visit(element, scope, false);
                }
                Place { made: Some(Range::Written(list.elements.len() as u64)), ..Place::NOTHING }
            }
            Expr::Map(_) | Expr::Struct(_) => {
                self.errors.push((node.id, "maps and structs cannot be made in a check".to_owned()));
                Place::NOTHING
            }
            Expr::Literal(_) | Expr::Unspecified => Place::NOTHING,
        };
        if !inner && let Some(path) = &place.path {
            self.reads.entry(path.clone()).or_default();
        }
        place
    }

    fn ident(&mut self, id: u64, name: &str, scope: &Scope<'s>) -> Place<'s> {
        if let Some((_, place)) = scope.iter().rev().find(|(var, _)| var == name) {
            return place.clone();
        }
        if name == "facts" {
            return Place { path: None, item: false, schema: Some(self.root), root: true, made: None };
        }
        // Type names (`int`, `string`) are fine as arguments of `type()`; anything else is a slip.
        const TYPES: [&str; 8] = ["int", "uint", "double", "bool", "string", "bytes", "list", "map"];
        if !TYPES.contains(&name) {
            self.errors
                .push((id, format!("unknown name `{name}`: an expression reads `facts.` and its own variables only")));
        }
        Place::NOTHING
    }

    fn field(&mut self, id: u64, operand: &Place<'s>, field: &str) -> Place<'s> {
        let mut place = Place { path: None, item: operand.item, schema: None, root: false, made: None };
        if operand.root {
            place.path = Some(field.to_owned());
        } else if operand.item {
            if let Some(path) = &operand.path {
                self.reads.entry(path.clone()).or_default().insert(field.to_owned());
            }
            place.path = operand.path.clone();
        } else if let Some(path) = &operand.path {
            place.path = Some(format!("{path}.{field}"));
        }
        let Some(schema) = operand.schema.and_then(|s| self.resolve(s)) else {
            return place;
        };
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            match properties.get(field) {
                Some(found) => place.schema = Some(found),
                None => {
                    let known = properties.keys().map(String::as_str);
                    let hint = closest(field, known).map(|k| format!("; did you mean `{k}`?")).unwrap_or_default();
                    self.errors.push((id, format!("these facts have no field `{field}`{hint}")));
                }
            }
        } else if let Some(values) = schema.get("additionalProperties").filter(|v| v.is_object()) {
            place.schema = Some(values);
        } else if let Some(kind) = schema.get("type").and_then(Value::as_str)
            && kind != "object"
        {
            self.errors.push((id, format!("`{field}` is read from a value of type {kind}, which has no fields")));
        }
        place
    }

    fn item_of(&self, list: &Place<'s>) -> Place<'s> {
        let schema = list.schema.and_then(|s| self.resolve(s));
        let items = schema.and_then(|s| s.get("items").or_else(|| s.get("additionalProperties")));
        let is_map = schema.is_some_and(|s| s.get("items").is_none());
        Place {
            path: list.path.clone(),
            item: list.path.is_some() && !is_map,
            schema: if is_map { None } else { items },
            root: false,
            made: None,
        }
    }

    /// Follows `$ref` and the `anyOf` that an optional field has.
    fn resolve(&self, schema: &'s Value) -> Option<&'s Value> {
        let mut schema = schema;
        for _ in 0..8 {
            if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
                schema = self.root.get("$defs")?.get(name.strip_prefix("#/$defs/")?)?;
            } else if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
                schema = options.iter().find(|o| o.get("type").and_then(Value::as_str) != Some("null"))?;
            } else {
                // An optional plain type is `"type": ["string", "null"]`; nothing is selected from those.
                return Some(schema);
            }
        }
        None
    }
}

/// The known name nearest to a mistyped one, if one is near.
fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known.map(|k| (distance(name, k), k)).filter(|(d, k)| *d <= 1 + k.len() / 4).min().map(|(_, k)| k)
}

/// Edit distance, for suggestions only.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = corner + usize::from(ca != *cb);
            corner = row[j + 1];
            row[j + 1] = cost.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
