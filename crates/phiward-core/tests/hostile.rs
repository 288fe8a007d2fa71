//! Content and facts from a hostile hand: an error or `unknown`, soon, and never the end of the program.

mod mutate;

use std::path::Path;
use std::time::Instant;

use mutate::{LIMIT, Rng, survives};
use phiward_core::asset::{Asset, AssetId, Ephi, KindSchema, Missing, Status};
use phiward_core::content::{Content, SourceFile};
use phiward_core::finding::Assessment;
use phiward_core::judge::{Judge, deciding_facts};
use phiward_core::words::Verdict;
use serde_json::{Value, json};

/// The schemas that collectors give, as generated into the content folder.
fn kinds() -> Vec<KindSchema> {
    ["host", "docker.engine", "docker.container", "docker.image", "docker.volume", "docker.network"]
        .into_iter()
        .map(|kind| {
            let path = content_dir().join(format!("schema/{kind}.json"));
            let text = std::fs::read_to_string(&path).expect("a schema");
            KindSchema { kind, title: kind, schema: serde_json::from_str(&text).expect("JSON") }
        })
        .collect()
}

fn content_dir() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content")
}

/// Every built-in content file.
fn built_in() -> Vec<SourceFile> {
    let mut files = Vec::new();
    let mut folders = vec![content_dir().join("checks"), content_dir().join("controls")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).expect("text");
                files.push(SourceFile { path: path.display().to_string(), text, user: false });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn loaded() -> Content {
    Content::load(&built_in(), &kinds()).expect("the built-in content")
}

/// A catalogue of one control.
fn catalogue() -> SourceFile {
    SourceFile {
        path: "controls/small.yaml".into(),
        text: "framework: hipaa\ntitle: t\nsource: s\ncontrols:\n  - {id: \"164.312(a)(1)\", name: n, kind: standard, requirement: required, section: s, text: t, plain: p, automation: partial, duty: d}\n".into(),
        user: false,
    }
}

/// A check of the user's with this expression, loaded together with the catalogue.
fn with_expression(pass: &str) -> Result<Content, String> {
    let mut files = vec![catalogue()];
    let text = json!({
        "id": "c", "title": "t", "kind": "docker.container", "severity": "high", "pass": pass, "message": "m",
        "remedy": "r", "automation": "full", "citations": {"hipaa": ["164.312(a)(1)"]}, "rationale": "r",
    });
    files.push(SourceFile { path: "c.yaml".into(), text: text.to_string(), user: true });
    Content::load(&files, &kinds()).map_err(|e| e.to_string())
}

fn asset(kind: &str, facts: Value, status: Status) -> Asset {
    Asset {
        id: AssetId("x://1".into()),
        kind: kind.into(),
        name: "one".into(),
        owner: String::new(),
        ephi: Ephi::Unknown,
        labels: Default::default(),
        relations: Vec::new(),
        facts,
        collector: "test".into(),
        status,
        collected_at: "2026-01-01T00:00:00Z".parse().expect("a time"),
    }
}

#[test]
fn spoiled_checks_and_catalogues_are_errors_or_content_and_never_a_panic() {
    let all = built_in();
    let kinds = kinds();
    let controls: Vec<&SourceFile> = all.iter().filter(|f| f.path.contains("/controls/")).collect();
    let small = catalogue();
    let mut rng = Rng::new(1);
    let mut refused = 0;
    const RUNS: usize = 600;
    for run in 0..RUNS {
        let good = if run % 20 == 0 { controls[rng.below(controls.len())] } else { &all[rng.below(all.len())] };
        let text = mutate::text(&mut rng, &good.text);
        refused += usize::from(survives("loading", &text.clone(), |text: &String| {
            let spoiled = SourceFile { text: text.clone(), ..good.clone() };
            match Content::load(&[small.clone(), spoiled], &kinds) {
                Ok(_) => false,
                Err(errors) => {
                    assert!(errors.0.iter().all(|e| !e.message.is_empty() && !e.file.is_empty()));
                    assert!(!errors.to_string().contains("report this as a defect"), "a panic while reading: {errors}");
                    true
                }
            }
        }));
    }
    assert!(refused > RUNS / 4, "only {refused} of {RUNS} were refused: the texts are hardly spoiled");
}

#[test]
fn yaml_bombs_are_refused_soon() {
    let laughs = (1..12).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, i| {
        let before = i - 1;
        let nine = vec![format!("*a{before}"); 9].join(",");
        format!("{text}a{i}: &a{i} [{nine}]\n")
    });
    let bombs = [
        laughs,
        "a: &a [*a, *a]\n".to_owned(),
        format!("examples: {{pass: {}1{}}}\n", "[".repeat(50_000), "]".repeat(50_000)),
        format!("examples: {}", "{a: ".repeat(50_000)),
        (0..20_000).map(|i| format!("{}a:\n", " ".repeat(i % 400))).collect(),
        "? ".repeat(100_000),
        "- ".repeat(100_000),
        "--- a\n".repeat(50_000),
        "&a ".repeat(100_000),
        "!!t ".repeat(100_000),
        (0..50_000).map(|i| format!("k{i}: v\n")).collect(),
        format!("title: \"{}", "\\u263a".repeat(100_000)),
        format!("title: {}\n", "x".repeat(1 << 20)),
        format!("title: |\n{}", "  x\n".repeat(100_000)),
        format!("<<: {}", "[{a: b}, ".repeat(10_000)),
        "%YAML 9.9\n".repeat(10_000),
    ];
    let shapes = mutate::megabytes("- {id: x, name: n, maps_to: [x]}\n");
    let texts = bombs.into_iter().chain(shapes.iter().map(|b| String::from_utf8_lossy(b).into_owned()));
    for text in texts {
        for path in ["checks/c.yaml", "controls/c.yaml"] {
            let file = SourceFile { path: path.into(), text: text.clone(), user: true };
            survives(path, &text, |_| assert!(Content::load(std::slice::from_ref(&file), &[]).is_err()));
        }
    }
}

