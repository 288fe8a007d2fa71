//! Finds what looks like a secret in environment variables and build steps. Values are looked at and never kept.

use std::collections::BTreeMap;

use super::facts::EnvironmentSecret;

/// Variables that look like secrets, by name and kind.
pub(super) fn in_environment(env: &[String]) -> Vec<EnvironmentSecret> {
    let mut found: Vec<EnvironmentSecret> = env
        .iter()
        .filter_map(|entry| {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            kind_of(name, value).map(|kind| EnvironmentSecret { name: name.to_owned(), kind: kind.to_owned() })
        })
        .collect();
    found.sort_by(|a, b| (&a.name, &a.kind).cmp(&(&b.name, &b.kind)));
    found.dedup();
    found
}

/// The kind of secret a variable holds, if it looks like one.
pub(super) fn kind_of(name: &str, value: &str) -> Option<&'static str> {
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    // The value is the better witness of the two.
    if let Some(kind) = kind_of_value(value) {
        return Some(kind);
    }
    if is_harmless_value(name, value) {
        return None;
    }
    kind_of_name(name)
}

fn kind_of_name(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> = upper.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    // The last word says what the value is: PASSWORD_MIN_LENGTH is a length, TOKEN_URL an address.
    let last = *words.last()?;
    const NOT_THE_SECRET: &[&str] = &[
        "FILE",
        "PATH",
        "DIR",
        "URL",
        "URI",
        "ENDPOINT",
        "HOST",
        "PORT",
        "LENGTH",
        "LEN",
        "SIZE",
        "MIN",
        "MAX",
        "POLICY",
        "TTL",
        "EXPIRY",
        "EXPIRES",
        "EXPIRATION",
        "LIFETIME",
        "TIMEOUT",
        "ENABLED",
        "ENABLE",
        "DISABLED",
        "REQUIRED",
        "ISSUER",
        "AUDIENCE",
        "TYPE",
        "NAME",
        "HEADER",
        "ALGORITHM",
        "ALGO",
        "ALG",
        "COST",
        "ROUNDS",
        "ITERATIONS",
        "HASHER",
        "PROVIDER",
        "MANAGER",
        "ENGINE",
        "REGION",
        "ARN",
        "ID",
        "COUNT",
        "LIMIT",
        "ENCRYPTION",
        "METHOD",
        "PREFIX",
        "VERSION",
        "MODE",
        "AUTH",
        "BACKEND",
        "STORE",
        "ROTATION",
        "AGE",
        "PLUGIN",
    ];
    if NOT_THE_SECRET.contains(&last) {
        return None;
    }
    let joined = words.join("_");
    let has = |w: &str| words.contains(&w);
    if has("PASSWORD")
        || has("PASSWD")
        || has("PASSPHRASE")
        || has("PASS")
        || has("PWD") && words.len() > 1 && !has("OLDPWD")
    {
        return Some("password");
    }
    // Names written without separators: PGPASSWORD, DBPASSWORD, MYSQL_PWD.
    if words.iter().any(|w| w.ends_with("PASSWORD") || w.ends_with("PASSWD")) {
        return Some("password");
    }
    if joined.contains("PRIVATE_KEY") || has("PRIVATEKEY") {
        return Some("private-key");
    }
    if joined.contains("API_KEY") || has("APIKEY") || joined.contains("ACCESS_KEY") || has("ACCESSKEY") {
        return Some("api-key");
    }
    if joined.contains("ENCRYPTION_KEY")
        || joined.contains("MASTER_KEY")
        || joined.contains("SIGNING_KEY")
        || joined.contains("SECRET_KEY")
    {
        return Some("secret-key");
    }
    if has("TOKEN") || words.iter().any(|w| w.ends_with("TOKEN") && w.len() > 5) {
        return Some("token");
    }
    if has("CREDENTIALS") || has("CREDENTIAL") {
        return Some("credential");
    }
    if words.iter().any(|w| *w == "SECRET" || *w == "SECRETS" || w.ends_with("SECRET")) {
        return Some("secret");
    }
    None
}

