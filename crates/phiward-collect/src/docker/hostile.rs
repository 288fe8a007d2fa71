//! What a container, an image's author, an engine or the environment may say to upset the reader, or to look better
//! than they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bollard::models::{
    ContainerInspectResponse, EventMessage, ImageHistoryResponseItem, ImageInspect, Network, SystemInfo, SystemVersion,
    Volume,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::container::{EngineDefaults, Extras};
use super::*;
use crate::files::FileFacts;
use crate::mutate::{self, Rng, survives};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const SECRET: &str = "hunter2-Kq7";

fn container_json() -> Value {
    json!({
        "Id": "4f".repeat(32), "Name": "/web", "Created": "2026-01-01T00:00:00.123456789Z", "Image": format!("sha256:{}", "ab".repeat(32)),
        "RestartCount": 3, "AppArmorProfile": "docker-default", "ProcessLabel": "", "Driver": "overlay2",
        "State": {"Status": "running", "Running": true, "Pid": 4_000_000, "ExitCode": 0, "OOMKilled": false, "StartedAt": "2026-01-01T00:00:01Z",
            "FinishedAt": "0001-01-01T00:00:00Z", "Health": {"Status": "healthy", "FailingStreak": 0}},
        "Config": {"Image": "registry.example:5000/nginx:1.25@sha256:00", "User": "1000:1000", "Tty": false,
            "Env": ["PATH=/bin", format!("DB_PASSWORD={SECRET}"), "TOKEN_FILE=/run/secrets/t", "X"], "Cmd": ["nginx"],
            "Healthcheck": {"Test": ["CMD-SHELL", "curl -f http://localhost || exit 1"]},
            "Labels": {"phiward.owner": "ops", "phiward.phi": "yes", "com.docker.compose.project": "p", "api-token": SECRET}},
        "HostConfig": {"Privileged": true, "ReadonlyRootfs": false, "NetworkMode": "host", "PidMode": "container:x", "IpcMode": "private",
            "CapAdd": ["CAP_NET_ADMIN", "all"], "CapDrop": ["MKNOD"], "SecurityOpt": ["seccomp=unconfined", "no-new-privileges:true", "label=disable", "apparmor=x"],
            "Memory": 536870912, "NanoCpus": 1500000000, "CpuQuota": 50000, "CpuPeriod": 100000, "CpuShares": 512, "PidsLimit": 100,
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5}, "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}},
            "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}], "53/udp": [{"HostIp": "[::1]", "HostPort": "53"}]},
            "Devices": [{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/sda", "CgroupPermissions": "rwm"}],
            "Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 2048}], "Sysctls": {"net.ipv4.ip_forward": "1"}, "Tmpfs": {"/tmp": "size=1m"},
            "Links": ["/a:/b"], "Dns": ["1.1.1.1"], "ExtraHosts": ["h:1.2.3.4"], "CgroupParent": "/x", "Runtime": "runc", "Init": true, "OomKillDisable": false},
        "Mounts": [{"Type": "bind", "Source": "/var/run/docker.sock", "Destination": "/s", "RW": true, "Propagation": "rprivate"},
            {"Type": "volume", "Name": "data", "Source": "/var/lib/docker/volumes/data/_data", "Destination": "/data", "Driver": "local", "RW": false},
            {"Type": "tmpfs", "Destination": "/t", "RW": true}],
        "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "443/tcp": null},
            "Networks": {"front": {"NetworkID": "n1", "IPAddress": "172.18.0.2"}, "bridge": {"NetworkID": "n2"}}}
    })
}

fn image_json() -> Value {
    json!({"Id": "sha256:1", "RepoTags": ["app:latest", "<none>:<none>"], "RepoDigests": ["app@sha256:00"], "Created": "2026-01-01T00:00:00Z",
        "Size": 1000, "Architecture": "amd64", "Os": "linux", "RootFS": {"Type": "layers", "Layers": ["sha256:a", "sha256:b"]},
        "Config": {"User": "root:root", "Env": [format!("API_KEY={SECRET}")], "ExposedPorts": {"22/tcp": {}}, "Volumes": {"/data": {}},
            "Healthcheck": {"Test": ["NONE"]}, "Labels": {"org.opencontainers.image.source": "https://x"}}})
}