#[test]
fn a_large_catalogue_is_read_in_time_that_grows_with_its_size() {
    let rest = "name: n, kind: row, requirement: required, section: s, text: t, plain: p, automation: partial, duty: d";
    let controls: String = (0..8_000)
        .map(|i| format!("  - {{id: c{i}, parent: c{}, maps_to: [c{}, c1], {rest}}}\n", i + 1, 7_999 - i))
        .collect();
    let text = format!("\"framework\": 'x'\ntitle: t\nsource: s\ncontrols:\n{controls}");
    let file = SourceFile { path: "controls/x.yaml".into(), text, user: true };
    let errors =
        survives("a catalogue", &file.text.clone(), |_| Content::load(&[file], &[]).expect_err("a bad parent"));
    // However the framework's name is written, its controls are looked at.
    assert_eq!(errors.0.len(), 1, "{errors}");
    assert!(errors.to_string().contains("unknown parent `c8000`"), "{errors}");
}

#[test]
fn examples_as_deep_as_yaml_allows_can_be_judged_and_shown() {
    let deep = format!("{}1{}", "[".repeat(55), "]".repeat(55));
    let mut files: Vec<SourceFile> = built_in();
    let check = files.iter_mut().find(|f| f.path.ends_with("apparmor-confined.yaml")).expect("the check");
    check.text = check.text.replace("    - {running: true}\n", &format!("    - {{running: true, mounts: {deep}}}\n"));
    let content = Content::load(&files, &kinds()).expect("good");
    let check = content.check("apparmor-confined").expect("there");
    assert!(Judge::new(&content).test(check, &check.examples).is_empty());
}

