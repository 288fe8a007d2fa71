use super::testing::Tree;
use phiward_core::asset::Missing;

use super::*;

fn options(tree: &Tree) -> HostOptions {
    let labels =
        [("phiward.owner", "ops"), ("phiward.phi", "yes")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    HostOptions { root: tree.path().to_path_buf(), labels: labels.into(), run_commands: true }
}

#[test]
fn an_empty_tree_gives_gaps_and_no_panic() {
    let tree = Tree::new(&[]);
    let collection = collect(&options(&tree), Timestamp::UNIX_EPOCH);
    let asset = &collection.assets[0];
    assert_eq!((asset.kind.as_str(), asset.name.as_str(), &asset.id), ("host", "localhost", &host_id(tree.path())));
    assert_eq!((asset.owner.as_str(), asset.ephi), ("ops", Ephi::Yes));
    for path in ["updates", "accounts", "listeners", "filesystems", "firewall", "os.id", "core_dumps"] {
        assert!(asset.status.why_missing(path).is_some(), "{path}");
    }
    assert_eq!(asset.status, collection.source.status);
    assert!(collection.whole);
}

#[test]
fn a_gap_takes_its_default_out_of_the_document() {
    let tree = Tree::new(&[
        ("proc/4/comm", "chronyd\n"),
        ("etc/os-release", "ID=odd\n"),
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\n"),
        ("etc/shadow/x", ""),
    ]);
    let collection = collect(&options(&tree), Timestamp::UNIX_EPOCH);
    let facts = &collection.assets[0].facts;
    assert_eq!(facts.pointer("/time_sync/running"), Some(&Value::Bool(true)));
    assert_eq!(facts.pointer("/time_sync/synchronized"), None);
    assert_eq!(facts.pointer("/accounts/empty_password"), None);
    assert_eq!(facts.pointer("/os/uptime_seconds"), None);
    assert_eq!(facts.pointer("/os/id"), Some(&Value::from("odd")));
    assert!(serde_json::from_value::<HostFacts>(facts.clone()).is_ok());
}

#[test]
fn the_machine_id_is_not_shown() {
    let id = "0123456789abcdef0123456789abcdef";
    let tree = Tree::new(&[("etc/machine-id", &format!("{id}\n")), ("proc/sys/kernel/hostname", "box\n")]);
    let found = host_id(tree.path());
    assert_eq!(found.as_str().len(), "host://".len() + 16);
    assert!(!id.contains(found.as_str().trim_start_matches("host://")));
    assert_eq!(found, host_id(tree.path()));
    tree.write("etc/machine-id", b"uninitialized\n");
    let by_name = host_id(tree.path());
    assert_eq!(by_name.as_str().len(), found.as_str().len());
    tree.write("proc/sys/kernel/hostname", b"box2\n");
    assert_ne!(by_name, host_id(tree.path()));
}

#[test]
fn removing_follows_objects_only() {
    let mut document = serde_json::json!({"a": {"b": 1, "c": 2}, "l": [{"p": 1}], "z": 3});
    for path in ["a.b", "l.p", "none.x", "z.y", ""] {
        remove(&mut document, path);
    }
    assert_eq!(document, serde_json::json!({"a": {"c": 2}, "l": [{"p": 1}], "z": 3}));
    remove(&mut document, "a");
    assert_eq!(document, serde_json::json!({"l": [{"p": 1}], "z": 3}));
}

#[test]
fn help_names_what_to_do() {
    assert_eq!(help(&Status::Complete, true), None);
    let partial = Status::from_missing(vec![Missing { path: "firewall".to_owned(), why: "no nft".to_owned() }]);
    assert!(help(&partial, false).unwrap().contains("root"));
    assert_eq!(help(&partial, true), None, "the gap itself says why");
}
