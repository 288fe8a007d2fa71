//! The demo hospital: made on the real engine, judged as the README says, removed without a trace.

mod common;

use std::collections::BTreeSet;

use common::{Folder, assess, docker, run, text, verdict};

fn engine_objects() -> BTreeSet<String> {
    let list = |args: &[&str]| docker::ok(args).lines().map(str::to_owned).collect::<Vec<_>>();
    let mut all: BTreeSet<String> = BTreeSet::new();
    all.extend(list(&["ps", "-aq", "--no-trunc"]));
    all.extend(list(&["images", "-aq", "--no-trunc"]));
    all.extend(list(&["volume", "ls", "-q"]));
    all.extend(list(&["network", "ls", "-q", "--no-trunc"]));
    all
}

#[test]
fn up_makes_the_hospital_and_down_removes_exactly_that() {
    if !docker::available() {
        return;
    }
    let data = Folder::new();
    run(&data, &["demo", "down"]);
    let before = engine_objects();
    let made = text(&run(&data, &["demo", "up"]), 0);
    assert!(made.contains("made 8 containers, 2 networks, 1 volume and 1 image"), "{made}");
    let again = run(&data, &["demo", "up"]);
    assert_eq!(again.status.code(), Some(2), "a second hospital on top of the first");

    let report = assess(&data, &[]);
    for (check, container, expected) in [
        ("docker-socket-not-mounted", "demo-lab-results", "fail"),
        ("docker-socket-not-mounted", "demo-record-service", "pass"),
        ("environment-holds-no-secrets", "demo-lab-results", "fail"),
        ("plaintext-ports-not-published", "demo-hl7-intake", "fail"),
        ("phi-and-public-networks-not-bridged", "demo-hl7-intake", "fail"),
        ("phi-and-public-networks-not-bridged", "demo-record-service", "pass"),
        ("container-is-stateless", "demo-hl7-intake", "fail"),
        ("container-is-stateless", "demo-record-service", "pass"),
        ("host-pid-namespace-not-shared", "demo-report-writer", "fail"),
        ("one-application-per-container", "demo-report-writer", "fail"),
        ("one-application-per-container", "demo-record-service", "pass"),
        ("container-not-root", "demo-patient-portal", "pass"),
        ("root-filesystem-read-only", "demo-record-service", "pass"),
        ("memory-limited", "demo-records-db", "fail"),
        ("container-declares-ephi", "demo-image-viewer", "fail"),
        ("container-has-owner", "demo-nightly-export", "fail"),
    ] {
        assert_eq!(verdict(&report, check, container), expected, "{check} on {container}");
    }
    assert_eq!(verdict(&report, "volume-has-one-writer", "demo-records-data"), "fail");

    let removed = text(&run(&data, &["demo", "down"]), 0);
    assert!(removed.contains("removed 8 containers, 2 networks, 1 volume and 1 image"), "{removed}");
    assert_eq!(engine_objects(), before);
}
