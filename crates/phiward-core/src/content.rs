//! Loading content: checks and controls, from text to compiled. Bad content is an error here, with file, line,
//! column and what is wrong; nothing of it reaches judgment.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use cel::Program;
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;
use sha2::{Digest, Sha256};

use crate::asset::KindSchema;
use crate::bounds;
use crate::check::{Automation, Check, Examples, Expression};
use crate::control::{Control, Framework};
use crate::schema;
use crate::words::{Category, Severity};

/// Stack for reading content, in bytes. The CEL parser recurses through some twenty functions a bracket: with this
/// much its own limit of 96 levels stops it, also in an unoptimized build. Only what is used takes up memory.
const STACK: usize = 64 << 20;

/// Most syntax errors told of one expression.
const MOST_SYNTAX_ERRORS: usize = 10;

/// One file of content, read by the caller.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path as shown in errors. A path with a `controls` folder holds a catalogue; any other holds a check.
    pub path: String,
    pub text: String,
    /// Given by the user, so that it may stand in place of a built-in of the same id.
    pub user: bool,
}

/// Something wrong in a content file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ContentError {
    pub file: String,
    /// From 1; 0 when the whole file is meant.
    pub line: u64,
    pub column: u64,
    pub message: String,
}

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.message)
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
        }
    }
}

/// All that is wrong in a set of content files.
#[derive(Clone, Debug, thiserror::Error)]
pub struct ContentErrors(pub Vec<ContentError>);

impl fmt::Display for ContentErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

/// A check file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCheck {
    id: Spanned<String>,
    title: String,
    kind: Spanned<String>,
    severity: Severity,
    category: Option<Category>,
    applies: Option<Spanned<String>>,
    pass: Option<Spanned<String>>,
    message: String,
    remedy: String,
    automation: Spanned<Automation>,
    citations: Spanned<BTreeMap<String, Vec<String>>>,
    rationale: String,
    #[serde(default)]
    examples: Examples,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    aliases: Vec<String>,
}

/// The checks of one kind, ready to judge.
#[derive(Debug, Default)]
pub(crate) struct KindChecks {
    /// Indexes into [`Content::checks`], automatic checks only, in order of id.
    pub checks: Vec<usize>,
    /// The different `applies` expressions.
    pub applies: Vec<Arc<Expression>>,
}

/// Content, loaded: what judgment rests on.
#[derive(Debug)]
pub struct Content {
    checks: Vec<Arc<Check>>,
    by_id: HashMap<String, usize>,
    by_kind: BTreeMap<String, KindChecks>,
    frameworks: Vec<Framework>,
    /// Control id (of the `hipaa` framework) to indexes of checks that cite it.
    citing: HashMap<String, Vec<usize>>,
    digest: String,
}