/// Values that cannot be a secret whatever the name says: a path of a mounted secret, a switch, a reference.
fn is_harmless_value(name: &str, value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let switch = matches!(lower.as_str(), "true" | "false" | "yes" | "no" | "on" | "off" | "none" | "null" | "0" | "1");
    let path =
        value.starts_with("/run/secrets/") || (value.starts_with('/') && name.to_ascii_uppercase().ends_with("_FILE"));
    let reference = value.starts_with("${")
        || value.starts_with("arn:aws:")
        || value.starts_with("vault:")
        || value.starts_with("file:/");
    switch || path || reference
}

fn kind_of_value(value: &str) -> Option<&'static str> {
    if value.contains("-----BEGIN ") && value.contains("PRIVATE KEY") {
        return Some("private-key");
    }
    for token in value
        .split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '=' | ':' | '@' | '/' | '(' | ')'))
    {
        if let Some(kind) = kind_of_token(token) {
            return Some(kind);
        }
    }
    if url_with_password(value) {
        return Some("connection-string");
    }
    let lower = value.to_ascii_lowercase();
    // Connection strings of the .NET and ODBC kind.
    if lower.contains(';')
        && lower.split(';').any(|part| {
            part.split_once('=').is_some_and(|(k, v)| {
                matches!(k.trim(), "password" | "pwd" | "accountkey" | "sharedaccesskey") && !v.trim().is_empty()
            })
        })
    {
        return Some("connection-string");
    }
    None
}

fn kind_of_token(token: &str) -> Option<&'static str> {
    let rest_is = |prefix: &str, least: usize| {
        token.strip_prefix(prefix).is_some_and(|r| {
            r.len() >= least && r.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        })
    };
    let aws = |prefix: &str| {
        token.len() == 20
            && token
                .strip_prefix(prefix)
                .is_some_and(|r| r.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
    };
    if aws("AKIA") || aws("ASIA") {
        return Some("aws-access-key");
    }
    if ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].iter().any(|p| rest_is(p, 30)) || rest_is("github_pat_", 40) {
        return Some("github-token");
    }
    if rest_is("glpat-", 18) {
        return Some("gitlab-token");
    }
    if ["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xapp-"].iter().any(|p| rest_is(p, 10)) {
        return Some("slack-token");
    }
    if rest_is("sk_live_", 16)
        || rest_is("rk_live_", 16)
        || rest_is("AIza", 35)
        || rest_is("SG", 60)
        || rest_is("npm_", 36)
    {
        return Some("api-key");
    }
    // Header and claims of a JSON Web Token both start with {" in base64.
    let mut parts = token.split('.');
    if let (Some(a), Some(b), Some(c), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        && a.starts_with("eyJ")
        && b.starts_with("eyJ")
        && a.len() > 10
        && c.len() > 10
    {
        return Some("jwt");
    }
    None
}

/// A URL of the form `scheme://user:password@host`, with a password that is not a placeholder.
pub(super) fn url_with_password(value: &str) -> bool {
    let mut rest = value;
    while let Some((_, after)) = rest.split_once("://") {
        let authority =
            after.split(|c: char| c == '/' || c.is_whitespace() || matches!(c, '"' | '\'')).next().unwrap_or_default();
        if let Some((userinfo, _)) = authority.rsplit_once('@')
            && let Some((_, password)) = userinfo.split_once(':')
            && !password.is_empty()
            && !password.starts_with('$')
            && !password.starts_with('<')
            && !password.bytes().all(|b| b == b'*')
        {
            return true;
        }
        rest = after;
    }
    false
}

/// Labels with the values that look like secrets hidden: people put tokens and password hashes there too.
pub(super) fn hide_in_labels(labels: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
    labels
        .into_iter()
        .map(|(name, value)| {
            let hide = !name.starts_with("phiward.") && kind_of(&name, &value).is_some();
            (name, if hide { "(hidden)".to_owned() } else { value })
        })
        .collect()
}

