//! Against a real engine. Without one the tests say so and pass, unless `PHIWARD_TEST_REQUIRE_DOCKER=1`.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use phiward_collect::docker::{ConnectOptions, DockerCollector, Touched, discover};
use phiward_collect::source::Collection;
use phiward_core::asset::{Asset, AssetId, Ephi};
use serde_json::{Value, json};

async fn collector() -> Option<DockerCollector> {
    let required = std::env::var("PHIWARD_TEST_REQUIRE_DOCKER").is_ok_and(|v| v == "1");
    let connected = match discover(&ConnectOptions::from_env()) {
        Ok(endpoint) => DockerCollector::connect(endpoint, Some(AssetId("host://test".into()))).await,
        Err(e) => Err(e),
    };
    match connected {
        Ok(collector) => Some(collector),
        Err(e) => {
            assert!(!required, "no engine, and PHIWARD_TEST_REQUIRE_DOCKER=1: {e}");
            let _ = writeln!(std::io::stderr(), "skipped: {e}");
            None
        }
    }
}

fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).stdin(Stdio::null()).output().expect("the docker command runs");
    assert!(output.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Everything made for one test, removed at its end.
struct Things {
    tag: String,
    image: String,
    volumes: Vec<String>,
    networks: Vec<String>,
}

impl Things {
    /// An image with busybox only. `None` without a static busybox to make it of.
    fn new(test: &str) -> Option<Things> {
        let busybox = ["/usr/bin/busybox", "/bin/busybox"].into_iter().find(|p| std::path::Path::new(p).exists());
        let Some(busybox) = busybox else {
            assert!(
                std::env::var("PHIWARD_TEST_REQUIRE_DOCKER").is_err(),
                "no busybox to make an image of (apt-get install busybox-static)"
            );
            return None;
        };
        let tag = format!("phiward-it-{test}-{}", std::process::id());
        let dir = std::env::temp_dir().join(&tag);
        std::fs::create_dir_all(dir.join("bin")).unwrap();
        std::fs::create_dir_all(dir.join("etc")).unwrap();
        std::fs::copy(busybox, dir.join("bin/busybox")).unwrap();
        for applet in ["sh", "sleep", "touch", "httpd"] {
            let _ = std::os::unix::fs::symlink("busybox", dir.join("bin").join(applet));
        }
        let tar = std::env::temp_dir().join(format!("{tag}.tar"));
        let made = Command::new("tar").arg("-C").arg(&dir).arg("-cf").arg(&tar).arg(".").status().unwrap();
        assert!(made.success());
        let image = format!("{tag}:latest");
        docker(&["import", "--change", "LABEL phiward.role=test", tar.to_str().unwrap(), &image]);
        std::fs::remove_dir_all(dir).unwrap();
        std::fs::remove_file(tar).unwrap();
        Some(Things { tag, image, volumes: vec![], networks: vec![] })
    }

    fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.tag)
    }

    fn volume(&mut self, name: &str, args: &[&str]) -> String {
        let name = self.name(name);
        let mut all = vec!["volume", "create"];
        all.extend(args);
        all.push(&name);
        docker(&all);
        self.volumes.push(name.clone());
        name
    }

    fn network(&mut self, name: &str, args: &[&str]) -> String {
        let name = self.name(name);
        let mut all = vec!["network", "create"];
        all.extend(args);
        all.push(&name);
        docker(&all);
        self.networks.push(name.clone());
        name
    }

    fn container(&self, how: &str, name: &str, args: &[&str], command: &[&str]) -> String {
        let (name, label) = (self.name(name), format!("phiward-test={}", self.tag));
        let mut all = vec![how];
        if how == "run" {
            all.push("-d");
        }
        all.extend(["--name", &name, "--label", &label]);
        all.extend(args);
        all.push(&self.image);
        all.extend(command);
        docker(&all)
    }
}

impl Drop for Things {
    fn drop(&mut self) {
        let quiet = |args: &[&str]| {
            Command::new("docker")
                .args(args)
                .stdin(Stdio::null())
                .output()
                .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
                .unwrap_or_default()
        };
        let label = format!("label=phiward-test={}", self.tag);
        for id in quiet(&["ps", "-aq", "--filter", &label]).split_whitespace() {
            quiet(&["rm", "-fv", id]);
        }
        for v in &self.volumes {
            quiet(&["volume", "rm", "-f", v]);
        }
        for n in &self.networks {
            quiet(&["network", "rm", n]);
        }
        quiet(&["rmi", "-f", &self.image]);
    }
}

