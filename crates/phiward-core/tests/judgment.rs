//! Loading and judging through the public interface: what a bad file is told, and that unknown is never a pass.

use phiward_core::asset::{Asset, AssetId, Ephi, KindSchema, Missing, Status};
use phiward_core::content::{Content, SourceFile};
use phiward_core::finding::Assessment;
use phiward_core::judge::{Judge, deciding_facts};
use phiward_core::posture::{Population, State, overall, states};
use phiward_core::words::{Category, Verdict};
use serde_json::{Value, json};

const CONTROLS: &str = r#"
framework: hipaa
title: Rule
source: "45 CFR 164"
controls:
  - {id: "164.312(a)(1)", name: Access control, kind: standard, requirement: required, section: "164.312", text: t, plain: p, automation: partial, duty: d}
  - {id: "164.312(a)(2)(iv)", name: Encryption, kind: implementation-specification, requirement: addressable, section: "164.312", parent: "164.312(a)(1)", text: t, plain: p, automation: partial, duty: d}
"#;

fn kinds() -> Vec<KindSchema> {
    let schema = json!({
        "type": "object",
        "properties": {
            "state": {"type": "string"},
            "privileged": {"type": "boolean"},
            "memory": {"type": "integer"},
            "limits": {"anyOf": [{"$ref": "#/$defs/Limits"}, {"type": "null"}]},
            "mounts": {"type": ["array", "null"], "items": {"$ref": "#/$defs/Mount"}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}}
        },
        "$defs": {
            "Limits": {"type": "object", "properties": {"pids": {"type": "integer"}}},
            "Mount": {"type": "object", "properties": {"source": {"type": "string"}, "socket": {"type": "boolean"}}}
        }
    });
    vec![KindSchema { kind: "box", title: "Box", schema }]
}

fn check(id: &str, extra: &str) -> SourceFile {
    let text = format!(
        "id: {id}\ntitle: Good\nkind: box\nseverity: high\nmessage: Bad\nremedy: Mend it\nautomation: partial\n\
         citations: {{hipaa: [\"164.312(a)(1)\"]}}\nrationale: Because\n{extra}\n"
    );
    SourceFile { path: format!("checks/box/{id}.yaml"), text, user: false }
}

fn controls() -> SourceFile {
    SourceFile { path: "controls/hipaa.yaml".into(), text: CONTROLS.into(), user: false }
}

fn load(files: Vec<SourceFile>) -> Result<Content, Vec<String>> {
    let mut all = vec![controls()];
    all.extend(files);
    Content::load(&all, &kinds()).map_err(|e| e.0.iter().map(ToString::to_string).collect())
}

fn one_error(file: SourceFile) -> String {
    let errors = load(vec![file]).expect_err("the file must be refused");
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors[0].clone()
}