/// Secrets in the text of a build step: assignments (`ENV`, `ARG`, `export`) and bare values.
pub(super) fn in_build_step(text: &str) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    for word in text.split_whitespace() {
        let word = word.trim_matches(|c| matches!(c, '"' | '\'' | ';' | '(' | ')' | '|' | '&'));
        if let Some((name, value)) = word.split_once('=') {
            let name = name.trim_start_matches('-');
            let plain =
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
            let value = value.trim_matches(|c| matches!(c, '"' | '\''));
            // A shell's own variable is not the secret, and neither is a comparison.
            if plain && !value.starts_with('$') && !value.starts_with('=') {
                kinds.extend(kind_of(name, value));
            }
        }
    }
    kinds.extend(kind_of_value(text));
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_secret() {
        for (name, kind) in [
            ("POSTGRES_PASSWORD", "password"),
            ("PGPASSWORD", "password"),
            ("db.passwd", "password"),
            ("JWT_SECRET", "secret"),
            ("GITHUB_TOKEN", "token"),
            ("STRIPE_API_KEY", "api-key"),
            ("AWS_SECRET_ACCESS_KEY", "api-key"),
            ("TLS_PRIVATE_KEY", "private-key"),
            ("DJANGO_SECRET_KEY", "secret-key"),
        ] {
            assert_eq!(kind_of(name, "x8fK2p"), Some(kind), "{name}");
        }
    }

    #[test]
    fn names_that_only_speak_about_secrets() {
        for (name, value) in [
            ("POSTGRES_PASSWORD_FILE", "/run/secrets/db"),
            ("DB_PASSWORD", "/run/secrets/db"),
            ("PASSWORD_MIN_LENGTH", "12"),
            ("TOKEN_URL", "https://idp.example/token"),
            ("POSTGRES_PASSWORD", ""),
            ("USE_TOKEN", "true"),
            ("PWD", "/app"),
            ("KEYBOARD", "us"),
            ("SECRETARIAT", "x"),
            ("PATH", "/usr/bin"),
        ] {
            assert_eq!(kind_of(name, value), None, "{name}");
        }
    }

    #[test]
    fn values_give_themselves_away() {
        let pem = "-----BEGIN RSA PRIVATE KEY-----\nMII";
        let jwt = format!("Bearer {}", ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxIn0", "c2lnbmF0dXJlMTIz"].join("."));
        for (value, kind) in [
            (pem, "private-key"),
            (&format!("AKIA{}", "ABCDEFGHIJKLMNOP"), "aws-access-key"),
            ("postgres://app:hunter2@db:5432/x", "connection-string"),
            ("Server=db;User Id=sa;Password=hunter2;", "connection-string"),
            (&format!("ghp_{}", "a".repeat(36)), "github-token"),
            (&format!("xoxb-{}", "1234567890-abc"), "slack-token"),
            (&jwt, "jwt"),
        ] {
            assert_eq!(kind_of("SETTING", value), Some(kind));
        }
        assert_eq!(kind_of("SETTING", "postgres://app@db/x"), None);
        assert_eq!(kind_of("SETTING", "postgres://app:${PW}@db/x"), None);
        assert_eq!(kind_of("SETTING", "https://example.org:8080/a@b"), None);
    }

    #[test]
    fn values_are_never_kept() {
        let found = in_environment(&["A_PASSWORD=hunter2".into(), "NOEQUALS".into(), "B=1".into()]);
        assert_eq!(found, [EnvironmentSecret { name: "A_PASSWORD".into(), kind: "password".into() }]);
        assert!(!serde_json::to_string(&found).unwrap().contains("hunter2"));
    }

    #[test]
    fn build_steps() {
        assert_eq!(in_build_step("/bin/sh -c #(nop)  ENV DB_PASSWORD=hunter2"), ["password"]);
        assert_eq!(in_build_step("RUN export API_KEY=\"abc123\"; make"), ["api-key"]);
        assert_eq!(in_build_step("RUN mysql --password=hunter2 -e 'x'"), ["password"]);
        assert!(in_build_step("RUN test \"$TOKEN\" = x && curl --token=$TOKEN https://h").is_empty());
        assert!(in_build_step("RUN --mount=type=secret,id=npm npm ci").is_empty());
    }

    #[test]
    fn ten_thousand_variables() {
        let env: Vec<String> = (0..10_000).map(|i| format!("VAR_{i}=value{i}")).collect();
        assert!(in_environment(&env).is_empty());
    }
}