/// Expressions that are refused, each with a word of the reason.
fn expression_bombs() -> Vec<(String, &'static str)> {
    let n = 600;
    let nested = |open: &str, close: &str, n: usize| format!("{}true{}", open.repeat(n), close.repeat(n));
    let loops = |n: usize| format!("{}true{}", "facts.mounts.all(m, ".repeat(n), ")".repeat(n));
    vec![
        (nested("(", ")", n), "96"),
        (nested("[", "]", n), "96"),
        (nested("[(", ")]", n / 2), "96"),
        (nested("size(", ")", 300), "96"),
        (nested("has(", ")", 300), "96"),
        (nested("{1: ", "}", 300), "96"),
        ("(".repeat(2000), "96"),
        ("[".repeat(2000), "96"),
        ("{".repeat(2000), "96"),
        ("facts.running ? true : ".repeat(80) + "true", "levels deep"),
        (vec!["1"; 500].join(" + ") + " == 1", "levels deep"),
        (vec!["true"; 200].join(" == "), "levels deep"),
        (format!("facts.mounts{} == 1", "[0]".repeat(400)), "levels deep"),
        (format!("facts.image{} == 'a'", ".trim()".repeat(200)), "levels deep"),
        (format!("facts.labels{} == 'a'", ".a".repeat(500)), "levels deep"),
        (nested("[", "]", 94), "levels deep"),
        (vec!["[1]"; 20].join(" + ") + " == []", "additions"),
        (loops(4), "4 loops"),
        (loops(20), "loops"),
        (format!("[1]{}.size() > 0", ".map(x, [x, x])".repeat(40)), "loops"),
        (format!("['a']{}.size() > 0", ".map(x, x + x)".repeat(4)), "4 loops"),
        (format!("[{}].size() > 0", "[1].map(a, [2].map(b, [3].map(c, [4].map(d, d))))"), "4 loops"),
        (format!("facts.image == '{}'", "a".repeat(100_000)), "bytes"),
        (vec!["facts.running"; 10_000].join(" || "), "bytes"),
        ("a".repeat(100_000), "bytes"),
        ("~ ".repeat(1000), "not a CEL expression"),
        ("\"".repeat(1999), "not a CEL expression"),
        ("facts.image.matches('(a{1000}){1000}')".into(), "larger than"),
        ("facts.image.matches('(')".into(), "unclosed group"),
        ("matches(facts.image, '[')".into(), "unclosed character class"),
        ("\0\0\0".into(), "not a CEL expression"),
        ("facts.image == '\u{202e}' \u{feff}".into(), "not a CEL expression"),
        (String::new(), "not a CEL expression"),
        ("facts.pids_limit == 99999999999999999999999999".into(), "not a CEL expression"),
    ]
}

#[test]
fn expression_bombs_are_refused_with_a_reason() {
    for (bomb, reason) in expression_bombs() {
        let error = survives("an expression", &bomb, |bomb| with_expression(bomb).map(|_| ()));
        let error = error.expect_err(&bomb[..bomb.len().min(80)]);
        let reason = if reason == "96" { "not a CEL expression" } else { reason };
        assert!(error.contains(reason), "{}: {error}", &bomb[..bomb.len().min(80)]);
        assert!(error.contains("c.yaml:") && error.lines().count() <= 12, "{error}");
    }
}

#[test]
fn brackets_up_to_the_parsers_own_limit_do_not_end_the_program() {
    for levels in [8, 20, 40, 60, 80, 94] {
        let content = with_expression(&format!("{}true{}", "(".repeat(levels), ")".repeat(levels))).expect("good");
        let check = content.check("c").expect("there");
        assert_eq!(Judge::new(&content).judge_one(check, &json!({}), &Status::Complete).0, Verdict::Pass);
    }
}

#[test]
fn the_deepest_expressions_that_load_fit_the_stack_of_any_thread() {
    let facts = json!({"mounts": [{"source": "a"}], "running": true});
    let inside = |core: &str| {
        format!("facts.mounts.all(a, facts.mounts.all(b, facts.mounts.all(c, [a, b, c].size() == 3 && {core})))")
    };
    let mut deepest = 0;
    for n in 1..40 {
        for core in [vec!["1"; n].join(" - "), vec!["1"; n].join(" == "), format!("[1]{}", "[0]".repeat(n))] {
            let Ok(content) = with_expression(&inside(&format!("{core} != 7"))) else { continue };
            deepest = n;
            let check = content.check("c").expect("there");
            let _ = Judge::new(&content).judge_one(check, &facts, &Status::Complete);
        }
    }
    assert!((10..32).contains(&deepest), "{deepest}");
}