fn history_json() -> Value {
    json!([{"Id": "a", "Created": 1, "CreatedBy": format!("RUN /bin/sh -c apt-get update && curl -u a:{SECRET} https://x | sh # buildkit"), "Tags": null, "Size": 1, "Comment": ""},
        {"Id": "b", "Created": 1, "CreatedBy": format!("/bin/sh -c #(nop)  ENV PASSWORD={SECRET}"), "Tags": ["x"], "Size": 1, "Comment": ""},
        {"Id": "c", "Created": 1, "CreatedBy": "/bin/sh -c #(nop) ADD file:00 in / ", "Tags": null, "Size": 1, "Comment": ""}])
}

fn volume_json() -> Value {
    json!({"Name": "data", "Driver": "local", "Mountpoint": "/var/lib/docker/volumes/data/_data", "CreatedAt": "2026-01-01T00:00:00Z", "Scope": "local",
        "Labels": {"phiward.phi": "yes"}, "Options": {"type": "nfs", "o": format!("addr=10.0.0.1,username=u,password={SECRET},bind"), "device": "/x"}})
}

fn network_json() -> Value {
    json!({"Name": "front", "Id": "n1", "Driver": "overlay", "Scope": "swarm", "EnableIPv6": true, "Internal": false, "Attachable": true, "Ingress": false,
        "IPAM": {"Driver": "default", "Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]},
        "Options": {"encrypted": "", "com.docker.network.bridge.enable_icc": "false"}, "Labels": {"phiward.phi": "no"}})
}

fn info_json() -> Value {
    json!({"ID": "A:B", "Name": "vm", "Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"], ["Supports d_type", "true"]],
        "SecurityOptions": ["name=seccomp,profile=default", "name=apparmor", "name=userns", "name=rootless"], "CgroupVersion": "2", "CgroupDriver": "systemd",
        "LoggingDriver": "json-file", "KernelVersion": "6.1", "OperatingSystem": "Debian", "Architecture": "x86_64", "NCPU": 2, "MemTotal": 1_000_000,
        "DockerRootDir": "/var/lib/docker", "Labels": ["phiward.phi=yes", "x"], "ExperimentalBuild": false, "ServerVersion": "20.10.24",
        "LiveRestoreEnabled": true, "RegistryConfig": {"InsecureRegistryCIDRs": ["127.0.0.0/8", "::1/128", "10.0.0.0/8"], "Mirrors": [],
            "IndexConfigs": {"docker.io": {"Name": "docker.io", "Mirrors": [], "Secure": true, "Official": true}}},
        "Swarm": {"NodeID": "x", "LocalNodeState": "active", "ControlAvailable": true, "Cluster": {"Spec": {"CAConfig": {"NodeCertExpiry": 7776000000000000_i64}, "EncryptionConfig": {"AutoLockManagers": false}}}},
        "Plugins": {"Authorization": ["x"], "Volume": ["local"]}, "Warnings": ["w"], "HttpProxy": format!("http://u:{SECRET}@proxy:1")})
}

fn version_json() -> Value {
    json!({"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "GoVersion": "go1.19", "Os": "linux", "Arch": "amd64",
        "Components": [{"Name": "Engine", "Version": "20.10.24", "Details": {"Experimental": "false"}}, {"Name": "runc", "Version": "1.1.5"}]})
}

/// The good document must be read; the spoiled ones where they still have the types.
fn each<T: DeserializeOwned>(seed: u64, good: &Value, work: impl Fn(T)) {
    assert!(serde_json::from_value::<T>(good.clone()).is_ok(), "{:?}", serde_json::from_value::<T>(good.clone()).err());
    let mut rng = Rng::new(seed);
    let mut read = 0;
    for run in 0..300 {
        let spoiled = if run % 3 == 0 { mutate::json(&mut rng, good) } else { mutate::values(&mut rng, good) };
        let text = spoiled.to_string();
        survives(std::any::type_name::<T>(), &text, |_| {
            if let Ok(value) = serde_json::from_value::<T>(spoiled.clone()) {
                read += 1;
                work(value);
            }
        });
    }
    assert!(read > 60, "only {read} documents could be read at all");
}

