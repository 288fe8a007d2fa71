use super::*;
use crate::docker::facts::*;
use jiff::Timestamp;

const AT: Timestamp = Timestamp::UNIX_EPOCH;

fn inventory() -> Inventory {
    Inventory {
        engine_id: "E:1".into(),
        host_id: Some(AssetId("host://h".into())),
        engine: Object::read("engine".into(), EngineFacts { local: true, ..EngineFacts::default() }, vec![], AT),
        engine_labels: BTreeMap::new(),
        containers: BTreeMap::new(),
        images: BTreeMap::new(),
        volumes: BTreeMap::new(),
        networks: BTreeMap::new(),
        unlisted: BTreeMap::new(),
    }
}

fn add(inv: &mut Inventory, name: &str, phi: &str, change: impl FnOnce(&mut ContainerFacts)) {
    let mut c = ContainerFacts {
        id: name.into(),
        name: name.into(),
        running: true,
        image: "app".into(),
        image_id: "sha256:1".into(),
        ..ContainerFacts::default()
    };
    if !phi.is_empty() {
        c.labels.insert("phiward.phi".into(), phi.into());
    }
    change(&mut c);
    inv.containers.insert(name.into(), Object::read(name.into(), c, vec![], AT));
}

fn on(c: &mut ContainerFacts, network: &str) {
    c.networks.push(ContainerNetwork { name: network.into(), id: network.into(), ..ContainerNetwork::default() });
}

fn mount(c: &mut ContainerFacts, volume: &str, writable: bool) {
    c.mounts.push(MountFacts {
        kind: "volume".into(),
        volume: volume.into(),
        target: "/d".into(),
        writable,
        ..MountFacts::default()
    });
}

fn net(inv: &mut Inventory, name: &str, internal: bool) {
    let n = NetworkFacts {
        id: name.into(),
        name: name.into(),
        driver: "bridge".into(),
        internal,
        icc: true,
        predefined: name == "bridge",
        ..NetworkFacts::default()
    };
    inv.networks.insert(name.into(), Object::read(name.into(), n, vec![], AT));
}

fn vol(inv: &mut Inventory, name: &str) {
    inv.volumes.insert(
        name.into(),
        Object::read(name.into(), VolumeFacts { name: name.into(), ..VolumeFacts::default() }, vec![], AT),
    );
}

fn img(inv: &mut Inventory, id: &str, tags: &[&str], labels: &[(&str, &str)]) {
    let i = ImageFacts {
        id: id.into(),
        tags: tags.iter().map(|t| (*t).to_owned()).collect(),
        untagged: tags.is_empty(),
        labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ..ImageFacts::default()
    };
    inv.images.insert(id.into(), Object::read(id.into(), i, vec![], AT));
}

fn find<'a>(assets: &'a [Asset], id: &str) -> &'a Asset {
    assets.iter().find(|a| a.id.as_str() == format!("docker://E:1{id}")).unwrap()
}

#[test]
fn labels_of_the_image_stand_in_for_the_containers() {
    let mut inv = inventory();
    img(
        &mut inv,
        "sha256:1",
        &["app:latest"],
        &[("phiward.phi", "yes"), ("phiward.owner", "team"), ("phiward.role", "db")],
    );
    add(&mut inv, "a", "", |_| {});
    add(&mut inv, "b", "no", |_| {});
    let assets = assets(&inv);
    let a = find(&assets, "/container/a");
    assert_eq!(
        (a.ephi, a.owner.as_str(), &a.facts["ephi"], &a.facts["role"]),
        (Ephi::Yes, "team", &json!("yes"), &json!("db"))
    );
    assert_eq!(a.facts["image_outdated"], json!(false));
    assert_eq!(find(&assets, "/container/b").ephi, Ephi::No);
    assert_eq!(find(&assets, "/image/sha256:1").facts["running_containers"], json!(2));
    assert!(a.relations.iter().any(|r| r.kind == "uses-image"));
    let engine = find(&assets, "");
    assert_eq!(engine.ephi, Ephi::Yes);
    assert_eq!(engine.relations[0].to.as_str(), "host://h");
}

#[test]
fn ephi_of_shared_things() {
    use Ephi::{No, Unknown, Yes};
    for (of, expected) in [
        (vec![], Unknown),
        (vec![No], No),
        (vec![No, No], No),
        (vec![No, Unknown], Unknown),
        (vec![Unknown, No], Unknown),
        (vec![Unknown, No, Yes], Yes),
        (vec![No, Unknown, No], Unknown),
    ] {
        assert_eq!(together(of.clone().into_iter()), expected, "{of:?}");
    }
}

#[test]
fn two_writers_of_one_volume() {
    let mut inv = inventory();
    vol(&mut inv, "v");
    add(&mut inv, "a", "yes", |c| mount(c, "v", true));
    add(&mut inv, "b", "no", |c| mount(c, "v", true));
    add(&mut inv, "r", "no", |c| mount(c, "v", false));
    add(&mut inv, "s", "no", |c| {
        mount(c, "v", true);
        c.running = false;
    });
    let assets = assets(&inv);
    assert_eq!(
        find(&assets, "/container/a").facts["shared_writable_volumes"],
        json!([{"volume": "v", "writers": ["b"]}])
    );
    assert_eq!(find(&assets, "/container/r").facts["shared_writable_volumes"], json!([]));
    let v = find(&assets, "/volume/v");
    assert_eq!((&v.facts["writers"], &v.facts["used_by"]), (&json!(["a", "b"]), &json!(["a", "b", "r", "s"])));
    assert_eq!(v.ephi, Ephi::Yes);
    assert!(find(&assets, "/container/r").relations.iter().any(|r| r.kind == "mounts" && r.detail == "/d read-only"));
}