fn named<'a>(c: &'a Collection, kind: &str, name: &str) -> &'a Asset {
    c.assets.iter().find(|a| a.kind == kind && a.name == name).unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn facts<'a>(c: &'a Collection, name: &str) -> &'a Value {
    &named(c, "docker.container", name).facts
}

#[tokio::test(flavor = "multi_thread")]
async fn running_containers_show_what_is_live() {
    let Some(mut collector) = collector().await else { return };
    let Some(mut t) = Things::new("live") else { return };
    let volume = t.volume("data", &["--label", "phiward.owner=ops"]);
    let disguised = t.volume("disguised", &["--opt", "type=none", "--opt", "o=bind", "--opt", "device=/etc"]);
    let network = t.network("back", &["--internal"]);
    let mount = format!("{volume}:/data");
    let sneaky = format!("{disguised}:/host:ro");
    t.container(
        "run",
        "phi",
        &[
            "-v",
            &mount,
            "--network",
            &network,
            "--label",
            "phiward.phi=yes",
            "--cap-drop",
            "ALL",
            "--read-only",
            "--user",
            "1000",
            "--memory",
            "64m",
            "--pids-limit",
            "50",
            "--security-opt",
            "no-new-privileges",
            "-e",
            "DB_PASSWORD=hunter2",
            "-e",
            "API_TOKEN_FILE=/run/secrets/x",
        ],
        &["sleep", "600"],
    );
    t.container(
        "run",
        "bad",
        &[
            "-v",
            &mount,
            "-v",
            "/run:/hostrun:ro",
            "-v",
            &sneaky,
            "--pid",
            "host",
            "--cap-add",
            "NET_ADMIN",
            "-p",
            "[::]:18081:80",
            "--restart",
            "always",
        ],
        &["sh", "-c", "touch /written; touch /bin/tool; httpd -f -p 8080 & sleep 600"],
    );
    tokio::time::sleep(Duration::from_millis(700)).await;
    let c = collector.collect(Timestamp::now()).await;
    assert!(c.whole, "{:?}", c.source.status);
    assert!(c.assets.iter().all(|a| a.id.as_str().starts_with("docker://")));

    let phi = facts(&c, &t.name("phi"));
    assert_eq!(
        (&phi["ephi"], &phi["readonly_rootfs"], &phi["user"], &phi["running"]),
        (&json!("yes"), &json!(true), &json!("1000"), &json!(true))
    );
    assert_eq!(phi["role"], json!("test"));
    assert_eq!(phi["environment_secrets"], json!([{"name": "DB_PASSWORD", "kind": "password"}]));
    assert!(!serde_json::to_string(&c.assets).unwrap().contains("hunter2"));
    assert_eq!(phi["mounts"][0]["writable"], json!(true));
    assert_eq!(phi["networks"][0]["internal"], json!(true));

    let bad = facts(&c, &t.name("bad"));
    assert_eq!(bad["restart_policy"], json!("always"));
    assert!(bad["ports"].as_array().unwrap().iter().any(|p| p["all_interfaces"] == json!(true)));
    assert!(bad["extra_capabilities"].as_array().unwrap().contains(&json!("NET_ADMIN")));
    let mounts = bad["mounts"].as_array().unwrap();
    let at = |target: &str| mounts.iter().find(|m| m["target"] == json!(target)).unwrap();
    assert_eq!((&at("/hostrun")["covers_docker_socket"], &at("/hostrun")["writable"]), (&json!(true), &json!(false)));
    assert_eq!(at("/host")["sensitive_host_path"], json!("/etc"));
    assert_eq!(bad["shared_writable_volumes"], json!([{"volume": volume, "writers": [t.name("phi")]}]));

    let v = named(&c, "docker.volume", &volume);
    assert_eq!((v.ephi, v.owner.as_str()), (Ephi::Yes, "ops"));
    assert_eq!(v.facts["writers"], json!([t.name("bad"), t.name("phi")]));
    assert_eq!(named(&c, "docker.network", &network).facts["carries_ephi"], json!(true));
    let image = named(&c, "docker.image", &t.image);
    assert_eq!((&image.facts["running_containers"], &image.facts["in_use"]), (&json!(2), &json!(true)));

    let engine = c.assets.iter().find(|a| a.kind == "docker.engine").unwrap();
    if engine.facts["local"] == json!(true) && rustix::process::geteuid().is_root() {
        assert_eq!(engine.relations[0].to.as_str(), "host://test");
        assert!(engine.facts["daemon"]["pid"].as_i64().unwrap() > 1);
        assert_eq!(
            (&phi["isolation_from"], &phi["no_new_privileges"], &phi["seccomp"]),
            (&json!("process"), &json!(true), &json!("filter"))
        );
        assert_eq!((&phi["capabilities"], &phi["runs_as_root"]), (&json!([]), &json!(false)));
        assert_eq!((&phi["limits"]["memory"], &phi["limits"]["pids"]), (&json!(67_108_864), &json!(50)));
        assert_eq!(phi["processes"]["uids"], json!([1000]));
        assert_eq!(phi["layer"]["written"], json!(0));
        assert_eq!((&bad["namespaces"]["pid_host"], &phi["namespaces"]["pid_host"]), (&json!(true), &json!(false)));
        // The host's processes are not the container's, although it shares their namespace.
        assert!(bad["processes"]["count"].as_i64().unwrap() <= 4, "{}", bad["processes"]);
        assert_eq!(bad["processes"]["programs"], json!(["httpd", "sleep"]));
        assert_eq!(bad["processes"]["trees"], json!(2));
        assert_eq!((&bad["layer"]["written"], &bad["layer"]["programs_changed"]), (&json!(2), &json!(true)));
        assert!(v.facts["storage"]["filesystem"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_hands_over_what_changed_and_what_is_gone() {
    let Some(mut collector) = collector().await else { return };
    let Some(mut t) = Things::new("refresh") else { return };
    let volume = t.volume("v", &[]);
    let mount = format!("{volume}:/data");
    let a = t.container("run", "a", &["-v", &mount, "--label", "phiward.phi=no"], &["sleep", "600"]);
    collector.collect(Timestamp::now()).await;
    let b = t.container("run", "b", &["-v", &mount, "--label", "phiward.phi=yes"], &["sleep", "600"]);
    let c = collector.refresh(&[Touched::Container(b.clone())], Timestamp::now()).await;
    assert!(!c.whole && c.gone.is_empty());
    // The new one, the one that now shares its volume, the volume, the image, the engine's counts: nothing else needed.
    let names: Vec<&str> = c.assets.iter().map(|a| a.name.as_str()).collect();
    for expected in [t.name("a"), t.name("b"), volume.clone(), t.image.clone()] {
        assert!(names.contains(&expected.as_str()), "{expected} in {names:?}");
    }
    assert!(!names.contains(&"none"), "{names:?}");
    assert_eq!(named(&c, "docker.volume", &volume).ephi, Ephi::Yes);
    docker(&["rm", "-f", &b]);
    let c = collector.refresh(&[Touched::Container(b.clone())], Timestamp::now()).await;
    assert_eq!(c.gone.len(), 1);
    assert!(c.gone[0].as_str().ends_with(&b));
    assert_eq!(facts(&c, &t.name("a"))["shared_writable_volumes"], json!([]));
    let c = collector.refresh(&[Touched::Container(a)], Timestamp::now()).await;
    assert!(
        c.gone.is_empty() && c.assets.iter().all(|x| x.name == t.name("a")),
        "{:?}",
        c.assets.iter().map(|x| &x.name).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn created_containers_have_no_live_facts() {
    let Some(mut collector) = collector().await else { return };
    let Some(t) = Things::new("created") else { return };
    t.container("create", "p", &["--privileged", "-v", "/etc/shadow:/s:ro"], &["sleep", "1"]);
    let c = collector.collect(Timestamp::now()).await;
    let p = facts(&c, &t.name("p"));
    assert_eq!(
        (&p["never_started"], &p["isolation_from"], &p["privileged"]),
        (&json!(true), &json!("configuration"), &json!(true))
    );
    assert!(p["extra_capabilities"].as_array().unwrap().contains(&json!("SYS_ADMIN")));
    assert_eq!(p["mounts"][0]["sensitive_host_path"], json!("/etc"));
    assert!(p.get("processes").is_none() && p.get("layer").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_seen_and_replayed() {
    let Some(collector) = collector().await else { return };
    let Some(t) = Things::new("events") else { return };
    let before = Timestamp::now();
    let id = t.container("create", "e", &[], &["sleep", "1"]);
    let mut stream = Box::pin(collector.events(Some(before)));
    let found = tokio::time::timeout(Duration::from_secs(5), async {
        while let Some(event) = stream.next().await {
            if event.unwrap().touched == Some(Touched::Container(id.clone())) {
                return true;
            }
        }
        false
    })
    .await;
    assert_eq!(found, Ok(true));
    assert!(collector.engine_clock().await.unwrap() > 0);
}