fn no_secret(shown: &impl serde::Serialize) {
    let text = serde_json::to_string(shown).unwrap();
    assert!(!text.contains(SECRET), "{text}");
}

#[test]
fn spoiled_containers_never_look_better_than_they_are() {
    let engine =
        EngineDefaults { apparmor: true, selinux: true, bind_address: "0.0.0.0".into(), ..EngineDefaults::default() };
    let resolve = |path: &Path| path.to_owned();
    let storage = |_: &Path| None;
    let host = mounts::Host {
        sockets: &[PathBuf::from("/run/docker.sock")],
        data_root: "/var/lib/docker",
        resolve: &resolve,
        storage: &storage,
    };
    each(31, &container_json(), |inspect: ContainerInspectResponse| {
        let extras = Extras {
            mounts: inspect.mounts.iter().flatten().map(|m| mounts::facts(m, Some("/etc"), &host)).collect(),
            ..Extras::default()
        };
        let (facts, gaps) = container::facts(&inspect, &engine, extras, NOW);
        let privileged = inspect.host_config.as_ref().and_then(|h| h.privileged);
        assert_eq!(
            container::incomplete(&inspect).is_none(),
            privileged.is_some() && inspect.state.is_some() && inspect.config.is_some()
        );
        if privileged == Some(true) {
            assert!(facts.privileged && facts.capabilities.as_ref().unwrap().len() > 30);
        }
        for mount in inspect.mounts.iter().flatten() {
            if mount.typ.as_deref() == Some("bind") && mount.source.as_deref() == Some("/var/run/docker.sock") {
                assert!(facts.mounts.iter().any(|m| m.covers_docker_socket && m.writable == mount.rw.unwrap_or(true)));
            }
        }
        assert!(facts.no_new_privileges.is_some() || gaps.iter().any(|gap| gap.path == "no_new_privileges"));
        let _ = (container::main_pid(&inspect), container::mount_targets(&inspect), container::health_test(&inspect));
    });
    // The values of the good one's secrets are nowhere in the facts; that one of them is there is.
    let inspect = serde_json::from_value(container_json()).unwrap();
    let facts = container::facts(&inspect, &engine, Extras::default(), NOW).0;
    no_secret(&facts);
    assert_eq!(facts.environment_secrets.len(), 1);
}

#[test]
fn an_answer_without_its_parts_is_no_answer() {
    let without = |part: &str| {
        let mut answer = container_json();
        answer.as_object_mut().unwrap().remove(part);
        container::incomplete(&serde_json::from_value(answer).unwrap())
    };
    assert_eq!(container::incomplete(&serde_json::from_value(container_json()).unwrap()), None);
    for part in ["State", "Config", "HostConfig"] {
        assert!(without(part).unwrap().contains(part));
    }
    assert!(container::incomplete(&ContainerInspectResponse::default()).is_some());
    let (_, gaps) = image::facts(&ImageInspect::default(), Ok(&[]), NOW);
    assert!(
        gaps.iter().any(|gap| gap.path == "environment_secrets") && gaps.iter().any(|gap| gap.path == "exposes_ssh")
    );
}

