//! Images, volumes and networks made bad for real on the engine, beside good ones. What needs an engine of its own
//! (overlays, old containers, a full volume) is in `engine.rs`.

mod common;

use std::fs;
use std::process::Command;

use common::docker::{self, IMAGE, Made, docker as client, ok};
use common::judged::Judged;
use common::{Folder, assess, http};

/// A token of the right form that nobody was ever given.
const TOKEN: &str = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";

/// Builds an image with the classic builder, whose history holds each step as it was written.
fn build(folder: &Folder, made: &mut Made, tag: &str, dockerfile: &str) -> String {
    let context = format!("build-{}", tag.replace([':', '/', '.'], "-"));
    folder.write(&format!("{context}/Dockerfile"), &format!("FROM {IMAGE}\nCOPY apt-get curl /bin/\n{dockerfile}"));
    // Stand-ins, so that the steps run without a network.
    for (name, text) in
        [("apt-get", "#!/bin/sh\nexit 0\n"), ("curl", "#!/bin/sh\necho true\n"), ("records.txt", "none\n")]
    {
        let path = folder.write(&format!("{context}/{name}"), text);
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("mode set");
    }
    made.image(tag);
    let output = Command::new("docker")
        .env("DOCKER_BUILDKIT", "0")
        .args(["build", "--force-rm", "-t", tag])
        .arg(folder.path().join(context))
        .output()
        .expect("the docker client runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    ok(&["image", "inspect", "--format", "{{.Id}}", tag])
}

/// An image of six years ago, in the form that `docker load` takes.
fn old_image(folder: &Folder, made: &mut Made, tag: &str) {
    let layer = {
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_path_with_name("/bin/busybox", "bin/busybox").expect("packed");
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive.append_link(&mut header, "bin/sleep", "busybox").expect("packed");
        archive.into_inner().expect("packed")
    };
    fs::write(folder.path().join("layer.tar"), &layer).expect("written");
    let sum = Command::new("sha256sum").arg(folder.path().join("layer.tar")).output().expect("sha256sum runs");
    let digest = String::from_utf8_lossy(&sum.stdout).split_whitespace().next().expect("a digest").to_owned();
    let arch = ok(&["version", "--format", "{{.Server.Arch}}"]);
    let config = format!(
        "{{\"architecture\":\"{arch}\",\"os\":\"linux\",\"created\":\"2020-01-02T03:04:05Z\",\"config\":{{}},\
         \"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"sha256:{digest}\"]}},\"history\":[{{\"created\":\"2020-01-02T03:04:05Z\",\"created_by\":\"COPY busybox /bin/\"}}]}}"
    );
    let manifest = format!("[{{\"Config\":\"config.json\",\"RepoTags\":[\"{tag}\"],\"Layers\":[\"layer.tar\"]}}]");
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in
        [("config.json", config.as_bytes()), ("manifest.json", manifest.as_bytes()), ("layer.tar", &layer)]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes).expect("packed");
    }
    let path = folder.path().join("old.tar");
    fs::write(&path, archive.into_inner().expect("packed")).expect("written");
    made.image(tag);
    ok(&["load", "-i", path.to_str().expect("a path")]);
}