#[test]
fn what_would_run_for_minutes_is_unknown_at_once() {
    let facts = |n: usize| {
        let mounts: Vec<Value> = (0..n).map(|i| json!({"source": format!("/m{i}"), "writable": true})).collect();
        json!({"mounts": mounts, "capabilities": vec!["X"; n], "cap_add": ["Y".repeat(1 << 16)]})
    };
    let loops = [
        "facts.mounts.all(a, facts.mounts.all(b, facts.mounts.all(c, a.source == a.source)))",
        "facts.mounts.all(a, facts.mounts.all(b, b == b && facts.capabilities == facts.capabilities))",
        "facts.mounts.filter(m, m.writable).map(m, facts.mounts).all(l, l.all(m, m.writable))",
        "facts.capabilities.all(a, facts.capabilities.all(b, !('Z' in facts.capabilities)))",
        "(facts.capabilities + facts.capabilities).all(a, facts.capabilities.all(b, a == b))",
        "facts.cap_add.map(x, x + x + x + x).map(x, x + x + x + x).all(x, facts.mounts.all(m, x.contains(m.source)))",
    ];
    for expression in loops {
        let content = with_expression(expression).expect(expression);
        let check = content.check("c").expect("there");
        for items in [10, 40, 20_000] {
            let facts = facts(items);
            let started = Instant::now();
            let (verdict, reason) = Judge::new(&content).judge_one(check, &facts, &Status::Complete);
            assert!(started.elapsed() < LIMIT, "{:?} for {expression} over {items}", started.elapsed());
            if items == 20_000 && !expression.starts_with("facts.cap_add") {
                assert_eq!(verdict, Verdict::Unknown, "{expression}");
                assert!(reason.contains("steps") && reason.contains("3000000"), "{reason}");
            }
        }
    }
    // What checks really do stays far below the bound, however much there is.
    let content = with_expression("!facts.mounts.exists(m, m.source in ['/a', '/b'] || m.source.startsWith('/x'))");
    let content = content.expect("good");
    let facts = facts(100_000);
    let judged = Judge::new(&content).judge_one(content.check("c").expect("there"), &facts, &Status::Complete);
    assert_eq!(judged, (Verdict::Pass, String::new()));
}

#[test]
fn nothing_known_is_never_a_pass() {
    let content = loaded();
    let judge = Judge::new(&content);
    for kind in content.kinds() {
        for facts in [json!({}), json!(null), json!([]), json!("x"), json!({"x": 1})] {
            for outcome in judge.judge(&asset(kind, facts.clone(), Status::Complete)) {
                let decided = matches!(outcome.verdict, Verdict::Pass | Verdict::Fail);
                assert!(!decided, "{} {} of {facts} is {:?}", kind, outcome.check.id, outcome.verdict);
            }
        }
    }
}

#[test]
fn a_whole_gap_is_unknown_for_every_check() {
    let content = loaded();
    let judge = Judge::new(&content);
    let gap = Status::Partial { missing: vec![Missing { path: String::new(), why: "denied".into() }] };
    for kind in content.kinds() {
        for outcome in judge.judge(&asset(kind, json!({}), gap.clone())) {
            assert_eq!(outcome.verdict, Verdict::Unknown, "{kind} {}", outcome.check.id);
        }
    }
}

/// A document with every field that the schema names, of its type; some hostile instead.
fn document(rng: &mut Rng, root: &Value, schema: &Value, depth: usize) -> Value {
    if depth == 0 || rng.below(12) == 0 {
        return mutate::any(rng, 2);
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        return document(rng, root, &root["$defs"][name.rsplit('/').next().unwrap_or_default()], depth);
    }
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        let option = &options[rng.below(options.len())];
        return document(rng, root, option, depth);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[rng.below(kinds.len())].as_str().unwrap_or_default(),
        other => other.as_str().unwrap_or_default(),
    };
    match kind {
        "object" => {
            let mut fields = serde_json::Map::new();
            for (name, of) in schema["properties"].as_object().into_iter().flatten() {
                if rng.below(10) > 0 {
                    fields.insert(name.clone(), document(rng, root, of, depth - 1));
                }
            }
            if schema["additionalProperties"].is_object() {
                for _ in 0..rng.below(3) {
                    let name = rng.pick(mutate::NASTY).to_owned();
                    fields.insert(name, document(rng, root, &schema["additionalProperties"], depth - 1));
                }
            }
            Value::Object(fields)
        }
        "array" => (0..rng.below(4)).map(|_| document(rng, root, &schema["items"], depth - 1)).collect(),
        "string" => Value::from(rng.pick(mutate::NASTY)),
        "boolean" => Value::from(rng.below(2) == 0),
        "integer" => Value::from([i64::MIN, -1, 0, 1, 644, i64::MAX][rng.below(6)]),
        _ => mutate::any(rng, 2),
    }
}

