//! Engines made bad, and made good, for real: daemons of the test's own in namespaces of their own, with the files that
//! an engine has at fixed places laid out in a machine made to order. How an engine is found, or cannot be reached, is in
//! `reach.rs`.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::dockerd::{Engine, Setup, certificates, possible};
use common::judged::Judged;
use common::machine::Machine;
use common::{Folder, docker, errors, http, text};
use serde_json::{Value, json};

/// The asset's kind stands for its name: there is one engine in each assessment.
const ENGINE: &str = "docker.engine";

fn set(path: &Path, mode: u32, uid: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode set");
    chown(path, Some(uid), Some(uid)).expect("owner set");
}

/// Paths that the checks want audited, as this engine has them.
fn audited(engine: &Engine) -> Vec<String> {
    let dir = engine.folder().display();
    let program = fs::read_link(format!("/proc/{}/exe", engine.pid())).expect("a program").display().to_string();
    let mut paths: Vec<String> = [
        "/run/containerd",
        "/etc/docker",
        "/etc/systemd/system/docker.service",
        "/etc/default/docker",
        "/etc/sysconfig/docker",
        "/etc/containerd/config.toml",
        "/usr/bin/containerd",
        "/usr/bin/containerd-shim",
        "/usr/bin/containerd-shim-runc-v1",
        "/usr/bin/containerd-shim-runc-v2",
        "/usr/bin/runc",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.extend([program, format!("{dir}/data"), format!("{dir}/docker.sock"), format!("{dir}/daemon.json")]);
    paths
}

const AUDITED: [&str; 16] = [
    "run-containerd-audited",
    "etc-docker-audited",
    "docker-service-unit-audited",
    "etc-default-docker-audited",
    "etc-sysconfig-docker-audited",
    "containerd-config-audited",
    "containerd-program-audited",
    "containerd-shim-audited",
    "containerd-shim-runc-v1-audited",
    "containerd-shim-runc-v2-audited",
    "containerd-socket-audited",
    "runc-program-audited",
    "dockerd-program-audited",
    "docker-data-audited",
    "docker-socket-audited",
    "daemon-json-audited",
];

/// The machine of an engine: its namespaces, its processes, and files at the fixed places with this mode (directories
/// get the right to enter with each right to read) and owner. `newest` is the version of docker.io that the package lists
/// offer where 20.10.1 is installed.
fn machine_of(engine: &Engine, mode: u32, uid: u32, os: &str, newest: &str) -> Machine {
    let mut machine = Machine::within(engine.pid());
    machine.shares(engine.folder());
    let program = fs::read_link(format!("/proc/{}/exe", engine.pid())).expect("a program").display().to_string();
    for path in [
        "etc/systemd/system/docker.service",
        "etc/systemd/system/docker.socket",
        "etc/default/docker",
        "etc/sysconfig/docker",
    ] {
        machine.file(path, mode, "").owner(path, uid, uid);
    }
    let certificate = "etc/docker/certs.d/registry.example/ca.crt";
    machine.file(certificate, mode, "").owner(certificate, uid, uid);
    machine.directory("etc/docker", mode | ((mode & 0o444) >> 2)).owner("etc/docker", uid, uid);
    machine.directory("run/containerd", 0o711);
    let _socket = UnixListener::bind(machine.path("run/containerd/containerd.sock")).expect("a socket");
    // A socket is written to by whoever may use it.
    let rights = if mode & 0o002 == 0 { 0o660 } else { mode };
    machine.mode("run/containerd/containerd.sock", rights).owner("run/containerd/containerd.sock", uid, uid);
    for path in [
        "etc/containerd/config.toml",
        "usr/bin/containerd",
        "usr/bin/containerd-shim",
        "usr/bin/containerd-shim-runc-v1",
        "usr/bin/containerd-shim-runc-v2",
        "usr/bin/runc",
    ] {
        machine.file(path, 0o755, "");
    }
    machine.file(&program, 0o755, "");
    machine
        .file(
            "etc/passwd",
            0o644,
            "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\nann:x:1000:1000::/:/bin/sh\n",
        )
        .file("etc/os-release", 0o644, os)
        .file("var/lib/dpkg/info/docker.io.list", 0o644, format!("{program}\n"))
        .file("var/lib/dpkg/status", 0o644, "Package: docker.io\nStatus: install ok installed\nVersion: 20.10.1\n\n");
    let lists = "var/lib/apt/lists/deb.example_debian_dists_stable";
    machine.file(&format!("{lists}_InRelease"), 0o644, "Label: Debian\nSuite: stable\n").file(
        &format!("{lists}_main_binary-amd64_Packages"),
        0o644,
        format!("Package: docker.io\nVersion: {newest}\n\n"),
    );
    machine
}

fn assess_in(machine: &Machine, engine: &Engine) -> Value {
    machine.assess(&["--kind", "docker", "--docker-host", &engine.address()])
}

#[test]
fn a_careless_engine() {
    if !possible() {
        return;
    }
    let folder = Folder::new();
    if !certificates(&folder.path().join("tls")) {
        return;
    }
    folder.write(
        "daemon.json",
        &json!({
            "debug": true,
            "experimental": true,
            "insecure-registries": ["registry.example:5000"],
            "registry-mirrors": ["http://mirror.example"],
            "metrics-addr": "0.0.0.0:9323",
            "cgroup-parent": "/phiward-test-engine",
            "log-driver": "json-file",
            "iptables": false,
        })
        .to_string(),
    );
    set(&folder.path().join("daemon.json"), 0o666, 65534);
    let dir = folder.path().display().to_string();
    let tls = |name: &str| format!("{dir}/tls/{name}");
    for name in ["ca.pem", "server.pem", "server-key.pem"] {
        set(&folder.path().join("tls").join(name), 0o666, 65534);
    }
    let (config, ca, cert, key) =
        (format!("{dir}/daemon.json"), tls("ca.pem"), tls("server.pem"), tls("server-key.pem"));
    let mut setup = Setup::default().flags(&["--config-file", &config, "--storage-driver", "vfs"]);
    setup =
        setup.flags(&["-H", "tcp://0.0.0.0:2376", "--tls", "--tlscacert", &ca, "--tlscert", &cert, "--tlskey", &key]);
    // Older engines take only a file there.
    let unconfined = engine_major().is_some_and(|major| major >= 23);
    if unconfined {
        setup = setup.flags(&["--seccomp-profile", "unconfined"]);
    }
    setup.environment.push(("HTTP_PROXY", "http://ward:correct-horse@proxy.example:3128".to_owned()));
    let engine = Engine::start_in(folder, &setup).expect("it starts");
    set(&engine.socket(), 0o666, 65534);
    fs::set_permissions(engine.folder().join("data"), fs::Permissions::from_mode(0o777)).expect("mode set");
    for n in 0..3 {
        fs::write(engine.folder().join("empty.tar"), [0_u8; 1024]).expect("written");
        engine.ok(&["import", "--message", &format!("image {n}"), &format!("{dir}/empty.tar"), &format!("unused:{n}")]);
    }
    engine.ok(&["import", "--message", "nameless", &format!("{dir}/empty.tar")]);
    let mut machine = machine_of(&engine, 0o666, 65534, "ID=debian\nVERSION_ID=\"10\"\n", "20.10.2");
    machine.file("etc/group", 0o644, "root:x:0:\ndocker:x:999:ann\n").script("usr/sbin/auditctl", "echo 'No rules'");
    machine.line("true");

    let report = assess_in(&machine, &engine);
    let mut judged = Judged::new(&report);
    judged.fails(ENGINE, &AUDITED);
    judged.fails(
        ENGINE,
        &[
            "containerd-socket-mode-limited",
            "containerd-socket-owned-by-root",
            "daemon-json-mode-limited",
            "daemon-json-owned-by-root",
            "docker-service-unit-mode-limited",
            "docker-service-unit-owned-by-root",
            "docker-socket-unit-mode-limited",
            "docker-socket-unit-owned-by-root",
            "docker-socket-mode-limited",
            "docker-socket-owned-by-root",
            "etc-default-docker-mode-limited",
            "etc-default-docker-owned-by-root",
            "etc-docker-mode-limited",
            "etc-docker-owned-by-root",
            "etc-sysconfig-docker-mode-limited",
            "etc-sysconfig-docker-owned-by-root",
            "registry-certificates-owned-by-root",
            "registry-certificates-read-only",
            "tls-ca-certificate-owned-by-root",
            "tls-ca-certificate-read-only",
            "tls-server-certificate-owned-by-root",
            "tls-server-certificate-read-only",
            "tls-server-key-owned-by-root",
            "tls-server-key-private",
            "docker-data-closed-to-others",
            "docker-group-has-no-members",
            "container-logs-sent-off-host",
            "content-trust-enforced",
            "default-bridge-traffic-restricted",
            "engine-data-on-own-partition",
            "engine-debug-off",
            "engine-default-cgroup-parent",
            "engine-default-ulimits-set",
            "engine-experimental-features-off",
            "engine-forbids-new-privileges",
            "engine-live-restore-enabled",
            "engine-log-files-rotate",
            "engine-log-level-info",
            "engine-manages-firewall-rules",
            "engine-metrics-not-exposed",
            "engine-not-reachable-from-network",
            "engine-package-up-to-date",
            "engine-requests-are-authorized",
            "engine-runs-rootless",
            "engine-tcp-requires-client-certificates",
            "engine-uses-user-namespaces",
            "engine-version-supported",
            "images-kept-are-images-used",
            "no-dangling-images",
            "no-insecure-registries",
            "no-proxy-password-in-engine-environment",
            "published-ports-bind-to-one-address",
            "registry-mirrors-encrypted",
            "storage-driver-maintained",
            "userland-proxy-disabled",
        ],
    );
    judged.fails_if(plain(engine.folder()), ENGINE, &["engine-data-encrypted"]);
    // What this machine's kernel gives is what is judged, one way or the other.
    let info = engine.ok(&["info", "--format", "{{.CgroupVersion}} {{.SecurityOptions}}"]);
    let control = info.contains("apparmor") || info.contains("selinux");
    if control {
        judged.passes(ENGINE, &["engine-has-mandatory-access-control"])
    } else {
        judged.fails(ENGINE, &["engine-has-mandatory-access-control"])
    }
    if info.starts_with('2') {
        judged.passes(ENGINE, &["engine-uses-cgroup-v2"])
    } else {
        judged.fails(ENGINE, &["engine-uses-cgroup-v2"])
    }
    let new = if unconfined { Ok(()) } else { Err("engines before 23.0 cannot be started without a profile".into()) };
    judged.fails_if(new, ENGINE, &["engine-seccomp-enabled"]);
    judged.passes(ENGINE, &["storage-driver-not-aufs", "swarm-only-when-used"]);
    judged.not_applicable(
        ENGINE,
        &["swarm-autolock-enabled", "engine-base-device-size-unchanged", "legacy-registry-disabled"],
    );
    if report.to_string().contains("correct-horse") {
        judged.wrong("the report holds the password of the proxy".into());
    }
    judged.finish();
}

fn engine_major() -> Option<u32> {
    let output = Command::new("dockerd").arg("--version").output().ok()?;
    String::from_utf8_lossy(&output.stdout).split_whitespace().nth(2)?.split('.').next()?.parse().ok()
}

/// The path lies on a disk that this machine does not encrypt.
fn plain(path: &Path) -> Result<(), String> {
    let kind = Command::new("stat").args(["--file-system", "--format=%T"]).arg(path).output().expect("stat runs");
    let kind = String::from_utf8_lossy(&kind.stdout).trim().to_owned();
    let mapped = fs::read_dir("/sys/block").into_iter().flatten().flatten().any(|d| d.path().join("dm/uuid").exists());
    if kind.starts_with("ext") && !mapped {
        Ok(())
    } else {
        Err(format!("{} lies on {kind}, or disks here are mapped", path.display()))
    }
}

/// A disk of its own for the engine's data, below an fscrypt policy where the kernel and e4crypt give one.
fn data_disk(folder: &Path) -> Result<&'static str, String> {
    let disk = folder.join("disk");
    fs::File::create(&disk).and_then(|file| file.set_len(96 << 20)).map_err(|e| e.to_string())?;
    let run = |command: &mut Command| match command.current_dir(folder).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    };
    let encrypted = "mkdir -p \"$D/m\" \"$D/data\"; mount -o loop \"$D/disk\" \"$D/m\"; mkdir \"$D/m/data\"
        echo phrase | e4crypt add_key -S s:salt \"$D/m/data\" >/dev/null 2>&1; mount --bind \"$D/m/data\" \"$D/data\"";
    let d = folder.display().to_string();
    let try_it = format!("{encrypted}; touch \"$D/data/file\"");
    run(Command::new("mkfs.ext4").args(["-q", "-F", "-O", "encrypt"]).arg(&disk))?;
    let tried =
        run(Command::new("unshare").args(["--mount", "--propagation=private", "sh", "-ec", &try_it]).env("D", &d));
    // A fresh file system for the engine itself.
    run(Command::new("mkfs.ext4").args(["-q", "-F", "-O", "encrypt"]).arg(&disk))?;
    tried.map(|()| encrypted)
}

