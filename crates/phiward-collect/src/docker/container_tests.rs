use super::*;

fn now() -> Timestamp {
    "2026-01-31T00:00:00Z".parse().unwrap()
}

fn inspect(json: &str) -> ContainerInspectResponse {
    serde_json::from_str(json).unwrap()
}

fn engine() -> EngineDefaults {
    EngineDefaults {
        seccomp: Some("filter"),
        no_new_privileges: Some(false),
        bind_address: "0.0.0.0".into(),
        ..EngineDefaults::default()
    }
}

fn of(json: &str) -> ContainerFacts {
    facts(&inspect(json), &engine(), Extras::default(), now()).0
}

#[test]
fn a_created_container_never_ran() {
    let f = of(r#"{"Id":"abc","Name":"/web","Created":"2026-01-01T00:00:00.123456789Z","Image":"sha256:1",
        "State":{"Status":"created","Running":false,"Pid":0,"StartedAt":"0001-01-01T00:00:00Z","FinishedAt":"0001-01-01T00:00:00Z"},
        "Config":{"Image":"nginx","User":"","Labels":{"phiward.owner":"ops","com.docker.compose.project":"p","com.docker.compose.service":"s"}},
        "HostConfig":{"RestartPolicy":{"Name":"always","MaximumRetryCount":0}}}"#);
    assert_eq!((f.name.as_str(), f.state.as_str(), f.age_days, f.owner.as_str()), ("web", "created", 29, "ops"));
    assert!(f.never_started && f.started_at.is_none() && f.finished_at.is_none() && f.stopped_days.is_none());
    assert_eq!(f.restart_policy, "always");
    assert_eq!(f.runs_as_root, Some(true));
    assert_eq!(f.compose.unwrap().service, "s");
    assert!(!f.image_pinned);
}

#[test]
fn a_privileged_container_without_lists_holds_all_capabilities() {
    let f = of(r#"{"HostConfig":{"Privileged":true,"CapAdd":null,"CapDrop":null}}"#);
    assert!(f.extra_capabilities.unwrap().contains(&"SYS_ADMIN".to_owned()));
    assert_eq!(f.seccomp.as_deref(), Some("disabled"));
}

#[test]
fn the_live_process_decides_before_the_configuration() {
    let live = isolation::parse_status(
        "Uid:\t1000\t1000\t0\t0\nCapEff:\t0000000000000000\nCapBnd:\t00000000a82425fb\nNoNewPrivs:\t1\nSeccomp:\t0\n",
    );
    let extras = Extras { live: Some(live), root_process: Some(false), ..Extras::default() };
    let (f, _) = facts(&inspect(r#"{"State":{"Running":true,"Pid":9},"HostConfig":{}}"#), &engine(), extras, now());
    assert_eq!(f.capabilities, Some(vec![]));
    assert_eq!(f.regainable_capabilities, Some(vec!["SYS_ADMIN".to_owned()]));
    assert_eq!(
        (f.seccomp.as_deref(), f.no_new_privileges, f.runs_as_root),
        (Some("disabled"), Some(true), Some(false))
    );
    assert_eq!(f.isolation_from, "process");
}

#[test]
fn without_the_kernel_feature_there_is_no_fact() {
    let f = of(r#"{"HostConfig":{"SecurityOpt":["no-new-privileges"]}}"#);
    assert!(f.selinux_label.is_none() && f.apparmor_profile.is_none());
    assert_eq!(f.no_new_privileges, Some(true));
    let unknown = EngineDefaults { no_new_privileges: None, settings_gap: Some("needs root".into()), ..engine() };
    let (f, gaps) = facts(&inspect("{}"), &unknown, Extras::default(), now());
    assert_eq!(f.no_new_privileges, None);
    assert_eq!(gaps, [Missing { path: "no_new_privileges".into(), why: "needs root".into() }]);
    let confined = EngineDefaults { apparmor: true, ..engine() };
    let (f, _) = facts(&inspect(r#"{"HostConfig":{"Privileged":true}}"#), &confined, Extras::default(), now());
    assert_eq!(f.apparmor_profile.as_deref(), Some("unconfined"));
}

#[test]
fn ports_of_a_stopped_container_are_those_configured() {
    let f = of(
        r#"{"State":{"Running":false},"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]}},"NetworkSettings":{"Ports":{}}}"#,
    );
    assert!(f.ports[0].all_interfaces && f.ports[0].host_port == 8080);
}

#[test]
fn pinned_references() {
    let digest = "a".repeat(64);
    assert!(is_pinned(&format!("nginx:1@sha256:{digest}")));
    assert!(is_pinned(&format!("sha256:{digest}")));
    assert!(!is_pinned("nginx:1.27") && !is_pinned("nginx@sha256:short"));
}

#[test]
fn users() {
    for (user, root) in
        [("", true), ("root", true), ("0", true), ("0:0", true), ("00", true), ("1000:0", false), ("app", false)]
    {
        assert_eq!(configured_root(user), Some(root), "{user}");
    }
}

#[test]
fn limits_live_before_configured() {
    let host: HostConfig = serde_json::from_str(r#"{"Memory":1024,"NanoCpus":1500000000,"PidsLimit":-1}"#).unwrap();
    let f = limits_in_force(&host, &LiveLimits::default());
    assert_eq!((f.memory, f.cpu_millis, f.pids, f.cpu_set), (1024, 1500, -1, true));
    let f = limits_in_force(&host, &LiveLimits { memory: Some(0), pids: Some(50), cpu_millis: Some(0) });
    assert_eq!((f.memory, f.cpu_millis, f.pids, f.cpu_set), (0, 0, 50, false));
}

#[test]
fn logging() {
    let size = HashMap::from([("max-size".to_owned(), "10m".to_owned())]);
    assert!(
        rotates("json-file", Some(&size))
            && !rotates("json-file", None)
            && rotates("local", None)
            && !rotates("none", None)
    );
    assert!(is_central("syslog") && is_central("awslogs") && !is_central("journald") && !is_central("none"));
}

#[test]
fn odd_text_breaks_nothing() {
    let env: Vec<String> = (0..10_000).map(|i| format!("V{i}=\u{fffd}")).collect();
    let json = serde_json::json!({"Name": "/\u{fffd}\u{1f600}", "Created": "not a time", "Config": {"Env": env}, "State": {"StartedAt": "x"}});
    let f = of(&json.to_string());
    assert_eq!((f.environment_count, f.age_days), (10_000, 0));
}