impl Content {
    /// Loads and compiles. Every error found is returned, not only the first.
    pub fn load(files: &[SourceFile], kinds: &[KindSchema]) -> Result<Content, ContentErrors> {
        let failed = |message: String| {
            ContentErrors(vec![ContentError { file: "content".to_owned(), line: 0, column: 0, message }])
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("content".to_owned()).stack_size(STACK);
            match thread.spawn_scoped(scope, || Self::load_here(files, kinds)) {
                Ok(thread) => thread.join().unwrap_or_else(|_| {
                    Err(failed("reading it ended before its time: report this as a defect of phiward".to_owned()))
                }),
                Err(error) => Err(failed(format!("cannot start a thread to read it: {error}"))),
            }
        })
    }

    fn load_here(files: &[SourceFile], kinds: &[KindSchema]) -> Result<Content, ContentErrors> {
        let mut loader = Loader { kinds, errors: Vec::new() };
        let mut frameworks: Vec<(Framework, &SourceFile)> = Vec::new();
        let mut raw: BTreeMap<String, (RawCheck, &SourceFile, bool)> = BTreeMap::new();
        let mut hasher = Sha256::new();
        let mut sorted: Vec<&SourceFile> = files.iter().collect();
        sorted.sort_by(|a, b| (a.user, &a.path).cmp(&(b.user, &b.path)));
        for file in sorted {
            hasher.update(file.path.as_bytes());
            hasher.update([0]);
            hasher.update(file.text.as_bytes());
            hasher.update([0]);
            if is_controls(&file.path) {
                frameworks.extend(loader.parse::<Framework>(file).map(|framework| (framework, file)));
                continue;
            }
            let Some(check) = loader.parse::<RawCheck>(file) else { continue };
            let id = check.id.value.clone();
            match raw.get(&id) {
                Some((_, earlier, _)) if earlier.user == file.user => {
                    let message = format!("id `{id}` is already used by {}", earlier.path);
                    loader.at(file, &check.id, message);
                }
                Some(_) => drop(raw.insert(id, (check, file, true))),
                None => drop(raw.insert(id, (check, file, false))),
            }
        }
        loader.frameworks(&frameworks);
        let frameworks: Vec<Framework> = frameworks.into_iter().map(|(framework, _)| framework).collect();
        let known: HashMap<&str, &Control> = frameworks
            .iter()
            .filter(|f| f.framework == "hipaa")
            .flat_map(|f| &f.controls)
            .map(|c| (c.id.as_str(), c))
            .collect();

        let mut by_kind: BTreeMap<String, KindChecks> = BTreeMap::new();
        let mut checks: Vec<Arc<Check>> = Vec::new();
        let mut by_id: HashMap<String, usize> = HashMap::new();
        let mut citing: HashMap<String, Vec<usize>> = HashMap::new();
        for (id, (raw, file, overrides)) in raw {
            let Some(check) = loader.compile(raw, file, overrides, &known, &mut by_kind) else { continue };
            let index = checks.len();
            if check.automatic() {
                by_kind.entry(check.kind.clone()).or_default().checks.push(index);
            }
            for control in check.cites("hipaa") {
                citing.entry(control.clone()).or_default().push(index);
            }
            for alias in &check.aliases {
                by_id.entry(alias.clone()).or_insert(index);
            }
            by_id.insert(id, index);
            checks.push(Arc::new(check));
        }
        if !loader.errors.is_empty() {
            loader.errors.sort();
            return Err(ContentErrors(loader.errors));
        }
        let digest = hasher.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Ok(Content { checks, by_id, by_kind, frameworks, citing, digest })
    }

    /// All checks, in order of id.
    pub fn checks(&self) -> &[Arc<Check>] {
        &self.checks
    }

    /// A check by its id or a former id.
    pub fn check(&self, id: &str) -> Option<&Arc<Check>> {
        self.by_id.get(id).map(|i| &self.checks[*i])
    }

    /// Automatic checks of a kind, in order of id: the order of an asset's verdicts.
    pub fn checks_of_kind(&self, kind: &str) -> impl ExactSizeIterator<Item = &Arc<Check>> {
        let list = self.by_kind.get(kind).map_or(&[][..], |k| &k.checks);
        list.iter().map(|i| &self.checks[*i])
    }

    pub(crate) fn kind(&self, kind: &str) -> Option<&KindChecks> {
        self.by_kind.get(kind)
    }

    /// Kinds that have automatic checks.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.by_kind.iter().filter(|(_, k)| !k.checks.is_empty()).map(|(kind, _)| kind.as_str())
    }

    /// Catalogues of controls.
    pub fn frameworks(&self) -> &[Framework] {
        &self.frameworks
    }

    /// A control and its framework by id.
    pub fn control(&self, id: &str) -> Option<(&Framework, &Control)> {
        self.frameworks.iter().find_map(|f| f.controls.iter().find(|c| c.id == id).map(|c| (f, c)))
    }

    /// Checks that cite a control, or, for a row of another framework, a control it maps to. With `below`, also those
    /// that cite an implementation specification of the standard.
    pub fn checks_for_control(&self, control: &Control, below: bool) -> Vec<&Arc<Check>> {
        let mut ids: Vec<&str> = vec![&control.id];
        ids.extend(control.maps_to.iter().map(String::as_str));
        if below {
            let children = self.frameworks.iter().flat_map(|f| &f.controls);
            ids.extend(children.filter(|c| c.parent.as_deref() == Some(&control.id)).map(|c| c.id.as_str()));
        }
        let mut indexes: Vec<usize> = ids.iter().filter_map(|id| self.citing.get(*id)).flatten().copied().collect();
        indexes.sort_unstable();
        indexes.dedup();
        indexes.into_iter().map(|i| &self.checks[i]).collect()
    }

    /// SHA-256 over all files, in hex: the version of the content.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

