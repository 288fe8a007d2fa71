//! Containers made bad for real on the engine, each as its check names it, beside one that is well kept; the program
//! judges them all at once.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::docker::{self, IMAGE, Made, docker as client, ok};
use common::judged::{Judged, skipped};
use common::{Folder, assess};

/// One bad container: what it is started with, and the checks that must fail on it.
struct Case {
    name: &'static str,
    options: &'static [&'static str],
    command: &'static [&'static str],
    fails: &'static [&'static str],
}

const fn case(
    name: &'static str,
    options: &'static [&'static str],
    command: &'static [&'static str],
    fails: &'static [&'static str],
) -> Case {
    Case { name, options, command, fails }
}

/// What every engine starts.
const CASES: &[Case] = &[
    case(
        "plain",
        &[],
        &[],
        &[
            "container-declares-ephi",
            "container-has-owner",
            "container-has-role",
            "container-deployed-from-definition",
            "container-not-root",
            "image-pinned",
            "memory-limited",
            "cpu-limited",
            "process-count-limited",
            "root-filesystem-read-only",
            "no-new-privileges",
            "capability-net-raw-absent",
            "health-checked",
            "default-bridge-not-used-with-ephi",
            "init-process-used",
            "ulimits-stated",
        ],
    ),
    case("no-phi", &["--label", "phiward.phi=no"], &[], &["default-bridge-not-used"]),
    case("logs", &["--log-driver", "json-file"], &[], &["container-log-files-rotate", "log-sent-to-central-place"]),
    case("no-log", &["--log-driver", "none"], &[], &["log-kept", "log-sent-to-central-place"]),
    case(
        "namespaces",
        &["--pid=host", "--network=host", "--ipc=host", "--uts=host", "--userns=host", "--cgroupns=host"],
        &[],
        &[
            "host-pid-namespace-not-shared",
            "host-network-namespace-not-shared",
            "host-ipc-namespace-not-shared",
            "host-uts-namespace-not-shared",
            "host-user-namespace-not-shared",
            "host-cgroup-namespace-not-shared",
        ],
    ),
    case(
        "capabilities",
        &[
            "--cap-add=SYS_ADMIN",
            "--cap-add=NET_ADMIN",
            "--cap-add=SYS_MODULE",
            "--cap-add=SYS_PTRACE",
            "--cap-add=SYS_RAWIO",
            "--cap-add=DAC_READ_SEARCH",
            "--cap-add=SYS_TIME",
        ],
        &[],
        &[
            "capability-sys-admin-absent",
            "capability-net-admin-absent",
            "capability-sys-module-absent",
            "capability-sys-ptrace-absent",
            "capability-sys-rawio-absent",
            "capability-dac-read-search-absent",
            "capability-host-control-absent",
            "capabilities-within-default",
        ],
    ),
    // A user other than root holds none of them until a set-uid program gives them back.
    case(
        "capability-user",
        &["--user=65532", "--cap-add=SYS_ADMIN"],
        &[],
        &["capability-sys-admin-absent", "capabilities-within-default"],
    ),
    case("seccomp", &["--security-opt=seccomp=unconfined"], &[], &["seccomp-enabled"]),
    case("selinux", &["--security-opt=label=disable"], &[], &["selinux-confined"]),
    case(
        "root-read-only",
        &["-v", "/:/host:ro"],
        &[],
        &[
            "host-root-not-mounted",
            "docker-socket-not-mounted",
            "system-paths-not-writable",
            "system-paths-not-readable",
        ],
    ),
    case(
        "run",
        &["-v", "/run:/hostrun"],
        &[],
        &["host-root-not-mounted", "docker-socket-not-mounted", "system-paths-not-writable"],
    ),
    case(
        "socket",
        &["-v", "/var/run/docker.sock:/engine.sock"],
        &[],
        &["docker-socket-not-mounted", "phi-in-named-volumes"],
    ),
    case("socket-read-only", &["-v", "/var/run/docker.sock:/engine.sock:ro"], &[], &["docker-socket-not-mounted"]),
    case("shadow", &["-v", "/etc/shadow:/shadow"], &[], &["system-paths-not-writable"]),
    case("shadow-read-only", &["-v", "/etc/shadow:/shadow:ro"], &[], &["system-paths-not-readable"]),
    case("home", &["-v", "/root:/hostroot"], &[], &["system-paths-not-writable", "host-root-not-mounted"]),
    case(
        "dots",
        &["--mount", "type=bind,source=/usr/../etc,target=/hostetc"],
        &[],
        &["system-paths-not-writable", "host-root-not-mounted"],
    ),
    case("device", &["--device=/dev/null:/dev/host-null"], &[], &["host-devices-not-exposed"]),
    case("ipv6-port", &["-p", "[::]:0:9443"], &[], &["ports-bound-to-one-interface"]),
    case(
        "ports",
        &["-p", "0.0.0.0:0:22", "-p", "0.0.0.0:0:80", "-p", "0.0.0.0:0:5432"],
        &[],
        &[
            "ports-bound-to-one-interface",
            "administration-ports-not-published",
            "plaintext-ports-not-published",
            "database-ports-not-published",
        ],
    ),
    case("restart", &["--restart=always"], &[], &["restart-policy-bounded"]),
    case("failing", &["--restart=always"], &["sh", "-c", "exit 3"], &["restarts-rare"]),
    case(
        "secrets",
        &["-e", "DB_PASSWORD=hunter2", "-e", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE"],
        &[],
        &["environment-holds-no-secrets", "environment-holds-no-cloud-keys"],
    ),
    case("writes", &[], &["sh", "-c", "echo x > /written; sleep 3600"], &["container-is-stateless"]),
    case(
        "programs",
        &[],
        &["sh", "-c", "echo x > /bin/added; sleep 3600"],
        &["programs-unchanged", "container-is-stateless"],
    ),
    case("two", &[], &["sh", "-c", "nc -l -p 9999 & sleep 3600"], &["one-application-per-container"]),
    case("exec", &[], &[], &["no-interactive-session-with-ephi", "one-application-per-container"]),
    case(
        "sshd",
        &[],
        &["sh", "-c", "echo '#!/bin/sh\nsleep 3600\nexit' > /sshd; busybox chmod 755 /sshd; /sshd; exit"],
        &["ssh-server-absent"],
    ),
    case(
        "memory",
        &["--memory=6m", "--memory-swap=6m", "--tmpfs=/full:size=64m"],
        &["sh", "-c", "sleep 1; cat /dev/zero > /full/file"],
        &["not-out-of-memory"],
    ),
    case(
        "unhealthy",
        &["--health-cmd=exit 1", "--health-interval=1s", "--health-retries=1"],
        &[],
        &["container-healthy"],
    ),
    case("removed", &["--rm"], &[], &["not-removed-automatically"]),
    case("terminal", &["-t"], &[], &["terminal-not-allocated"]),
    case("hosts", &["--add-host=records.example:192.0.2.9"], &[], &["host-names-not-overridden"]),
    case("sysctl", &["--sysctl=net.ipv4.conf.all.accept_redirects=1"], &[], &["kernel-settings-not-weakened"]),
    case("cgroup", &["--cgroup-parent=/phiward-test"], &[], &["cgroup-parent-default"]),
    case("stopped", &[], &["sh", "-c", "echo x > /left"], &["stopped-container-leaves-no-files"]),
    // Those that use another container.
    case("pid-of", &["--pid=container:phiward-test-c-plain"], &[], &["process-namespace-not-shared-with-container"]),
    case(
        "net-of",
        &["--network=container:phiward-test-c-plain"],
        &[],
        &["network-namespace-not-shared-with-container"],
    ),
    case("linked", &["--link=phiward-test-c-plain:records"], &[], &["legacy-links-not-used"]),
    case("writer-one", &["-v", "phiward-test-c-shared:/data"], &[], &["volume-not-shared-for-writing"]),
    case("writer-two", &["-v", "phiward-test-c-shared:/data"], &[], &["volume-not-shared-for-writing"]),
    case(
        "bridging",
        &["--label=phiward.phi=yes", "--network=phiward-test-c-phi"],
        &[],
        &["phi-and-public-networks-not-bridged"],
    ),
];

/// What some machines refuse.
const REFUSABLE: &[Case] = &[
    case(
        "privileged",
        &["--privileged"],
        &[],
        &["container-not-privileged", "capability-sys-admin-absent", "capabilities-within-default"],
    ),
    case("bpf", &["--cap-add=BPF", "--cap-add=PERFMON"], &[], &["capability-bpf-absent"]),
    case(
        "every-capability",
        &["--cap-add=ALL"],
        &[],
        &["capability-sys-admin-absent", "capability-host-control-absent"],
    ),
    case(
        "block-device",
        &["--device=/dev/loop0:/dev/disk"],
        &[],
        &["block-devices-not-exposed", "host-devices-not-exposed"],
    ),
];

/// Checks that have nothing to say about the well-kept container or cannot pass on every machine.
const KEPT_LEFT_OUT: &[&str] = &[
    // It declares ePHI, sends its log away, and the kernel's mandatory control differs from machine to machine.
    "default-bridge-not-used",
    "container-log-files-rotate",
    "apparmor-confined",
    "selinux-confined",
    // Those of stopped containers.
    "created-container-started",
    "stopped-container-leaves-no-files",
    "stopped-container-removed",
];

fn name(case: &str) -> String {
    format!("phiward-test-c-{case}")
}

/// Every automatic check of a kind of asset.
fn automatic(kind: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content/checks").join(kind);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("checks") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("text");
        let line = |key: &str| text.lines().find_map(|l| l.strip_prefix(key)).unwrap_or_default().trim().to_owned();
        if line("automation:") != "manual" {
            found.push(line("id:"));
        }
    }
    found.sort();
    found
}

