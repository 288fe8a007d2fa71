//! Configuration files from a hostile or a tired hand: read, or refused in words without the secrets in them.

#[path = "../../../phiward-core/tests/mutate/mod.rs"]
mod mutate;

use std::path::Path;

use mutate::{Rng, survives};

use super::{Config, GlobalFlags, redact_url};

const SECRET: &str = "hunter2-Kq7";
const GOOD: &str = r#"
data = "/tmp/phiward-none"
database = "postgres://ann:hunter2-Kq7@h/db"
listen = "127.0.0.1:4472"
title = "St. Test"
reconcile_minutes = 5
freshness_minutes = 60

[docker]
enabled = true
host = "unix:///run/docker.sock"
context = ""

[host]
enabled = false
labels = { "phiward.phi" = "yes", "phiward.owner" = "ops" }
"#;

/// What is said of a file; `None` when it is taken.
fn refused(path: &Path, bytes: &[u8]) -> Option<String> {
    std::fs::write(path, bytes).expect("written");
    let flags = GlobalFlags { config: Some(path.to_owned()), ..GlobalFlags::default() };
    match Config::load(&flags) {
        Ok((config, _)) => {
            assert!(config.reconcile_minutes > 0 && config.freshness_minutes > 0);
            let _ = config.database_url();
            None
        }
        Err(error) => Some(error.to_string()),
    }
}

#[test]
fn spoiled_files_are_read_or_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("phiward.toml");
    assert_eq!(refused(&path, GOOD.as_bytes()), None);
    let mut rng = Rng::new(81);
    let mut errors = 0;
    for _ in 0..400 {
        let bytes = mutate::bytes(&mut rng, GOOD.as_bytes());
        if let Some(said) = survives("a configuration", &bytes, |bytes: &Vec<u8>| refused(&path, bytes)) {
            errors += 1;
            assert!(!said.contains(SECRET), "{said}");
            assert!((said.contains("help: ") || said.contains("must be at least 1")) && said.len() < 8_000, "{said}");
        }
    }
    assert!(errors > 100, "only {errors} of 400 were refused");
}

#[test]
fn large_and_deep_files_are_refused_soon() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("phiward.toml");
    let deep = [
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("a = {}", "{b = ".repeat(50_000)),
        format!("[{}]\n", vec!["a"; 50_000].join(".")),
        format!("{} = 1", vec!["a"; 50_000].join(".")),
        format!("title = \"{}\"\nlisten = 1", "x".repeat(1 << 20)),
        (0..50_000).map(|i| format!("k{i} = 1\n")).collect(),
        "[[a]]\n".repeat(50_000),
    ];
    let shapes = mutate::megabytes("a = \"b\"\n").into_iter().chain(deep.into_iter().map(String::into_bytes));
    for bytes in shapes {
        let said = survives("a configuration", &bytes, |bytes: &Vec<u8>| refused(&path, bytes));
        // White space and comments alone are an empty file.
        let empty = bytes.starts_with(b"#") || bytes.iter().all(u8::is_ascii_whitespace);
        assert!(said.is_some() || empty);
    }
}

#[test]
fn any_url_is_shown_without_its_password() {
    let mut rng = Rng::new(82);
    for _ in 0..2_000 {
        let url =
            mutate::text(&mut rng, "postgres://ann:hunter2-Kq7@h.example:5432/db?sslmode=require&password=hunter2-Kq7");
        let shown = redact_url(&url);
        let (scheme, rest) = url.split_once("://").unwrap_or(("", ""));
        // Where a scheme and the sign behind the password are left, nothing of the password is.
        let known = url.contains("://") && !scheme.contains(SECRET);
        if known
            && rest.split('?').next().unwrap_or_default().rsplit('@').next().is_some_and(|host| !host.contains(SECRET))
        {
            assert!(!shown.contains(SECRET), "{url} is shown as {shown}");
        }
    }
}