#[test]
fn spoiled_images_volumes_networks_and_engines() {
    let steps: Vec<ImageHistoryResponseItem> = serde_json::from_value(history_json()).unwrap();
    each(32, &image_json(), |inspect: ImageInspect| {
        no_secret(&image::facts(&inspect, Ok(&steps), NOW).0.history_secrets)
    });
    each(33, &history_json(), |steps: Vec<ImageHistoryResponseItem>| {
        no_secret(&image::facts(&ImageInspect::default(), Ok(&steps), NOW).0);
    });
    let storage = |path: &Path| Some(facts::StorageFacts { path: path.display().to_string(), ..Default::default() });
    let file = |_: &Path| -> Result<Option<FileFacts>, String> { Ok(None) };
    for gap in [None, Some("far away")] {
        let host = volume::Host { storage: &storage, file: &file, gap };
        each(34, &volume_json(), |volume: Volume| {
            let (facts, gaps) = volume::facts(&volume, &host, NOW);
            let known = facts.storage.as_ref().is_some_and(|s| s.encrypted == Some(true));
            assert!(!known, "nothing here says that it is encrypted: {gaps:?}");
        });
    }
    let volume: Volume = serde_json::from_value(volume_json()).unwrap();
    no_secret(&volume::facts(&volume, &volume::Host { storage: &storage, file: &file, gap: None }, NOW).0);
    each(35, &network_json(), |read: Network| drop(network::facts(&read)));
    let version: SystemVersion = serde_json::from_value(version_json()).unwrap();
    each(36, &info_json(), |info: SystemInfo| drop(engine::defaults(&engine::facts(&info, &version))));
    let info: SystemInfo = serde_json::from_value(info_json()).unwrap();
    no_secret(&engine::facts(&info, &version));
    each(37, &version_json(), |version: SystemVersion| drop(engine::facts(&info, &version)));
}

#[test]
fn events_of_any_kind_and_at_any_time() {
    let good = json!({"Type": "container", "Action": "health_status: healthy", "Actor": {"ID": "x", "Attributes": {"container": "y", "name": "z"}}, "time": 1, "timeNano": 1_000_000_001});
    let detector = std::cell::RefCell::new(GapDetector::default());
    each(38, &good, |message: EventMessage| {
        let event = events::read(message);
        let mut detector = detector.borrow_mut();
        let _ = detector.observe(&event);
        let _ = detector.since();
        detector.reconnected(event.time_nanos);
        let _ = detector.quiet();
    });
    for time in [i64::MIN, -1, 0, i64::MAX] {
        for kind in ["container", "image", "volume", "network", "daemon", "node", "x", ""] {
            let message = json!({"Type": kind, "Action": "\0", "time": time});
            if let Ok(message) = serde_json::from_value::<EventMessage>(message) {
                events::read(message);
            }
        }
    }
}

#[test]
fn spoiled_configuration_of_the_daemon() {
    let file = json!({"icc": false, "hosts": ["unix:///x", "tcp://0.0.0.0:2375"], "tlsverify": true, "log-opts": {"splunk-token": SECRET, "max-size": "1m"},
        "default-ulimits": {"nofile": {"Hard": 1}}, "insecure-registries": ["10.0.0.0/8"], "userns-remap": "default", "group": {"live-restore": true}});
    let flags: Vec<String> = [
        "-H",
        "fd://",
        "--icc=false",
        "--log-opt",
        "a=b",
        "-D",
        "--tlsverify",
        "--tlscacert=/x",
        "--config-file",
        "/y",
        "--",
        "z",
    ]
    .map(str::to_owned)
    .into();
    let environment = vec![format!("HTTP_PROXY=http://u:{SECRET}@p")];
    let effective = |file: &[u8], args: &[String]| {
        let running = daemon::Running {
            args,
            file: Some(file),
            environment: &environment,
            default_config_file: "/etc/docker/daemon.json",
            ..Default::default()
        };
        let _ = (daemon::named_paths(&running), daemon::config_file(args));
        daemon::effective(&running)
    };
    no_secret(&effective(file.to_string().as_bytes(), &flags).unwrap());
    let mut rng = Rng::new(39);
    for _ in 0..400 {
        let bytes = mutate::bytes(&mut rng, file.to_string().as_bytes());
        survives("daemon.json", &bytes, |bytes: &Vec<u8>| {
            // What is no JSON says nothing: the defaults must not stand for it.
            let valid = serde_json::from_slice::<serde_json::Map<String, Value>>(bytes).is_ok();
            assert_eq!(effective(bytes, &flags).is_ok(), valid || bytes.iter().all(u8::is_ascii_whitespace));
        });
        let text = mutate::values(&mut rng, &file).to_string();
        survives("daemon.json", &text, |text: &String| effective(text.as_bytes(), &flags).is_ok());
        let args: Vec<String> = flags
            .iter()
            .map(|flag| if rng.below(3) == 0 { mutate::text(&mut rng, flag) } else { flag.clone() })
            .collect();
        survives("flags", &args.join(" "), |_| effective(b"{}", &args).is_ok());
    }
    for shape in mutate::megabytes("{\"a\":{\"b\":[1]}},") {
        survives("daemon.json", &shape, |bytes: &Vec<u8>| effective(bytes, &flags).is_ok());
    }
    let many: Vec<String> = (0..100_000).map(|i| format!("--label=a{i}=b")).collect();
    survives("flags", "many", |_| effective(b"{}", &many).is_ok());
}