fn asset(facts: Value, status: Status) -> Asset {
    Asset {
        id: AssetId("box://1".into()),
        kind: "box".into(),
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

fn verdict(expressions: &str, facts: Value, status: Status) -> (Verdict, String) {
    let content = load(vec![check("c", expressions)]).expect("good content");
    let outcomes = Judge::new(&content).judge(&asset(facts, status));
    assert_eq!(outcomes.len(), 1);
    (outcomes[0].verdict, outcomes[0].reason.clone())
}

#[test]
fn a_bad_file_is_told_where_and_what() {
    let mistyped = one_error(check("c", "pass: facts.privileges == false"));
    assert_eq!(mistyped, "checks/box/c.yaml:10:12: these facts have no field `privileges`; did you mean `privileged`?");

    let inside_item = one_error(check("c", "pass: \"facts.mounts.all(m, m.sock == false)\""));
    assert!(inside_item.contains("no field `sock`") && inside_item.contains("`socket`"), "{inside_item}");

    let nested = one_error(check("c", "pass: facts.limits.pidss > 0"));
    assert!(nested.contains("no field `pidss`"), "{nested}");

    let scalar = one_error(check("c", "pass: facts.state.length > 0"));
    assert!(scalar.contains("type string, which has no fields"), "{scalar}");

    let syntax = one_error(check("c", "pass: facts.state =="));
    assert!(syntax.starts_with("checks/box/c.yaml:10:") && syntax.contains("not a CEL expression"), "{syntax}");

    let name = one_error(check("c", "pass: fact.state == 'x'"));
    assert!(name.contains("unknown name `fact`"), "{name}");

    let key = one_error(check("c", "pass: facts.privileged\nseverty: high"));
    assert!(key.starts_with("checks/box/c.yaml:11:") && key.contains("severty"), "{key}");

    let citation = one_error(SourceFile {
        text: check("c", "pass: facts.privileged").text.replace("164.312(a)(1)", "164.999"),
        ..check("c", "")
    });
    assert!(citation.contains("unknown control `164.999`"), "{citation}");

    let manual = one_error(check("c", ""));
    assert!(manual.contains("`automation: manual`"), "{manual}");
}

#[test]
fn every_error_of_every_file_is_reported_at_once() {
    let errors = load(vec![
        check("a", "pass: facts.nope"),
        check("b", "pass: facts.nada"),
        check("Bad_Id", "pass: facts.privileged"),
    ]);
    let errors = errors.expect_err("refused");
    assert_eq!(errors.len(), 3, "{errors:?}");
}

#[test]
fn a_missing_fact_is_unknown_and_says_why() {
    let (verdict_, reason) = verdict("pass: \"!facts.privileged\"", json!({}), Status::Complete);
    assert_eq!((verdict_, reason.as_str()), (Verdict::Unknown, "privileged is not known"));

    let gap = Status::Partial { missing: vec![Missing { path: "limits".into(), why: "permission denied".into() }] };
    let (verdict_, reason) = verdict("pass: facts.limits.pids > 0", json!({}), gap);
    assert_eq!((verdict_, reason.as_str()), (Verdict::Unknown, "limits.pids could not be read: permission denied"));
}

#[test]
fn a_failed_collector_never_passes_or_fails() {
    let failed = Status::Failed { why: "engine gone".into() };
    let (verdict_, reason) = verdict("pass: \"!facts.privileged\"", json!({"privileged": false}), failed);
    assert_eq!((verdict_, reason.as_str()), (Verdict::Unknown, "engine gone"));
}

#[test]
fn presence_tests_do_not_turn_a_gap_into_an_answer() {
    let gap = || Status::Partial { missing: vec![Missing { path: "mounts".into(), why: "denied".into() }] };
    let pass = "pass: \"!has(facts.mounts) || facts.mounts.size() == 0\"";
    assert_eq!(verdict(pass, json!({}), gap()).0, Verdict::Unknown);
    assert_eq!(verdict(pass, json!({}), Status::Complete).0, Verdict::Pass);
    let applies = "applies: has(facts.mounts)\npass: facts.mounts.size() == 0";
    assert_eq!(verdict(applies, json!({}), gap()).0, Verdict::Unknown);
    assert_eq!(verdict(applies, json!({}), Status::Complete).0, Verdict::NotApplicable);
}

#[test]
fn an_answer_that_the_missing_fact_cannot_change_stands() {
    let either = "pass: facts.privileged || facts.memory > 0";
    assert_eq!(verdict(either, json!({"memory": 5}), Status::Complete).0, Verdict::Pass);
    assert_eq!(verdict(either, json!({"memory": 0}), Status::Complete).0, Verdict::Unknown);
    let both = "pass: facts.privileged && facts.memory > 0";
    assert_eq!(verdict(both, json!({"memory": 0}), Status::Complete).0, Verdict::Fail);
}

#[test]
fn odd_facts_are_unknown_not_a_crash() {
    for facts in
        [json!(null), json!([]), json!({"memory": "many"}), json!({"memory": null}), json!({"memory": {"a": 1}})]
    {
        let (verdict_, reason) = verdict("pass: facts.memory > 5", facts.clone(), Status::Complete);
        assert_eq!(verdict_, Verdict::Unknown, "{facts}");
        assert!(!reason.is_empty());
    }
    assert_eq!(verdict("pass: facts.state", json!({"state": "x"}), Status::Complete).0, Verdict::Unknown);
}

#[test]
fn a_users_check_takes_the_place_of_the_built_in_one() {
    let mine = SourceFile { path: "mine/c.yaml".into(), user: true, text: check("c", "pass: facts.privileged").text };
    let content = load(vec![check("c", "pass: \"!facts.privileged\""), mine]).expect("good");
    let check = content.check("c").expect("there");
    assert!(check.overrides_builtin && check.user);
    assert_eq!(check.origin, "mine/c.yaml");
    assert_eq!(check.pass_source(), Some("facts.privileged"));

    let twice = load(vec![check_at("x/c.yaml"), check_at("y/c.yaml")]).expect_err("two of one id");
    assert!(twice[0].contains("already used by x/c.yaml"), "{twice:?}");
}

fn check_at(path: &str) -> SourceFile {
    SourceFile { path: path.into(), text: check("c", "pass: facts.privileged").text, user: true }
}

#[test]
fn a_finding_keeps_only_the_facts_that_decide() {
    let content = load(vec![check("c", "pass: \"!facts.mounts.exists(m, m.socket)\"")]).expect("good");
    let facts = json!({"state": "running", "mounts": [{"source": "/run", "socket": true, "other": "x"}], "labels": {"secret": "no"}});
    let kept = deciding_facts(content.check("c").expect("there"), &facts);
    assert_eq!(kept, json!({"mounts": [{"source": "/run", "socket": true}]}));

    let many: Vec<Value> = (0..10_000).map(|i| json!({"source": format!("/m{i}"), "socket": false})).collect();
    let kept = deciding_facts(content.check("c").expect("there"), &json!({"mounts": many}));
    assert!(kept.to_string().len() < 6_000 && kept.to_string().contains("more"));
}

#[test]
fn posture_counts_medium_and_worse_and_never_the_unknown() {
    let high = check("high", "pass: facts.privileged");
    let low = SourceFile {
        text: check("low", "pass: facts.memory > 0").text.replace("severity: high", "severity: low"),
        ..check("low", "")
    };
    let content = load(vec![high, low]).expect("good");
    let judge = Judge::new(&content);
    let state = |facts: Value| {
        let states = states(&judge.judge(&asset(facts, Status::Complete)));
        assert_eq!(states.len(), 1);
        assert_eq!(overall(&states), states[&Category::VirtualMachines]);
        states[&Category::VirtualMachines]
    };
    assert_eq!(state(json!({"privileged": true, "memory": 0})), State::Compliant);
    assert_eq!(state(json!({"privileged": false, "memory": 1})), State::Failing);
    assert_eq!(state(json!({"memory": 1})), State::Undetermined);
}

#[test]
fn percentages_round_down_and_need_a_population() {
    let mut population = Population::default();
    assert_eq!((population.compliance(), population.coverage()), (None, None));
    population.add(State::Compliant, true, 999);
    population.add(State::Failing, true, 1);
    assert_eq!((population.compliance(), population.coverage()), (Some(99), Some(100)));
    // One that fails and is no longer seen still counts against compliance, and lowers the coverage.
    population.add(State::Failing, false, 1000);
    population.add(State::Compliant, false, 1000);
    population.add(State::Undetermined, true, 1000);
    assert_eq!((population.compliance(), population.coverage()), (Some(49), Some(25)));
    assert_eq!(population.known, 4000);
}

#[test]
fn an_assessment_lists_failures_first_and_every_verdict() {
    let content = load(vec![
        check("a", "pass: facts.privileged"),
        check("b", "applies: facts.state == 'on'\npass: facts.privileged"),
        check("z", "pass: facts.memory > 0"),
    ])
    .expect("good");
    let judge = Judge::new(&content);
    let assets = [
        asset(json!({"privileged": true, "state": "off", "memory": 0}), Status::Complete),
        asset(json!({}), Status::Complete),
    ];
    let at = "2026-01-01T00:00:00Z".parse().expect("a time");
    let assessment = Assessment::new(&judge, content.digest(), &assets, Vec::new(), at, |_| true);
    let verdicts: Vec<Verdict> = assessment.findings.iter().map(|f| f.verdict).collect();
    assert_eq!(verdicts[0], Verdict::Fail);
    assert_eq!(verdicts.iter().filter(|v| **v == Verdict::Unknown).count(), 3);
    assert_eq!(verdicts.iter().filter(|v| **v == Verdict::NotApplicable).count(), 1);
    assert_eq!(verdicts.len(), 6);
    assert_eq!(assessment.posture.overall.known, 2);
}
