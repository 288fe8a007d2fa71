use phiward_core::asset::{KindSchema, Status};
use phiward_core::content::{Content, SourceFile};
use phiward_core::judge::Judge;
use serde_json::json;
use std::time::Instant;
fn kinds() -> Vec<KindSchema> {
    vec![KindSchema {
        kind: "box",
        title: "Box",
        schema: json!({"type":"object","properties":{"a":{"type":"array","items":{}},"s":{"type":"string"},"x":{}}}),
    }]
}
const CONTROLS: &str = r#"
framework: hipaa
title: Rule
source: "45 CFR 164"
controls:
  - {id: "164.312(a)(1)", name: Access control, kind: standard, requirement: required, section: "164.312", text: t, plain: p, automation: partial, duty: d}
"#;
fn load(expr: &str) -> Result<Content, String> {
    let text = format!(
        "id: c\ntitle: Good\nkind: box\nseverity: high\nmessage: Bad\nremedy: Mend it\nautomation: partial\ncitations: {{hipaa: [\"164.312(a)(1)\"]}}\nrationale: Because\npass: |-\n  {expr}\n"
    );
    Content::load(
        &[
            SourceFile { path: "controls/h.yaml".into(), text: CONTROLS.into(), user: false },
            SourceFile { path: "c.yaml".into(), text, user: true },
        ],
        &kinds(),
    )
    .map_err(|e| {
        let s = e.to_string();
        s.chars().take(300).collect()
    })
}
#[test]
fn probe() {
    let which = std::env::var("PROBE").unwrap_or_default();
    let n: usize = std::env::var("N").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    let e = match which.as_str() {
        "paren" => format!("{}true{}", "(".repeat(n), ")".repeat(n)),
        "or" => vec!["facts.x"; n].join(" || "),
        "plus" => format!("{} == 3", vec!["1"; n].join(" + ")),
        "tern" => format!("{} true", "facts.x ? true : ".repeat(n)),
        "not" => format!("{}true", "!".repeat(n)),
        "neg" => format!("{}1 == 1", "-".repeat(n)),
        "list" => format!("{}{} == []", "[".repeat(n), "]".repeat(n)),
        "idx" => format!("facts.a{} == 1", "[0]".repeat(n)),
        "sel" => format!("facts.x{} == 1", ".a".repeat(n)),
        "call" => format!("facts.s{} == 'a'", ".trim()".repeat(n)),
        "macro" => {
            format!("{}true{}", (0..n).map(|i| format!("facts.a.all(v{i}, ")).collect::<String>(), ")".repeat(n))
        }
        "has" => format!("{}facts.x{}", "has(".repeat(n), ")".repeat(n)),
        "in" => format!("facts.s in [{}]", vec!["'aaaa'"; n].join(",")),
        "str" => format!("facts.s == '{}'", "a".repeat(n)),
        "word" => "a".repeat(n),
        "bad" => "~ ".repeat(n),
        "eq" => vec!["facts.x"; n].join(" == "),
        "openp" => "(".repeat(n),
        "and" => vec!["facts.a.all(v, v == 1)"; n].join(" && "),
        "mapdouble" => format!("[1]{}.size() > 0", ".map(x, [x, x])".repeat(n)),
        "strdouble" => format!("['a']{}.size() > 0", ".map(x, x + x)".repeat(n)),
        "regex" => "facts.s.matches('(a+)+$')".to_string(),
        "regex2" => format!("facts.s.matches('{}')", "(a{1000}){1000}"),
        "chain" => format!("facts.a{}.size() > 0", ".map(x, x)".repeat(n)),
        _ => "true".into(),
    };
    let t = Instant::now();
    let c = load(&e);
    eprintln!(
        "{which} n={n} len={} load {:?} -> {}",
        e.len(),
        t.elapsed(),
        c.as_ref().map(|_| "ok".to_string()).unwrap_or_else(|e| e.clone())
    );
    if let Ok(c) = c {
        let facts = json!({"a": (0..n.min(50)).collect::<Vec<_>>(), "s": "a".repeat(100000)});
        let t = Instant::now();
        let (v, r) = Judge::new(&c).judge_one(c.check("c").unwrap(), &facts, &Status::Complete);
        eprintln!("   judge {:?} {v:?} {r}", t.elapsed());
    }
}