#[test]
fn any_document_can_be_judged_and_kept_as_a_finding() {
    let content = loaded();
    let judge = Judge::new(&content);
    let kinds = kinds();
    let mut rng = Rng::new(2);
    let mut seen = [0_usize; 4];
    for run in 0..300 {
        let kind = &kinds[run % kinds.len()];
        let facts = match rng.below(4) {
            0 => mutate::any(&mut rng, 4),
            _ => document(&mut rng, &kind.schema, &kind.schema, 8),
        };
        let facts = if rng.below(2) == 0 { mutate::json(&mut rng, &facts) } else { facts };
        let shown = facts.to_string();
        let outcomes = survives(kind.kind, &shown, |_| judge.judge(&asset(kind.kind, facts.clone(), Status::Complete)));
        for outcome in outcomes {
            let deciding = deciding_facts(&outcome.check, &facts);
            assert!(deciding.is_object());
            assert_eq!(outcome.reason.is_empty(), outcome.verdict != Verdict::Unknown, "{}", outcome.check.id);
            assert!(outcome.reason.len() < 600, "{}", outcome.reason);
            seen[match outcome.verdict {
                Verdict::Pass => 0,
                Verdict::Fail => 1,
                Verdict::Unknown => 2,
                _ => 3,
            }] += 1;
        }
    }
    assert!(seen.iter().all(|n| *n > 50), "the documents do not reach every verdict: {seen:?}");
}

#[test]
fn a_fact_that_turns_unreadable_never_turns_a_check_into_a_pass() {
    let content = loaded();
    let judge = Judge::new(&content);
    let mut rng = Rng::new(3);
    for check in content.checks().iter().filter(|c| c.automatic()) {
        for facts in check.examples.fail.iter().chain(&check.examples.unknown) {
            let Some(fields) = facts.as_object() else { continue };
            for name in fields.keys() {
                let mut less = fields.clone();
                less.remove(name);
                let missing = vec![Missing { path: name.clone(), why: "denied".into() }];
                let (verdict, _) = judge.judge_one(check, &Value::Object(less), &Status::Partial { missing });
                assert_ne!(verdict, Verdict::Pass, "{} without {name} in {facts}", check.id);
                // A value of an absurd kind, likewise.
                let mut odd = fields.clone();
                odd.insert(
                    name.clone(),
                    [json!(null), json!({"\0": [1]}), json!([[]]), json!(-0.5)][rng.below(4)].clone(),
                );
                let _ = judge.judge_one(check, &Value::Object(odd), &Status::Complete);
            }
        }
    }
}

#[test]
fn large_facts_are_judged_and_cut_in_time() {
    let content = loaded();
    let judge = Judge::new(&content);
    let long = "x".repeat(1 << 20);
    let mounts: Vec<Value> = (0..500).map(|i| json!({"source": format!("/m{i}"), "target": "é".repeat(20)})).collect();
    let facts = json!({"running": true, "mounts": mounts, "image": long, "apparmor_profile": long, "capabilities": vec![long.clone(); 2]});
    let assets = [asset("docker.container", facts, Status::Complete)];
    let started = Instant::now();
    let at = "2026-01-01T00:00:00Z".parse().expect("a time");
    let assessment = Assessment::new(&judge, content.digest(), &assets, Vec::new(), at, |_| true);
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
    for finding in &assessment.findings {
        let size = finding.facts.to_string().len();
        assert!(size < 100_000, "{size} bytes kept for {}", finding.check.id);
    }
}