/// The well-kept container, and what it needs.
fn well_kept(made: &mut Made) -> Result<String, String> {
    made.network(
        "phiward-test-c-inner",
        &["--internal", "--label=phiward.phi=yes", "--label=phiward.owner=records team"],
    );
    made.volume(
        "phiward-test-c-kept",
        &["--label=phiward.phi=yes", "--label=phiward.owner=records team", "-o", "type=tmpfs", "-o", "device=tmpfs"],
    );
    let id = ok(&["image", "inspect", "--format", "{{.Id}}", IMAGE]);
    let options = [
        "--user=65532:65532",
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--memory=64m",
        "--cpus=0.5",
        "--pids-limit=50",
        "--ulimit=nofile=1024:1024",
        "--cgroupns=private",
        "--init",
        // Still running while it is judged: a health check is neither a second application nor a session.
        "--health-cmd=sleep 25",
        "--health-interval=1s",
        "--health-timeout=30s",
        "--log-driver=syslog",
        "--log-opt=syslog-address=udp://127.0.0.1:5514",
        "--restart=on-failure:3",
        "--network=phiward-test-c-inner",
        "--tmpfs=/tmp:size=1m",
        "--mount=type=volume,source=phiward-test-c-kept,target=/data",
        "-p=127.0.0.1:0:8443",
        "-e=DB_PASSWORD_FILE=/run/secrets/db",
        "--label=phiward.phi=yes",
        "--label=phiward.owner=records team",
        "--label=phiward.role=records",
        "--label=com.docker.compose.project=records",
    ];
    made.try_run(&id, &name("kept"), &options, &["sh", "-c", "sleep 3600 & sleep 3601"])
}