#[test]
fn addresses_of_engines_never_show_a_password() {
    let dir = std::env::temp_dir().join(format!("phiward-hostile-connect-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let mut rng = Rng::new(40);
    let seeds = [
        "tcp://me:P@10.0.0.1:2375",
        "https://me:P@[::1]:2376/",
        "ssh://me:P@host",
        "unix:///run/docker.sock",
        "me:P@h",
        "me:P@h/x",
        "gopher://me:P@h",
        "u:P@x://y",
        "tcp://P@",
        "http://:P@h:x",
    ];
    for run in 0..1500 {
        let good = seeds[run % seeds.len()].replace('P', SECRET);
        let host = if run < seeds.len() { good } else { mutate::text(&mut rng, &good) };
        let options = ConnectOptions {
            host: Some(host.clone()),
            docker_config_dir: Some(dir.clone()),
            ..ConnectOptions::default()
        };
        let shown = survives("an address", &host, |_| match connect::discover_among(&options, Path::new("/none")) {
            Ok(endpoint) => format!("{endpoint:?}"),
            Err(error) => format!("{error} {error:?} {}", error.help()),
        });
        // A password may hold anything but what ends it; a spoiled one may no longer be one.
        if host.matches('@').count() == 1
            && host.contains(&format!(":{SECRET}@"))
            && !host.starts_with("unix://")
            && !host.starts_with('/')
        {
            assert!(!shown.contains(SECRET), "{host:?} is shown as {shown}");
        }
    }
    let name = "prod";
    let digest: String =
        sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), name))
            .iter()
            .map(|b: &u8| format!("{b:02x}"))
            .collect();
    let meta = dir.join("contexts/meta").join(digest);
    std::fs::create_dir_all(&meta).unwrap();
    let good = r#"{"Name":"prod","Endpoints":{"docker":{"Host":"unix:///x.sock","SkipTLSVerify":false}}}"#;
    for run in 0..200 {
        std::fs::write(meta.join("meta.json"), mutate::bytes(&mut rng, good.as_bytes())).unwrap();
        std::fs::write(dir.join("config.json"), mutate::bytes(&mut rng, br#"{"currentContext":"prod","auths":{}}"#))
            .unwrap();
        let context = (run % 2 == 0).then(|| name.to_owned());
        let options = ConnectOptions { context, docker_config_dir: Some(dir.clone()), ..ConnectOptions::default() };
        let _ = survives("a context", good, |_| connect::discover_among(&options, Path::new("/none")));
    }
    for shape in mutate::megabytes("{\"Endpoints\":") {
        std::fs::write(meta.join("meta.json"), &shape).unwrap();
        let options = ConnectOptions {
            context: Some(name.into()),
            docker_config_dir: Some(dir.clone()),
            ..ConnectOptions::default()
        };
        survives("a context", &shape, |_| assert!(connect::discover_among(&options, Path::new("/none")).is_err()));
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn variables_and_build_steps_of_any_text() {
    let seeds = [
        "DB_PASSWORD=x",
        "URL=postgres://u:p@h/d",
        "AWS=AKIAABCDEFGHIJKLMNOP",
        "C=Server=x;Password=y;",
        "J=eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln",
        "K=-----BEGIN RSA PRIVATE KEY-----",
    ];
    let step = "RUN /bin/sh -c set -eux; apt-get update && apt-get install -y curl || true; curl -sSL https://x | sudo bash -s -- --token=abc; yum -y update";
    let mut rng = Rng::new(41);
    for run in 0..1500 {
        let variable = mutate::text(&mut rng, seeds[run % seeds.len()]);
        survives("a variable", &variable, |v: &String| secrets::in_environment(std::slice::from_ref(v)));
        let step = mutate::text(&mut rng, step);
        survives("a step", &step, |s: &String| history::read([s.as_str(), s.as_str()]));
    }
    for shape in mutate::megabytes(step).iter().chain(&mutate::megabytes("a://b:c@")[16..]) {
        // Each word is looked at in many ways: a quarter of a megabyte, which squared is still far beyond the limit.
        let text = String::from_utf8_lossy(&shape[..256 << 10]).into_owned();
        survives("a variable", &text, |v: &String| secrets::in_environment(&[format!("NAME={v}")]));
        survives("a step", &text, |s: &String| history::read(["FROM x", s.as_str()]));
    }
}

/// Reads bytes, or the same as text.
type Parser<'a> = Box<dyn Fn(&[u8], &str) + 'a>;

#[test]
fn spoiled_tables_of_the_kernel() {
    let stat = "1234 (we (ird) name) S 1 1 1 34816 1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 567 8 9\n";
    let status = "Name:\tx\nUid:\t0\t0\t0\t0\nNoNewPrivs:\t1\nSeccomp:\t2\nCapEff:\t00000000a80425fb\nCapBnd:\tffffffffffffffff\n";
    let cgroup = format!("12:memory,cpu:/docker/{0}\n0::/system.slice/docker-{0}.scope/inner\n", "4f".repeat(32));
    let unix = "Num RefCount Protocol Flags Type St Inode Path\n0000: 00000002 00000000 00010000 0001 01 12345 /run/docker.sock\n";
    let tcp = "   0: 0100007F:0947 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 555 1 x\n";
    let dpkg = "Package: docker.io\nStatus: install ok installed\nVersion: 20.10.24\n\n";
    let apk = "P:docker-engine\nV:25.0\n\n";
    let mounts = crate::storage::Mounts::parse(
        b"1 0 0:9 / /c rw - cgroup2 cgroup rw\n2 1 0:8 / /m rw - cgroup cgroup rw,memory\n",
        Path::new("/none"),
    );
    let parsers: Vec<(&str, &str, Parser)> = vec![
        ("stat", stat, Box::new(|bytes, _| drop(processes::parse_stat(bytes)))),
        ("status", status, Box::new(|_, text| drop(isolation::parse_status(text)))),
        (
            "cgroup",
            &cgroup,
            Box::new(|_, text| {
                let _ = processes::container_of(text);
                let _ = limits::Groups::of(text, &mounts).limits();
            }),
        ),
        (
            "unix",
            unix,
            Box::new(|bytes, _| {
                let _ = daemon_process::parse_unix_sockets(bytes, |path| path == Path::new("/run/docker.sock"));
            }),
        ),
        ("tcp", tcp, Box::new(|_, text| text.lines().for_each(|line| drop(daemon_process::parse_listener(line))))),
        (
            "cpu.max",
            "50000 100000\n",
            Box::new(|_, text| {
                let _ = (limits::parse_cpu_max(text), limits::number_or_none(text));
            }),
        ),
        ("dpkg", dpkg, Box::new(|bytes, _| drop(package::installed_version(bytes, "docker.io")))),
        ("apk", apk, Box::new(|_, text| drop(package::alpine(text)))),
        (
            "os-release",
            "ID=debian\nVERSION_ID=\"12\"\n",
            Box::new(|_, text| {
                let _ = support::ends_of(text);
            }),
        ),
        (
            "a refusal",
            "client version 1.53 is too new. Maximum supported API version is 1.41",
            Box::new(|_, text| {
                let _ = connect::newest_supported(text);
            }),
        ),
        (
            "df",
            r#"{"LayersSize":9223372036854775807,"Containers":[{"SizeRw":9223372036854775807},{"SizeRw":9223372036854775807}],"Volumes":[{"UsageData":{"Size":1}}]}"#,
            Box::new(|bytes, _| drop(fetch::old_disk_usage(bytes))),
        ),
    ];
    let mut rng = Rng::new(42);
    for (what, good, parse) in &parsers {
        survives(what, *good, |text: &str| parse(text.as_bytes(), text));
        for _ in 0..300 {
            let bytes = mutate::bytes(&mut rng, good.as_bytes());
            survives(what, &bytes, |bytes: &Vec<u8>| parse(bytes, &String::from_utf8_lossy(bytes)));
        }
        for shape in mutate::megabytes(good).into_iter().skip(5).chain([mutate::numbered(good)]) {
            survives(what, &shape, |bytes: &Vec<u8>| parse(bytes, &String::from_utf8_lossy(bytes)));
        }
    }
    assert_eq!(processes::parse_stat(stat.as_bytes()).unwrap().started, 567);
    assert_eq!(fetch::old_disk_usage(parsers[10].1.as_bytes()).unwrap().containers_bytes, i64::MAX);
}

#[test]
fn a_container_with_very_many_processes_is_judged_in_time() {
    let process = |pid: i32, ppid: i32, name: String| processes::Process {
        pid,
        ppid,
        comm: name.clone(),
        exe: name,
        uid: Some(1),
        started: 1,
        ..Default::default()
    };
    let chain: Vec<_> = (1..=60_000).map(|pid| process(pid, pid - 1, format!("p{pid}"))).collect();
    let fan: Vec<_> = (1..=60_000).map(|pid| process(pid, i32::from(pid > 1), format!("p{pid}"))).collect();
    let ring: Vec<_> = (1..=60_000).map(|pid| process(pid, pid % 60_000 + 1, "sh".into())).collect();
    for (what, list) in [("a chain", &chain), ("a fan", &fan), ("a ring", &ring)] {
        let judged = survives(what, "60000 processes", |_| processes::judge(list, 1, &[], 1 << 40));
        assert_eq!(judged.count, 60_000);
        assert_eq!(survives(what, "60000 processes", |_| processes::main_tree_has_root(list, 1)), Some(false));
    }
    assert_eq!(processes::judge(&fan, 1, &[], 1 << 40).trees, 60_000);
    let rows: Vec<Vec<String>> =
        (0..50_000).map(|i| vec![i.to_string(), "1".into(), "0".into(), "?".into(), "sh".into()]).collect();
    let titles = ["PID", "PPID", "UID", "TT", "COMMAND"].map(str::to_owned);
    assert_eq!(processes::from_top(&titles, &rows).unwrap().len(), 50_000);
    assert!(processes::from_top(&titles, &[vec!["x".into()]]).is_none() && processes::from_top(&[], &[]).is_none());
}

#[test]
fn layers_and_labels_of_any_size() {
    let list: Vec<(String, i64)> =
        (0..30_000).map(|i| (format!("/d{}/\u{202e}f{i}\0", i % 100), i64::from(i) % 4 - 1)).collect();
    let targets: Vec<String> = (0..50).map(|i| format!("/d{i}")).collect();
    let facts = survives("a layer", "30000 changes", |_| layer::count(&layer::from_engine(&list), &targets, false));
    assert!(facts.written > 0 && facts.examples.len() < 100);
    let labels: BTreeMap<String, String> =
        (0..20_000).map(|i| (format!("k{i}_token"), format!("{SECRET}{i}"))).collect();
    no_secret(&survives("labels", "20000 labels", |_| secrets::hide_in_labels(labels)));
}