fn is_controls(path: &str) -> bool {
    path.replace('\\', "/").split('/').any(|part| part == "controls")
}

/// Line and column, from 1, of the character at an offset.
fn position(text: &str, offset: u32) -> (i64, i64) {
    let before: Vec<char> = text.chars().take(offset as usize).collect();
    let line = before.iter().filter(|c| **c == '\n').count() + 1;
    let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
    (line as i64, column as i64)
}

struct Loader<'k> {
    kinds: &'k [KindSchema],
    errors: Vec<ContentError>,
}

impl Loader<'_> {
    fn error(&mut self, file: &SourceFile, line: u64, column: u64, message: String) {
        self.errors.push(ContentError { file: file.path.clone(), line, column, message });
    }

    fn at<T>(&mut self, file: &SourceFile, value: &Spanned<T>, message: String) {
        self.error(file, value.referenced.line(), value.referenced.column(), message);
    }

    fn parse<T: serde::de::DeserializeOwned>(&mut self, file: &SourceFile) -> Option<T> {
        match serde_saphyr::from_str::<T>(&file.text) {
            Ok(value) => Some(value),
            Err(error) => {
                let (line, column) = error.location().map_or((0, 0), |l| (l.line(), l.column()));
                let text = error.without_snippet().to_string();
                // The location is given apart; the crate repeats it at the end of its sentence.
                let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
                self.error(file, line, column, message);
                None
            }
        }
    }

    fn frameworks(&mut self, frameworks: &[(Framework, &SourceFile)]) {
        let mut seen: HashSet<&str> = HashSet::new();
        for (framework, file) in frameworks {
            let own: HashSet<&str> = framework.controls.iter().map(|c| c.id.as_str()).collect();
            for control in &framework.controls {
                if !seen.insert(&control.id) {
                    self.error(file, 0, 0, format!("control id `{}` is used twice", control.id));
                }
                if let Some(parent) = &control.parent
                    && !own.contains(parent.as_str())
                {
                    self.error(file, 0, 0, format!("control `{}` names the unknown parent `{parent}`", control.id));
                }
            }
        }
        for (framework, file) in frameworks {
            for control in &framework.controls {
                for target in control.maps_to.iter().filter(|target| !seen.contains(target.as_str())) {
                    self.error(file, 0, 0, format!("control `{}` maps to the unknown control `{target}`", control.id));
                }
            }
        }
    }

    fn compile(
        &mut self,
        raw: RawCheck,
        file: &SourceFile,
        overrides_builtin: bool,
        controls: &HashMap<&str, &Control>,
        by_kind: &mut BTreeMap<String, KindChecks>,
    ) -> Option<Check> {
        let before = self.errors.len();
        let id = &raw.id.value;
        let well_formed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || !id.chars().all(well_formed) {
            self.at(
                file,
                &raw.id,
                format!("id `{id}` must be words of lower-case letters and digits joined by hyphens"),
            );
        }
        let stem =
            file.path.rsplit(['/', '\\']).next().unwrap_or("").trim_end_matches(".yaml").trim_end_matches(".yml");
        if stem != id {
            self.at(file, &raw.id, format!("id `{id}` and the file's name `{stem}` must be the same"));
        }
        let kinds = self.kinds;
        let Some(kind) = kinds.iter().find(|k| k.kind == raw.kind.value) else {
            let known: Vec<&str> = kinds.iter().map(|k| k.kind).collect();
            self.at(file, &raw.kind, format!("unknown kind `{}`; the kinds are {}", raw.kind.value, known.join(", ")));
            return None;
        };
        if raw.pass.is_some() == (raw.automation.value == Automation::Manual) {
            let message = "a check has either a `pass` expression, or `automation: manual` and none";
            self.at(file, &raw.automation, message.to_owned());
        }
        for control in raw.citations.value.get("hipaa").into_iter().flatten() {
            if !controls.contains_key(control.as_str()) {
                self.at(file, &raw.citations, format!("cites the unknown control `{control}` of the Security Rule"));
            }
        }
        if raw.citations.value.get("hipaa").is_none_or(Vec::is_empty) {
            self.at(file, &raw.citations, "cites no control of the Security Rule (`hipaa: [\"164.…\"]`)".to_owned());
        }
        let pass = raw.pass.as_ref().map(|e| self.expression(file, e, &kind.schema));
        let applies = raw.applies.as_ref().map(|e| self.expression(file, e, &kind.schema));
        if self.errors.len() > before {
            return None;
        }
        let pass = pass.flatten().map(Arc::new);
        let mut slot = 0;
        let applies = applies.flatten().map(|e| {
            let list = &mut by_kind.entry(raw.kind.value.clone()).or_default().applies;
            slot = list.iter().position(|known| known.source == e.source).unwrap_or_else(|| {
                list.push(Arc::new(e));
                list.len() - 1
            });
            Arc::clone(&list[slot])
        });
        Some(Check {
            id: raw.id.value,
            title: raw.title,
            category: raw.category.unwrap_or_else(|| Category::of_kind(&raw.kind.value)),
            kind: raw.kind.value,
            severity: raw.severity,
            applies,
            applies_slot: slot,
            pass,
            message: raw.message.trim().to_owned(),
            remedy: raw.remedy.trim_end().to_owned(),
            automation: raw.automation.value,
            citations: raw.citations.value,
            rationale: raw.rationale.trim().to_owned(),
            examples: raw.examples,
            references: raw.references,
            aliases: raw.aliases,
            origin: file.path.clone(),
            overrides_builtin,
            user: file.user,
        })
    }

    fn expression(
        &mut self,
        file: &SourceFile,
        source: &Spanned<String>,
        schema: &serde_json::Value,
    ) -> Option<Expression> {
        let text = source.value.trim().to_owned();
        let (line, column) = (source.referenced.line(), source.referenced.column());
        // A position inside the expression, moved to where the expression stands in the file.
        let place = |at: Option<(i64, i64)>| -> (u64, u64) {
            let Some((l, c)) = at else { return (line, column) };
            let (l, c) = (l.max(1).unsigned_abs(), c.max(1).unsigned_abs());
            let opening = file.text.lines().nth(line.saturating_sub(1) as usize).unwrap_or("");
            let first = opening.chars().nth(column.saturating_sub(1) as usize);
            match first {
                Some('|' | '>') => (line + l, c),
                Some('"' | '\'') if l == 1 => (line, column + c),
                _ if l == 1 => (line, column + c - 1),
                _ => (line + l - 1, c),
            }
        };
        if text.len() > bounds::LONGEST {
            let message = format!(
                "the expression has {} bytes, and at most {} are allowed: derive a fact",
                text.len(),
                bounds::LONGEST
            );
            self.error(file, line, column, message);
            return None;
        }
        match Program::compile(&text) {
            Err(errors) => {
                for error in errors.errors.into_iter().take(MOST_SYNTAX_ERRORS) {
                    let (l, c) = place(Some((error.pos.0 as i64, error.pos.1 as i64)));
                    self.error(file, l, c, format!("not a CEL expression: {}", error.msg));
                }
                None
            }
            Ok(program) => {
                let walked = schema::walk(program.expression(), schema);
                for (id, message) in &walked.errors {
                    let (l, c) = place(program.source_info().offset_for(*id).map(|(start, _)| position(&text, start)));
                    self.error(file, l, c, message.clone());
                }
                walked.errors.is_empty().then_some(Expression {
                    source: text,
                    program,
                    reads: walked.reads,
                    tests: walked.tests,
                    effort: walked.effort,
                })
            }
        }
    }
}