/// A process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program of the host that is called sshd, which no container may be charged with.
fn host_sshd(folder: &Folder) -> Ended {
    let path = folder.write("sshd", "#!/bin/sh\nread line\nexit\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("mode set");
    Ended(Command::new(path).stdin(Stdio::piped()).spawn().expect("it starts"))
}

/// Asks the engine about a container until it says this.
fn wait_for(container: &str, format: &str, wanted: impl Fn(&str) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        let said = ok(&["inspect", "--format", format, container]);
        if wanted(&said) {
            return;
        }
        assert!(Instant::now() < deadline, "{container} never came to it: {said}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A port below 1024 that is free on loopback.
fn privileged_port() -> Option<u16> {
    (900..1024).rev().find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
}

/// Kind of the file system below the engine's data and whether it is the root's.
fn engine_disk() -> (bool, bool) {
    use std::os::unix::fs::MetadataExt;
    let dir = ok(&["info", "--format", "{{.DockerRootDir}}"]);
    let kind = Command::new("stat").args(["--file-system", "--format=%T", &dir]).output().expect("stat runs");
    let plain = String::from_utf8_lossy(&kind.stdout).starts_with("ext")
        && !std::fs::read_dir("/sys/block").into_iter().flatten().flatten().any(|d| d.path().join("dm/uuid").exists());
    let device = |path: &str| std::fs::metadata(path).map(|m| m.dev()).ok();
    (plain, device(&dir) == device("/"))
}

#[test]
fn every_bad_container_fails_its_checks_and_a_well_kept_one_passes_them() {
    if !docker::available_to_root() {
        return;
    }
    let folder = Folder::new();
    let mut made = Made::default();
    made.network("phiward-test-c-phi", &["--internal"]);
    made.network("phiward-test-c-public", &[]);
    made.volume("phiward-test-c-shared", &[]);
    made.volume("phiward-test-c-on-disk", &[]);
    made.run(&name("on-disk"), &["-v", "phiward-test-c-on-disk:/data"], &[]);
    let kept = well_kept(&mut made);
    for case in CASES {
        made.run(&name(case.name), case.options, case.command);
    }
    let refused: BTreeMap<&str, String> = REFUSABLE
        .iter()
        .filter_map(|case| Some((case.name, made.try_run(IMAGE, &name(case.name), case.options, case.command).err()?)))
        .collect();
    let low = privileged_port().map(|port| format!("127.0.0.1:{port}:9444"));
    if let Some(low) = &low {
        made.run(&name("low-port"), &["-p", low], &[]);
    }
    made.run(
        &name("rotating"),
        &[
            "--log-driver=json-file",
            "--log-opt=max-size=1m",
            "--label=phiward.phi=no",
            "--network=phiward-test-c-public",
        ],
        &[],
    );
    // The reference moves on to another image.
    made.image("phiward-test-c-moved:1");
    ok(&["tag", IMAGE, "phiward-test-c-moved:1"]);
    made.try_run("phiward-test-c-moved:1", &name("moved"), &[], &[]).expect("started");
    let empty = folder.write("empty.tar", "");
    std::fs::write(&empty, [0_u8; 1024]).expect("written");
    ok(&["import", empty.to_str().expect("a path"), "phiward-test-c-moved:1"]);
    ok(&["network", "connect", "phiward-test-c-public", &name("bridging")]);
    ok(&["exec", "-d", "-t", &name("exec"), "sh", "-c", "sleep 600; true"]);
    // The engine may miss the kernel's word when the process ends at the same moment; then it is started once more.
    wait_for(&name("memory"), "{{.State.Running}} {{.State.OOMKilled}}", |said| {
        if said == "false false" {
            let _ = client(&["start", &name("memory")]);
        }
        said.ends_with("true")
    });
    wait_for(&name("unhealthy"), "{{.State.Health.Status}}", |said| said == "unhealthy");
    wait_for(&name("stopped"), "{{.State.Status}}", |said| said == "exited");
    wait_for(&name("failing"), "{{.RestartCount}}", |said| said.parse::<u32>().is_ok_and(|n| n > 5));
    let sshd = host_sshd(&folder);

    let report = assess(&folder, &["--kind", "docker"]);
    drop(sshd);
    let mut judged = Judged::new(&report);
    for case in CASES {
        judged.fails(&name(case.name), case.fails);
    }
    for case in REFUSABLE {
        judged.fails_if(refused.get(case.name).map_or(Ok(()), |why| Err(why.clone())), &name(case.name), case.fails);
    }
    judged.fails_if(
        low.map(drop).ok_or("no port below 1024 is free".into()),
        &name("low-port"),
        &["privileged-ports-not-published"],
    );
    judged.fails(&name("moved"), &["image-current"]);
    let (plain, root) = engine_disk();
    judged.fails_if(
        if plain { Ok(()) } else { Err("the engine's disk may be encrypted".into()) },
        &name("on-disk"),
        &["phi-mounts-encrypted"],
    );
    judged.fails_if(
        if root { Ok(()) } else { Err("the engine has a disk of its own".into()) },
        &name("on-disk"),
        &["phi-mounts-off-root-disk"],
    );
    let apparmor = ok(&["info", "--format", "{{.SecurityOptions}}"]).contains("apparmor");
    if apparmor {
        made.run(&name("apparmor"), &["--security-opt=apparmor=unconfined"], &[]);
        let mut own = Judged::new(&assess(&folder, &["--kind", "docker.container", "--check", "apparmor-confined"]));
        own.fails(&name("apparmor"), &["apparmor-confined"]);
        own.passes(&name("plain"), &["apparmor-confined"]);
        own.finish();
    } else {
        skipped("apparmor-confined", "the kernel has no AppArmor");
        judged.not_applicable(&name("plain"), &["apparmor-confined"]);
    }

    // What would be judged wrongly by configuration, by name or by a sample.
    judged.passes(&name("namespaces"), &["ssh-server-absent", "one-application-per-container"]);
    judged.passes(&name("ipv6-port"), &["administration-ports-not-published", "privileged-ports-not-published"]);
    judged
        .passes(&name("socket"), &["system-paths-not-writable", "system-paths-not-readable", "host-root-not-mounted"]);
    judged.passes(&name("rotating"), &["container-log-files-rotate", "default-bridge-not-used", "log-kept"]);
    judged.passes(
        &name("plain"),
        &[
            "container-not-privileged",
            "seccomp-enabled",
            "one-application-per-container",
            "restart-policy-bounded",
            "image-current",
        ],
    );
    judged.not_applicable(&name("plain"), &["selinux-confined", "ports-bound-to-one-interface"]);
    judged.not_applicable(&name("stopped"), &["container-is-stateless", "container-not-root"]);

    match kept {
        Ok(_) => {
            let checks = automatic("docker.container");
            let checks: Vec<&str> =
                checks.iter().map(String::as_str).filter(|id| !KEPT_LEFT_OUT.contains(id)).collect();
            judged.passes(&name("kept"), &checks);
        }
        Err(why) => judged.wrong(format!("the well-kept container did not start: {why}")),
    }

    // Mounts, ports and processes come in another order each time; the verdicts do not change.
    let again = Judged::new(&assess(&folder, &["--kind", "docker.container"]));
    for case in CASES.iter().filter(|case| !matches!(case.name, "failing")) {
        for check in case.fails {
            if again.verdict(check, &name(case.name)) != "fail" {
                judged.wrong(format!("{check} on {} changed at the second reading", case.name));
            }
        }
    }
    // No value of a secret is anywhere in the report.
    let text = report.to_string();
    for secret in ["hunter2", "AKIAIOSFODNN7EXAMPLE"] {
        if text.contains(secret) {
            judged.wrong(format!("the report holds the value {secret}"));
        }
    }
    judged.finish();
}

/// docker-bench-security took the settings from whichever process calls itself dockerd.
#[test]
fn a_process_that_calls_itself_dockerd_changes_nothing() {
    if !docker::available_to_root() {
        return;
    }
    // What the words of the false one would turn around.
    const SETTINGS: [&str; 6] = [
        "default-bridge-traffic-restricted",
        "engine-uses-user-namespaces",
        "engine-live-restore-enabled",
        "engine-requests-are-authorized",
        "engine-forbids-new-privileges",
        "userland-proxy-disabled",
    ];
    let folder = Folder::new();
    let read = || {
        let report = assess(&folder, &["--kind", "docker.engine"]);
        let judged = Judged::new(&report);
        SETTINGS.iter().map(|id| (*id, judged.verdict(id, "docker.engine").to_owned())).collect::<Vec<_>>()
    };
    let before = read();
    // It waits on its own standard input, so that it has no child that could outlive it.
    let mut fake = Command::new("sh");
    fake.arg0("dockerd").args(["-c", "read line; true"]).stdin(Stdio::piped());
    fake.args([
        "--icc=false",
        "--userns-remap=default",
        "--live-restore",
        "--authorization-plugin=x",
        "--no-new-privileges",
        "--userland-proxy=false",
    ]);
    fake.uid(65534).gid(65534);
    let mut fake = Ended(fake.spawn().expect("it starts"));
    assert!(fake.0.try_wait().expect("a state").is_none(), "it runs");
    let after = read();
    drop(fake);
    assert!(before.iter().all(|(_, verdict)| matches!(verdict.as_str(), "pass" | "fail")), "{before:?}");
    assert_eq!(before, after);
    assert!(client(&["info"]).status.success(), "the engine was left alone");
}

/// Checks that no test here makes fail on a real machine, each with the reason. Their decision on recorded facts is
/// proven by the examples in their own files. A check that is neither here nor made for real fails the test below.
const NOT_MADE_HERE: &[(&str, &str)] = &[
    (
        "kernel-supports-seccomp",
        "a kernel without seccomp would have to be started; engines and these tests run on one that has it",
    ),
    ("storage-driver-not-aufs", "aufs is no longer in any kernel, and engines since 24.0 do not know it"),
    ("engine-base-device-size-unchanged", "the driver devicemapper needs device mapper and was removed in engine 25.0"),
    (
        "legacy-registry-disabled",
        "only engines before 18.0 speak to legacy registries, and none can be had from a package",
    ),
];

/// Checks named where something is said to fail: in calls of `fails` and `fails_if`, and in the tables of bad things.
fn made_to_fail(source: &str) -> BTreeSet<String> {
    let mut places: Vec<&str> = Vec::new();
    for start in ["const CASES", "const REFUSABLE", "const NETWORK", "const KERNEL", "const AUDITED"] {
        places.extend(source.find(start).and_then(|at| source[at..].split("\n];").next()));
    }
    for call in ["fails(", "fails_if("] {
        places.extend(source.match_indices(call).filter_map(|(at, _)| source[at..].split("]);").next()));
    }
    places.into_iter().flat_map(|place| place.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// A new check forces a decision: made for real, or named above.
#[test]
fn every_automatic_check_is_made_for_real_or_said_not_to_be() {
    const TESTS: [&str; 4] =
        [include_str!("containers.rs"), include_str!("objects.rs"), include_str!("engine.rs"), include_str!("host.rs")];
    let mut made = BTreeSet::new();
    for source in TESTS {
        // What follows the list here would name every check of it.
        made.extend(made_to_fail(source.split("const NOT_MADE_HERE").next().unwrap_or_default()));
    }
    let mut wrong = Vec::new();
    let mut known = Vec::new();
    for kind in ["docker.container", "docker.engine", "docker.image", "docker.network", "docker.volume", "host"] {
        for id in automatic(kind) {
            let excused = NOT_MADE_HERE.iter().any(|(check, _)| *check == id);
            match (made.contains(&id), excused) {
                (false, false) => {
                    wrong.push(format!("{id} ({kind}) is neither made to fail for real nor said not to be"))
                }
                (true, true) => wrong.push(format!("{id} ({kind}) is made to fail for real, and said not to be")),
                _ => {}
            }
            known.push(id);
        }
    }
    wrong.extend(
        NOT_MADE_HERE
            .iter()
            .filter(|(id, _)| !known.iter().any(|k| k == id))
            .map(|(id, _)| format!("there is no check {id}")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