#[test]
fn images() {
    if !docker::available_to_root() {
        return;
    }
    let folder = Folder::new();
    let mut made = Made::default();
    let bad = "phiward-test-o-bad:latest";
    build(
        &folder,
        &mut made,
        bad,
        &format!(
            "RUN apt-get update\nRUN apt-get update && apt-get upgrade -y\nRUN curl -fsSL https://install.example/now | sh\n\
             ADD records.txt /records.txt\nENV API_TOKEN={TOKEN}\nRUN DB_PASSWORD=correct-horse true\nEXPOSE 22\nVOLUME /data\n"
        ),
    );
    made.try_run(bad, "phiward-test-o-of-bad", &[], &[]).expect("started");
    let registry = http::registry();
    let good = format!("127.0.0.1:{registry}/phiward-test-o-good:1.4");
    build(
        &folder,
        &mut made,
        &good,
        "RUN apt-get update && apt-get install -y ca-certificates\nCOPY records.txt /records.txt\nENV DB_PASSWORD_FILE=/run/secrets/db\n\
         LABEL phiward.owner=\"records team\" org.opencontainers.image.source=https://code.example/records\n\
         HEALTHCHECK CMD [\"true\"]\nUSER 65532\n",
    );
    ok(&["push", &good]);
    let digest = ok(&["image", "inspect", "--format", "{{index .RepoDigests 0}}", &good]);
    made.try_run(&digest, "phiward-test-o-of-good", &[], &[]).expect("started");
    old_image(&folder, &mut made, "phiward-test-o-old:1");
    made.try_run("phiward-test-o-old:1", "phiward-test-o-of-old", &[], &["/bin/sleep", "3600"]).expect("started");
    let unused = "phiward-test-o-unused:1";
    build(&folder, &mut made, unused, "RUN true\n");
    // Without any name.
    fs::write(folder.path().join("empty.tar"), [0_u8; 1024]).expect("written");
    let nameless =
        ok(&["import", "--message", "phiward-test-o", folder.path().join("empty.tar").to_str().expect("a path")]);
    let short: String = nameless.trim_start_matches("sha256:").chars().take(12).collect();
    made.image(&short);

    let report = assess(&folder, &["--kind", "docker"]);
    let mut judged = Judged::new(&report);
    judged.fails(
        bad,
        &[
            "image-build-is-repeatable",
            "image-copies-instead-of-adding",
            "image-declares-no-volumes",
            "image-environment-holds-no-secrets",
            "image-exposes-no-ssh",
            "image-has-health-check",
            "image-has-owner",
            "image-has-provenance",
            "image-has-version-tag",
            "image-history-holds-no-secrets",
            "image-known-to-a-registry",
            "image-not-root",
            "image-runs-no-unverified-download",
            "image-updates-lists-with-install",
        ],
    );
    judged.passes(bad, &["image-in-use", "image-tagged", "image-recent"]);
    judged.passes(
        &good,
        &[
            "image-build-is-repeatable",
            "image-copies-instead-of-adding",
            "image-declares-no-volumes",
            "image-environment-holds-no-secrets",
            "image-exposes-no-ssh",
            "image-has-health-check",
            "image-has-owner",
            "image-has-provenance",
            "image-has-version-tag",
            "image-history-holds-no-secrets",
            "image-in-use",
            "image-known-to-a-registry",
            "image-not-root",
            "image-recent",
            "image-runs-no-unverified-download",
            "image-tagged",
            "image-updates-lists-with-install",
        ],
    );
    judged.passes("phiward-test-o-of-good", &["image-pinned", "image-current"]);
    judged.fails("phiward-test-o-old:1", &["image-recent"]);
    judged.fails(unused, &["image-in-use"]);
    judged.not_applicable(unused, &["image-not-root", "image-has-health-check"]);
    judged.fails(&short, &["image-tagged"]);
    judged.fails("docker.engine", &["no-dangling-images"]);
    let text = report.to_string();
    for secret in [TOKEN, "correct-horse"] {
        if text.contains(secret) {
            judged.wrong(format!("the report holds the value {secret}"));
        }
    }
    judged.finish();
}