#[test]
fn a_careful_engine() {
    if !possible() {
        return;
    }
    let folder = Folder::new();
    if !certificates(&folder.path().join("tls")) {
        return;
    }
    let dir = folder.path().display().to_string();
    for (name, mode) in [("ca.pem", 0o444), ("server.pem", 0o444), ("server-key.pem", 0o400)] {
        set(&folder.path().join("tls").join(name), mode, 0);
    }
    // An authorization plugin that allows everything: that there is one is what the check asks.
    let plugin = folder.path().join("plugin.sock");
    http::serve_unix(&plugin, |request| {
        let body = if request.path == "/Plugin.Activate" {
            "{\"Implements\":[\"authz\"]}"
        } else {
            "{\"Allow\":true,\"Msg\":\"\",\"Err\":\"\"}"
        };
        http::Answer::new("200 OK", body).header("Content-Type", "application/vnd.docker.plugins.v1.2+json")
    });
    folder.write("plugins/phiward-test.spec", &format!("unix://{}", plugin.display()));
    // The group of nobody has another name in each family of distributions.
    folder.write("subid", "nobody:300000:65536\nnogroup:300000:65536\n");
    folder.write(
        "daemon.json",
        &json!({
            "icc": false,
            "no-new-privileges": true,
            "live-restore": true,
            "userland-proxy": false,
            "log-driver": "syslog",
            "log-opts": {"syslog-address": "udp://127.0.0.1:5514"},
            "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 64000, "Soft": 64000}},
            "ip": "127.0.0.1",
            "authorization-plugins": ["phiward-test"],
            "registry-mirrors": ["https://mirror.example"],
            "userns-remap": "65534:65534",
            "tlsverify": true,
            "tlscacert": format!("{dir}/tls/ca.pem"),
            "tlscert": format!("{dir}/tls/server.pem"),
            "tlskey": format!("{dir}/tls/server-key.pem"),
        })
        .to_string(),
    );
    set(&folder.path().join("daemon.json"), 0o644, 0);
    let disk = data_disk(folder.path());
    let mut setup =
        Setup::default().flags(&["--config-file", &format!("{dir}/daemon.json"), "-H", "tcp://127.0.0.1:2376"]);
    setup = setup.line("mount --bind \"$D/subid\" /etc/subuid").line("mount --bind \"$D/subid\" /etc/subgid");
    setup = setup.line("mkdir -p /etc/docker; mount -t tmpfs tmpfs /etc/docker; mkdir /etc/docker/plugins; cp \"$D/plugins/\"* /etc/docker/plugins/");
    if let Ok(lines) = &disk {
        setup = setup.line(*lines);
    }
    let engine = Engine::start_in(folder, &setup).expect("it starts");
    set(&engine.socket(), 0o660, 0);
    let mut machine = machine_of(&engine, 0o444, 0, "ID=debian\nVERSION_ID=\"13\"\n", "20.10.1");
    machine.file("etc/group", 0o644, "root:x:0:\ndocker:x:999:\n").file(
        "etc/profile.d/trust.sh",
        0o644,
        "export DOCKER_CONTENT_TRUST=1\n",
    );
    let rules: Vec<String> =
        audited(&engine).iter().map(|path| format!("echo '-w {path} -p rwxa -k docker'")).collect();
    machine.script(
        "usr/sbin/auditctl",
        &format!("if [ \"$1\" = -s ]; then echo 'enabled 1'; exit; fi\n{}", rules.join("\n")),
    );
    machine.line("true");

    let report = assess_in(&machine, &engine);
    let mut judged = Judged::new(&report);
    judged.passes(ENGINE, &AUDITED);
    judged.passes(
        ENGINE,
        &[
            "containerd-socket-mode-limited",
            "containerd-socket-owned-by-root",
            "daemon-json-mode-limited",
            "daemon-json-owned-by-root",
            "docker-service-unit-mode-limited",
            "docker-service-unit-owned-by-root",
            "docker-socket-unit-mode-limited",
            "docker-socket-unit-owned-by-root",
            "docker-socket-mode-limited",
            "docker-socket-owned-by-root",
            "etc-default-docker-mode-limited",
            "etc-default-docker-owned-by-root",
            "etc-docker-mode-limited",
            "etc-docker-owned-by-root",
            "etc-sysconfig-docker-mode-limited",
            "etc-sysconfig-docker-owned-by-root",
            "registry-certificates-owned-by-root",
            "registry-certificates-read-only",
            "tls-ca-certificate-owned-by-root",
            "tls-ca-certificate-read-only",
            "tls-server-certificate-owned-by-root",
            "tls-server-certificate-read-only",
            "tls-server-key-owned-by-root",
            "tls-server-key-private",
            "docker-data-closed-to-others",
            "docker-group-has-no-members",
            "container-logs-sent-off-host",
            "content-trust-enforced",
            "default-bridge-traffic-restricted",
            "engine-data-has-free-space",
            "engine-debug-off",
            "engine-default-cgroup-parent",
            "engine-default-ulimits-set",
            "engine-experimental-features-off",
            "engine-forbids-new-privileges",
            "engine-live-restore-enabled",
            "engine-log-level-info",
            "engine-manages-firewall-rules",
            "engine-metrics-not-exposed",
            "engine-not-reachable-from-network",
            "engine-package-up-to-date",
            "engine-requests-are-authorized",
            "engine-seccomp-enabled",
            "engine-tcp-requires-client-certificates",
            "engine-uses-user-namespaces",
            "engine-version-supported",
            "no-dangling-images",
            "no-insecure-registries",
            "no-proxy-password-in-engine-environment",
            "no-stale-containers",
            "published-ports-bind-to-one-address",
            "registry-mirrors-encrypted",
            "storage-driver-maintained",
            "userland-proxy-disabled",
            "swarm-only-when-used",
        ],
    );
    judged.not_applicable(ENGINE, &["engine-log-files-rotate", "remote-engine-connection-encrypted"]);
    let own_disk = disk.map(drop);
    judged.passes_if(own_disk.clone(), ENGINE, &["engine-data-encrypted", "engine-data-on-own-partition"]);
    // Kernels differ in what the engine warns of.
    let warnings = engine.ok(&["info", "--format", "{{.Warnings}}"]);
    judged.passes_if(if warnings == "[]" { Ok(()) } else { Err(warnings) }, ENGINE, &["engine-gives-no-warnings"]);

    // The disk fills.
    let fill = "fallocate -l $(( $(stat -f -c '%a * %S' m) * 95 / 100 )) m/fill";
    let mut filling = Command::new("nsenter");
    filling.args([
        "--target",
        &engine.pid().to_string(),
        "--mount",
        "sh",
        "-ec",
        &format!("cd {}; {fill}", engine.folder().display()),
    ]);
    let filled = own_disk.and_then(|()| {
        if filling.status().is_ok_and(|s| s.success()) { Ok(()) } else { Err("fallocate failed".into()) }
    });
    let mut full = Judged::new(&engine.assess(&["--kind", "docker.engine"]));
    full.fails_if(filled, ENGINE, &["engine-data-has-free-space"]);
    full.finish();

    // The same engine over the network, with and without the right certificates.
    let tls = engine.folder().join("tls").display().to_string();
    let remote =
        [("DOCKER_HOST", "tcp://127.0.0.1:2376"), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", tls.as_str())];
    let output =
        engine.phiward(&remote).args(["assess", "--format", "json", "--kind", "docker"]).output().expect("it runs");
    let over_tls = Judged::new(&serde_json::from_str(&text(&output, 0)).expect("JSON"));
    for (check, wanted) in [
        ("remote-engine-connection-encrypted", "pass"),
        ("engine-live-restore-enabled", "pass"),
        ("tls-server-key-private", "unknown"),
    ] {
        let got = over_tls.verdict(check, ENGINE);
        if got != wanted {
            judged.wrong(format!("{check} over TLS: wanted {wanted}, got {got}"));
        }
    }
    let foreign = Folder::new();
    if certificates(foreign.path()) {
        let path = foreign.path().display().to_string();
        let wrong_ca =
            [("DOCKER_HOST", "tcp://127.0.0.1:2376"), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", path.as_str())];
        let output = engine.phiward(&wrong_ca).args(["assess", "--kind", "docker"]).output().expect("it runs");
        let said = errors(&output);
        if output.status.code() != Some(2) || !said.contains("TLS") || !said.contains("ca.pem") {
            judged.wrong(format!("another authority's certificates: {:?} {said}", output.status));
        }
    }
    let output = engine
        .phiward(&[("DOCKER_HOST", "tcp://127.0.0.1:2376")])
        .args(["assess", "--kind", "docker"])
        .output()
        .expect("it runs");
    if output.status.code() != Some(2) {
        judged.wrong(format!("plain text to a TLS port: {:?} {}", output.status, errors(&output)));
    }
    judged.finish();
}

/// An engine in plain text on loopback, with old containers and volumes: their records are changed while it is stopped.
#[test]
fn an_engine_with_a_past() {
    if !possible() {
        return;
    }
    let runc = ["/usr/bin/runc", "/usr/sbin/runc"].into_iter().find(|path| Path::new(path).is_file());
    // Without the word that TLS is not wanted the engine waits for a quarter of a minute.
    let mut flags = vec!["--log-opt", "max-size=1m", "--tls=false", "-H", "tcp://0.0.0.0:2375"];
    let runtime = runc.map(|path| format!("--add-runtime=phiward-odd={path}"));
    flags.extend(runtime.as_deref());
    let engine = Engine::start(&Setup::default().flags(&flags)).expect("it starts");
    engine.load_image();
    let old = engine.ok(&["create", "--name", "old", docker::IMAGE, "sleep", "3600"]);
    let never = engine.ok(&["create", "--name", "never", docker::IMAGE, "true"]);
    let ended = engine.run("ended", &[], &["true"]);
    let dead = engine.run("dead", &[], &["true"]);
    engine.ok(&["wait", "ended", "dead"]);
    let folder = engine.stop();

    let record = |id: &str, change: &dyn Fn(&mut Value)| {
        let path = folder.path().join("data/containers").join(id).join("config.v2.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).expect("a record")).expect("JSON");
        change(&mut config);
        fs::write(&path, config.to_string()).expect("written");
    };
    record(&old, &|c| c["Created"] = json!(date(100)));
    record(&never, &|c| c["Created"] = json!(date(40)));
    record(&ended, &|c| c["State"]["FinishedAt"] = json!(date(40)));
    // As a removal that broke off leaves it.
    record(&dead, &|c| c["State"]["RemovalInProgress"] = json!(true));
    let mut setup = Setup::default().flags(&flags);
    setup = setup.line(
        "mkdir -p \"$D/shared\" \"$D/full\"; mount -t tmpfs tmpfs \"$D/shared\"; mount --make-shared \"$D/shared\"",
    );
    setup = setup.line("mount -t tmpfs -o size=1m tmpfs \"$D/full\"; head -c 1040000 /dev/zero > \"$D/full/file\"");
    let engine = Engine::start_in(folder, &setup).expect("it starts again");
    engine.ok(&["start", "old"]);
    engine.ok(&["volume", "create", "forgotten", "--label=phiward.phi=yes"]);
    engine.ok(&["volume", "create", "left", "--label=phiward.phi=no"]);
    let aged = age_volumes(&engine, &["forgotten", "left"], 40);
    let dir = engine.folder().display().to_string();
    engine.run(
        "propagating",
        &["--mount", &format!("type=bind,source={dir}/shared,target=/x,bind-propagation=rshared")],
        &[],
    );
    engine.ok(&["volume", "create", "full", "-o", "type=none", "-o", "o=bind", "-o", &format!("device={dir}/full")]);
    engine.run("filling", &["-v", "full:/data"], &[]);
    engine.ok(&["volume", "create", "roomy"]);
    engine.run("fresh", &["-v", "roomy:/data"], &[]);
    if runtime.is_some() {
        engine.run("odd", &["--runtime=phiward-odd"], &[]);
    }

    let mut judged = Judged::new(&engine.assess(&["--kind", "docker"]));
    judged.fails("old", &["container-recreated-regularly"]);
    judged.fails("never", &["created-container-started"]);
    judged.fails("ended", &["stopped-container-removed"]);
    judged.fails("dead", &["container-not-dead"]);
    judged.fails("propagating", &["mount-propagation-not-shared"]);
    judged.fails("full", &["volume-has-free-space"]);
    judged.passes("roomy", &["volume-has-free-space"]);
    judged.fails(ENGINE, &["no-stale-containers", "engine-gives-no-warnings"]);
    judged.fails_if(runc.map(drop).ok_or("runc is not at its usual place".into()), "odd", &["runtime-known"]);
    judged.fails_if(aged.clone(), "forgotten", &["unused-phi-volume-disposed"]);
    judged.fails_if(aged, "left", &["volume-in-use"]);
    judged.passes(
        "fresh",
        &["container-recreated-regularly", "container-not-dead", "mount-propagation-not-shared", "runtime-known"],
    );
    judged.passes("ended", &["container-not-dead"]);
    judged.passes("bridge", &["predefined-network-carries-no-ephi"]);
    judged.passes(ENGINE, &["engine-log-files-rotate", "images-kept-are-images-used"]);
    judged.not_applicable(ENGINE, &["remote-engine-connection-encrypted"]);

    let plain = engine
        .phiward(&[])
        .args(["assess", "--format", "json", "--kind", "docker.engine", "--docker-host", "tcp://127.0.0.1:2375"])
        .output()
        .expect("it runs");
    let mut over_tcp = Judged::new(&serde_json::from_str(&text(&plain, 0)).expect("JSON"));
    over_tcp.fails(ENGINE, &["remote-engine-connection-encrypted"]);
    over_tcp.finish();
    judged.finish();
}

/// The time so many days ago, as the engine writes it.
fn date(days: i64) -> String {
    let output = Command::new("date")
        .args(["-u", "-d", &format!("{days} days ago"), "+%Y-%m-%dT%H:%M:%S.000000000Z"])
        .output()
        .expect("date runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Lays a file system over the volumes in which they are as old as said: the engine tells when the inode of a volume was
/// last changed, and nothing but the file system's own debugger can set that.
fn age_volumes(engine: &Engine, names: &[&str], days: i64) -> Result<(), String> {
    let run = |command: &mut Command| match command.current_dir(engine.folder()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    };
    let image = engine.folder().join("aged.img");
    fs::File::create(&image).and_then(|file| file.set_len(8 << 20)).map_err(|e| e.to_string())?;
    for name in names {
        fs::create_dir_all(engine.folder().join("aged").join(name).join("_data")).map_err(|e| e.to_string())?;
    }
    run(Command::new("mkfs.ext4").args(["-q", "-F", "-d", "aged", "aged.img"]))?;
    let then = date(days).replace(['-', 'T', ':'], "").chars().take(14).collect::<String>();
    for name in names {
        run(Command::new("debugfs").args([
            "-w",
            "-R",
            &format!("set_inode_field /{name}/_data ctime {then}"),
            "aged.img",
        ]))?;
    }
    let binds: Vec<String> = names.iter().map(|name| format!("mount --bind aged/{name} data/volumes/{name}")).collect();
    let pid = engine.pid().to_string();
    let line = format!("cd {}; mount -o loop aged.img aged; {}", engine.folder().display(), binds.join("; "));
    run(Command::new("nsenter").args(["--target", &pid, "--mount", "sh", "-ec", &line]))
}

/// A swarm of three engines, joined by a bridge of their own.
#[test]
fn a_swarm() {
    if !possible() {
        return;
    }
    let bridge = "ip link add phiward0 type bridge; ip addr add 10.213.77.1/24 dev phiward0; ip link set phiward0 up";
    let first = Engine::start(&Setup::default().line(bridge)).expect("it starts");
    let node = |n: u32| {
        let pid = first.pid();
        let setup = Setup::default()
            .line(format!("ip link add phiward{n} type veth peer name port{n} netns {pid}"))
            .line(format!("ip addr add 10.213.77.{n}/24 dev phiward{n}; ip link set phiward{n} up"))
            .line(format!("nsenter --target {pid} --net ip link set port{n} master phiward0; nsenter --target {pid} --net ip link set port{n} up"));
        Engine::start(&setup)
    };
    let (second, third) = std::thread::scope(|scope| {
        let second = scope.spawn(|| node(2));
        let third = scope.spawn(|| node(3));
        (second.join().expect("no panic"), third.join().expect("no panic"))
    });
    let (second, third) = match (second, third) {
        (Ok(second), Ok(third)) => (second, third),
        (Err(why), _) | (_, Err(why)) => panic!("an engine of the swarm did not start: {why}"),
    };
    let addresses = |n: u32| [format!("--advertise-addr=10.213.77.{n}"), format!("--listen-addr=10.213.77.{n}:2377")];
    // Alone, listening everywhere, with certificates for a quarter, and with nothing to do.
    first.ok(&["swarm", "init", "--advertise-addr=10.213.77.1"]);
    let mut judged = Judged::new(&first.assess(&["--kind", "docker"]));
    judged.fails(
        ENGINE,
        &[
            "swarm-autolock-enabled",
            "swarm-node-certificates-short-lived",
            "swarm-only-when-used",
            "swarm-bound-to-one-interface",
        ],
    );
    judged.passes(ENGINE, &["swarm-managers-few-and-odd"]);
    judged.not_applicable(ENGINE, &["swarm-survives-loss-of-a-manager", "engine-live-restore-enabled"]);
    judged.finish();

    // Anew on one address; three nodes, one manager, a service without secrets.
    first.ok(&["swarm", "leave", "--force"]);
    let [advertise, listen] = addresses(1);
    first.ok(&["swarm", "init", "--autolock", "--cert-expiry=24h", &advertise, &listen]);
    let token = first.ok(&["swarm", "join-token", "-q", "worker"]);
    for (n, engine) in [(2, &second), (3, &third)] {
        let [advertise, listen] = addresses(n);
        engine.ok(&["swarm", "join", "--token", &token, &advertise, &listen, "10.213.77.1:2377"]);
    }
    first.load_image();
    first.ok(&[
        "service",
        "create",
        "--detach",
        "--no-resolve-image",
        "--name=intake",
        "--replicas=0",
        docker::IMAGE,
        "sleep",
        "3600",
    ]);
    first.ok(&["network", "create", "-d", "overlay", "--attachable", "--label=phiward.phi=yes", "open"]);
    first.ok(&["network", "create", "-d", "overlay", "--label=phiward.phi=no", "public"]);
    first.ok(&["network", "create", "-d", "overlay", "--opt=encrypted", "--label=phiward.phi=yes", "closed"]);
    first.ok(&["network", "create", "-d", "overlay", "--opt=encrypted", "--label=phiward.phi=no", "public-closed"]);
    let mut judged = Judged::new(&first.assess(&["--kind", "docker"]));
    judged.passes(
        ENGINE,
        &[
            "swarm-autolock-enabled",
            "swarm-node-certificates-short-lived",
            "swarm-only-when-used",
            "swarm-bound-to-one-interface",
        ],
    );
    judged.fails(ENGINE, &["swarm-secrets-are-used", "swarm-survives-loss-of-a-manager"]);
    judged.fails("open", &["phi-overlay-encrypted", "phi-network-not-attachable"]);
    judged.passes("closed", &["phi-overlay-encrypted", "phi-network-not-attachable"]);
    judged.fails("public", &["overlay-encrypted"]);
    judged.passes("public-closed", &["overlay-encrypted"]);
    judged.finish();

    let secret = first.folder().join("secret");
    fs::write(&secret, "correct-horse").expect("written");
    first.ok(&["secret", "create", "db", secret.to_str().expect("a path")]);
    let nodes = first.ok(&["node", "ls", "--format", "{{.ID}} {{.Self}}"]);
    let workers: Vec<&str> = nodes.lines().filter_map(|line| line.strip_suffix(" false")).collect();
    first.ok(&["node", "promote", workers[0]]);
    let managers = |wanted: &str| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while first.ok(&["info", "--format", "{{.Swarm.Managers}}"]) != wanted {
            assert!(Instant::now() < deadline, "never had {wanted} managers");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    managers("2");
    let mut judged = Judged::new(&first.assess(&["--kind", "docker"]));
    judged.fails(ENGINE, &["swarm-managers-few-and-odd", "swarm-survives-loss-of-a-manager"]);
    judged.passes(ENGINE, &["swarm-secrets-are-used"]);
    judged.finish();
    first.ok(&["node", "promote", workers[1]]);
    managers("3");
    let report = first.assess(&["--kind", "docker"]);
    let mut judged = Judged::new(&report);
    judged.passes(ENGINE, &["swarm-managers-few-and-odd", "swarm-survives-loss-of-a-manager"]);
    if report.to_string().contains("correct-horse") {
        judged.wrong("the report holds a secret of the swarm".into());
    }
    judged.finish();
    for engine in [&third, &second, &first] {
        let _ = engine.docker(&["swarm", "leave", "--force"]);
    }
}