#[test]
fn a_bridge_between_phi_and_the_outside() {
    let mut inv = inventory();
    net(&mut inv, "back", true);
    net(&mut inv, "front", false);
    add(&mut inv, "db", "yes", |c| on(c, "back"));
    add(&mut inv, "app", "no", |c| {
        on(c, "back");
        on(c, "front");
        c.ports.push(PortFacts::default());
    });
    add(&mut inv, "web", "no", |c| on(c, "front"));
    let assets = assets(&inv);
    let bridging = |name: &str| find(&assets, &format!("/container/{name}")).facts["bridges_phi_and_public"].clone();
    assert_eq!((bridging("app"), bridging("db"), bridging("web")), (json!(true), json!(false), json!(false)));
    let back = find(&assets, "/network/back");
    assert_eq!(back.facts["carries_ephi"], json!(true));
    assert_eq!(back.facts["non_phi_containers"], json!(["app"]));
    assert_eq!(back.facts["publishing_containers"], json!(["app"]));
    assert_eq!(find(&assets, "/network/front").ephi, Ephi::No);
    assert_eq!(find(&assets, "/container/app").facts["networks"][0]["internal"], json!(true));
}

#[test]
fn a_container_that_could_not_be_read_leaves_others_unknown() {
    let mut inv = inventory();
    vol(&mut inv, "v");
    net(&mut inv, "bridge", false);
    img(&mut inv, "sha256:1", &[], &[]);
    add(&mut inv, "a", "no", |c| mount(c, "v", true));
    inv.containers.insert("x".into(), Object::failed("x".into(), "HTTP 500".into(), AT));
    let assets = assets(&inv);
    let x = find(&assets, "/container/x");
    assert_eq!(x.facts, json!({"id": "x", "name": "x"}));
    assert_eq!(x.status.word(), "failed");
    let v = find(&assets, "/volume/v");
    assert!(v.facts.get("writers").is_none() && v.status.why_missing("writers").is_some());
    assert_eq!(v.ephi, Ephi::Unknown);
    assert!(find(&assets, "/network/bridge").facts.get("carries_ephi").is_none());
    let a = find(&assets, "/container/a");
    assert!(a.facts.get("shared_writable_volumes").is_none() && a.status.word() == "partial");
    assert!(find(&assets, "").facts["default_bridge_icc"] == json!(true));
}

#[test]
fn outdated_references() {
    let mut inv = inventory();
    img(&mut inv, "sha256:2", &["app:latest"], &[]);
    img(&mut inv, "sha256:1", &[], &[]);
    add(&mut inv, "a", "", |_| {});
    add(&mut inv, "b", "", |c| c.image = "gone:1".into());
    let assets = assets(&inv);
    assert_eq!(find(&assets, "/container/a").facts["image_outdated"], json!(true));
    assert!(find(&assets, "/container/b").facts.get("image_outdated").is_none());
    assert_eq!(reference("docker.io/library/nginx"), "nginx:latest");
    assert_eq!(reference("reg:5000/a/b"), "reg:5000/a/b:latest");
    assert_eq!(reference("reg:5000/a/b:1@sha256:x"), "reg:5000/a/b@sha256:x");
}

#[test]
fn counts_of_the_engine() {
    let mut inv = inventory();
    img(&mut inv, "sha256:9", &[], &[]);
    vol(&mut inv, "unused");
    add(&mut inv, "old", "", |c| {
        c.running = false;
        c.stopped_days = Some(31);
    });
    add(&mut inv, "new", "", |c| {
        c.labels.insert("phiward.owner".into(), "me".into());
    });
    let assets = assets(&inv);
    let o = &find(&assets, "").facts["objects"];
    assert_eq!(
        [
            &o["containers"],
            &o["running"],
            &o["stopped"],
            &o["stale_containers"],
            &o["dangling_images"],
            &o["unused_volumes"],
            &o["unowned_containers"]
        ],
        [&json!(2), &json!(1), &json!(1), &json!(1), &json!(1), &json!(1), &json!(0)]
    );
}

#[test]
fn a_gap_takes_its_fact_out() {
    let mut inv = inventory();
    let daemon = DaemonFacts { listens_tcp: false, icc: true, ..DaemonFacts::default() };
    let gap = Missing { path: "daemon.listens_tcp".into(), why: "needs root".into() };
    inv.engine =
        Object::read("e".into(), EngineFacts { daemon: Some(daemon), ..EngineFacts::default() }, vec![gap], AT);
    let assets = assets(&inv);
    let e = find(&assets, "");
    assert!(e.facts["daemon"].get("listens_tcp").is_none());
    assert_eq!(e.facts["daemon"]["icc"], json!(true));
    assert_eq!(e.status.why_missing("daemon.listens_tcp"), Some("needs root"));
}