#[test]
fn volumes() {
    if !docker::available_to_root() {
        return;
    }
    let folder = Folder::new();
    let mut made = Made::default();
    made.volume("phiward-test-o-plain", &[]);
    made.run("phiward-test-o-one", &["-v", "phiward-test-o-plain:/data"], &[]);
    made.run("phiward-test-o-two", &["-v", "phiward-test-o-plain:/data"], &[]);
    let open = ok(&["volume", "inspect", "--format", "{{.Mountpoint}}", "phiward-test-o-plain"]);
    fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("mode set (as root)");
    made.run("phiward-test-o-nameless", &["-v", "/data"], &[]);
    let nameless = ok(&["inspect", "--format", "{{(index .Mounts 0).Name}}", "phiward-test-o-nameless"]);
    made.volume("phiward-test-o-nfs", &["-o", "type=nfs", "-o", "device=:/records", "-o", "o=addr=192.0.2.4,rw"]);
    made.volume(
        "phiward-test-o-nfs-private",
        &["-o", "type=nfs", "-o", "device=:/records", "-o", "o=addr=192.0.2.4,rw,sec=krb5p"],
    );
    made.volume(
        "phiward-test-o-cifs",
        &["-o", "type=cifs", "-o", "device=//192.0.2.4/records", "-o", "o=username=ward,password=correct-horse"],
    );
    made.volume(
        "phiward-test-o-cifs-file",
        &["-o", "type=cifs", "-o", "device=//192.0.2.4/records", "-o", "o=credentials=/root/ward,seal"],
    );
    made.volume("phiward-test-o-etc", &["-o", "type=none", "-o", "device=/etc/ssl", "-o", "o=bind"]);
    made.volume("phiward-test-o-unused", &[]);
    let kept = "phiward-test-o-kept";
    made.volume(
        kept,
        &["--label=phiward.phi=yes", "--label=phiward.owner=records team", "-o", "type=tmpfs", "-o", "device=tmpfs"],
    );
    made.run("phiward-test-o-reader", &["-v", "phiward-test-o-kept:/data:ro"], &[]);
    made.run("phiward-test-o-writer", &["-v", "phiward-test-o-kept:/data"], &[]);
    made.volume("phiward-test-o-idle", &["--label=phiward.phi=no"]);

    let report = assess(&folder, &["--kind", "docker.volume"]);
    let mut judged = Judged::new(&report);
    judged.fails(
        "phiward-test-o-plain",
        &["volume-declares-ephi", "volume-has-owner", "volume-has-one-writer", "volume-not-writable-by-everyone"],
    );
    let plain = plain_disk(&open);
    judged.fails_if(plain, "phiward-test-o-plain", &["phi-volume-encrypted"]);
    judged.fails_if(same_disk(&open), "phiward-test-o-plain", &["phi-volume-off-root-disk"]);
    judged.fails(&nameless, &["phi-volume-named"]);
    judged.fails("phiward-test-o-nfs", &["phi-remote-volume-encrypted-in-transit"]);
    judged.passes(
        "phiward-test-o-nfs-private",
        &["phi-remote-volume-encrypted-in-transit", "volume-options-hold-no-password"],
    );
    judged.fails("phiward-test-o-cifs", &["volume-options-hold-no-password"]);
    judged.unknown("phiward-test-o-cifs", &["phi-remote-volume-encrypted-in-transit"]);
    judged.passes(
        "phiward-test-o-cifs-file",
        &["phi-remote-volume-encrypted-in-transit", "volume-options-hold-no-password"],
    );
    // Nobody can tell from here what the file server does with the bytes.
    judged.unknown("phiward-test-o-nfs-private", &["phi-volume-encrypted"]);
    judged.fails("phiward-test-o-etc", &["volume-not-a-system-directory"]);
    judged.passes("phiward-test-o-unused", &["unused-phi-volume-disposed"]);
    judged.passes("phiward-test-o-idle", &["volume-in-use", "volume-not-writable-by-everyone"]);
    judged.not_applicable("phiward-test-o-idle", &["phi-volume-encrypted", "unused-phi-volume-disposed"]);
    judged.passes(
        kept,
        &[
            "volume-declares-ephi",
            "volume-has-owner",
            "volume-has-one-writer",
            "phi-volume-encrypted",
            "phi-volume-off-root-disk",
            "phi-volume-named",
            "volume-options-hold-no-password",
        ],
    );
    judged.not_applicable(
        kept,
        &["volume-not-a-system-directory", "phi-remote-volume-encrypted-in-transit", "unused-phi-volume-disposed"],
    );
    if report.to_string().contains("correct-horse") {
        judged.wrong("the report holds the password of a volume's options".into());
    }
    judged.finish();
}

