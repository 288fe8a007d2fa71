//! The arrows between crates, as ARCHITECTURE.md draws them, kept by `cargo metadata`.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// Crate to the crates of ours it may use. Nothing else is allowed.
const ARROWS: [(&str, &[&str]); 6] = [
    ("phiward", &["phiward-collect", "phiward-core", "phiward-report", "phiward-server", "phiward-store"]),
    ("phiward-server", &["phiward-core", "phiward-report", "phiward-store"]),
    ("phiward-report", &["phiward-core"]),
    ("phiward-store", &["phiward-core"]),
    ("phiward-collect", &["phiward-core"]),
    ("phiward-core", &[]),
];

/// Heavy or powerful crates, and who alone may use them.
const DOORS: [(&str, &[&str]); 5] = [
    ("bollard", &["phiward-collect", "phiward"]),
    ("sqlx", &["phiward-store"]),
    ("axum", &["phiward-server"]),
    ("cel", &["phiward-core"]),
    ("tokio", &["phiward", "phiward-collect", "phiward-server", "phiward-store"]),
];

fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let name = |v: &Value| v["name"].as_str().expect("a name").to_owned();
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|p| {
            let normal = p["dependencies"].as_array().expect("a list").iter().filter(|d| d["kind"].is_null());
            (name(p), normal.map(name).collect())
        })
        .collect()
}

#[test]
fn crates_use_only_what_their_arrows_allow() {
    let dependencies = dependencies();
    assert_eq!(dependencies.len(), ARROWS.len(), "a new crate needs a line in ARROWS and in ARCHITECTURE.md");
    for (of, allowed) in ARROWS {
        for used in dependencies[of].iter().filter(|d| d.starts_with("phiward")) {
            assert!(allowed.contains(&used.as_str()), "{of} must not use {used}");
        }
    }
}

#[test]
fn powerful_crates_have_one_door() {
    for (door, allowed) in DOORS {
        for (of, used) in dependencies() {
            assert!(!used.contains(&door.to_owned()) || allowed.contains(&of.as_str()), "{of} must not use {door}");
        }
    }
}