/// The path lies on a disk that this machine does not encrypt.
fn plain_disk(path: &str) -> Result<(), String> {
    let kind = Command::new("stat").args(["--file-system", "--format=%T", path]).output().expect("stat runs");
    let kind = String::from_utf8_lossy(&kind.stdout).trim().to_owned();
    let mapped = fs::read_dir("/sys/block").into_iter().flatten().flatten().any(|d| d.path().join("dm/uuid").exists());
    if kind.starts_with("ext") && !mapped {
        Ok(())
    } else {
        Err(format!("{path} lies on {kind}, or disks here are mapped"))
    }
}

fn same_disk(path: &str) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &str| fs::metadata(path).map(|m| m.dev()).map_err(|e| format!("{path}: {e}"));
    if device(path)? == device("/")? { Ok(()) } else { Err("the engine has a disk of its own".into()) }
}

#[test]
fn networks() {
    if !docker::available_to_root() {
        return;
    }
    let folder = Folder::new();
    let mut made = Made::default();
    let bad = "phiward-test-o-open";
    made.network(bad, &[]);
    let on_bad = format!("--network={bad}");
    made.run("phiward-test-o-records", &["--label=phiward.phi=yes", &on_bad, "-p", "0.0.0.0:0:2575"], &[]);
    made.run("phiward-test-o-website", &["--label=phiward.phi=no", &on_bad], &[]);
    made.run("phiward-test-o-lab", &["--label=phiward.phi=yes", &on_bad], &[]);
    made.network("phiward-test-o-unsaid", &[]);
    made.run("phiward-test-o-unlabelled", &["--network=phiward-test-o-unsaid"], &[]);
    made.network("phiward-test-o-empty", &[]);
    made.network("phiward-test-o-unfiltered", &["-o", "com.docker.network.bridge.gateway_mode_ipv4=nat-unprotected"]);
    let good = "phiward-test-o-closed";
    made.network(
        good,
        &[
            "--internal",
            "--label=phiward.phi=yes",
            "--label=phiward.owner=records team",
            "-o",
            "com.docker.network.bridge.enable_icc=false",
        ],
    );
    let on_good = format!("--network={good}");
    for name in ["phiward-test-o-a", "phiward-test-o-b", "phiward-test-o-c"] {
        made.run(name, &["--label=phiward.phi=yes", &on_good, "-p", "127.0.0.1:0:2575"], &[]);
    }
    // The default bridge carries ePHI for as long as this one is there.
    made.run("phiward-test-o-default", &["--label=phiward.phi=yes"], &[]);
    let macvlan = client(&["network", "create", "-d", "macvlan", "--internal", "phiward-test-o-macvlan"]);
    let refused = String::from_utf8_lossy(&macvlan.stderr).trim().to_owned();

    let mut judged = Judged::new(&assess(&folder, &["--kind", "docker.network"]));
    let _ = client(&["network", "rm", "phiward-test-o-macvlan"]);
    judged.fails(
        bad,
        &[
            "network-has-owner",
            "phi-network-has-only-phi-members",
            "phi-network-internal",
            "phi-network-limits-traffic",
            "phi-network-publishes-nothing",
        ],
    );
    judged.fails("phiward-test-o-unsaid", &["network-declares-ephi"]);
    judged.fails("phiward-test-o-empty", &["network-in-use"]);
    judged.fails("phiward-test-o-unfiltered", &["network-filters-unpublished-ports"]);
    judged.fails("bridge", &["predefined-network-carries-no-ephi"]);
    let made_it = if macvlan.status.success() { Ok(()) } else { Err(refused) };
    judged.fails_if(made_it, "phiward-test-o-macvlan", &["phi-network-behind-host-firewall"]);
    judged.passes(
        good,
        &[
            "network-declares-ephi",
            "network-filters-unpublished-ports",
            "network-has-owner",
            "network-in-use",
            "phi-network-behind-host-firewall",
            "phi-network-has-only-phi-members",
            "phi-network-internal",
            "phi-network-limits-traffic",
            "phi-network-publishes-nothing",
        ],
    );
    judged.not_applicable(good, &["phi-overlay-encrypted", "overlay-encrypted", "predefined-network-carries-no-ephi"]);
    judged.finish();
}
