//! Configuration: defaults, then `phiward.toml`, then `PHIWARD_*` variables, then flags.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

use crate::error::CliError;

/// Flags that every command takes.
#[derive(Args, Clone, Debug, Default)]
pub struct GlobalFlags {
    /// Configuration file [default: phiward.toml here, else in the data folder]
    #[arg(long, global = true, value_name = "FILE", env = "PHIWARD_CONFIG", help_heading = "Global options")]
    pub config: Option<PathBuf>,
    /// Folder that holds all state
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub data: Option<PathBuf>,
    /// Database URL: postgres://… in place of the embedded SQLite
    #[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
    pub database: Option<String>,
    /// Docker engine: unix://… or tcp://… [default: DOCKER_HOST, the current context, then the usual socket]
    #[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
    pub docker_host: Option<String>,
    /// Docker context to use
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub docker_context: Option<String>,
    /// Folder with checks of your own; one with a built-in's id takes its place
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub checks: Option<PathBuf>,
    /// Folder to read all content from, in place of the built-in content
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub content: Option<PathBuf>,
}

/// Everything that can be configured. Unknown keys in the file are refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder that holds all state.
    pub data: PathBuf,
    /// Database URL. Empty: SQLite in the data folder.
    pub database: String,
    /// Address of the dashboard. Loopback only, until sign-in and TLS exist.
    pub listen: SocketAddr,
    /// Shown at the top of the overview.
    pub title: String,
    /// Folder with checks of the user's own.
    pub checks: Option<PathBuf>,
    /// Folder in place of the built-in content.
    pub content: Option<PathBuf>,
    /// Minutes between whole readings of everything.
    pub reconcile_minutes: u32,
    /// Minutes a judgment counts as current; older ones lower the coverage.
    pub freshness_minutes: u32,
    pub docker: DockerConfig,
    pub host: HostConfig,
}

/// The Docker engine.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DockerConfig {
    /// `unix://…` or `tcp://…`. Empty: found as the Docker client finds it.
    pub host: String,
    /// Docker context. Empty: the current one.
    pub context: String,
    /// Look at Docker at all.
    pub enabled: bool,
}

/// The host phiward runs on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HostConfig {
    /// Look at the host at all.
    pub enabled: bool,
    /// Labels of the host: `"phiward.phi" = "yes"`, `"phiward.owner" = "platform team"`.
    pub labels: BTreeMap<String, String>,
}

impl Config {
    fn defaults() -> Self {
        Config {
            data: default_data_dir(),
            database: String::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 4472)),
            title: String::new(),
            checks: None,
            content: None,
            reconcile_minutes: 5,
            freshness_minutes: 60,
            docker: DockerConfig { enabled: true, ..DockerConfig::default() },
            host: HostConfig { enabled: true, labels: BTreeMap::new() },
        }
    }

    /// The configuration in force, and the layers it came from.
    pub fn load(flags: &GlobalFlags) -> Result<(Config, Figment), CliError> {
        let mut figment = Figment::from(Serialized::defaults(Config::defaults()));
        let file = config_file(flags)?;
        if let Some(path) = &file {
            figment = figment.merge(Toml::file_exact(path));
        }
        figment = figment.merge(environment());
        figment = figment.merge(flag_layer(flags));
        let config: Config = figment.extract().map_err(|errors| bad_config(errors, file.as_deref()))?;
        if config.reconcile_minutes == 0 || config.freshness_minutes == 0 {
            return Err(CliError::new("`reconcile_minutes` and `freshness_minutes` must be at least 1"));
        }
        Ok((config, figment))
    }

    /// The database to open.
    pub fn database_url(&self) -> String {
        if self.database.is_empty() {
            format!("sqlite://{}", self.data.join("phiward.db").display())
        } else {
            self.database.clone()
        }
    }
}

fn environment() -> Env {
    // `PHIWARD_DOCKER_HOST` is `docker.host`, `PHIWARD_RECONCILE_MINUTES` is `reconcile_minutes`.
    Env::prefixed("PHIWARD_")
        .filter(|key| {
            let key = key.as_str().to_ascii_lowercase();
            key != "config" && key != "log" && !key.starts_with("test_")
        })
        .map(|key| {
            let key = key.as_str().to_ascii_lowercase();
            for section in ["docker", "host"] {
                if let Some(rest) = key.strip_prefix(section).and_then(|r| r.strip_prefix('_')) {
                    return format!("{section}.{rest}").into();
                }
            }
            key.into()
        })
}

#[derive(Serialize, Default)]
struct FlagLayer<'f> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'f Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<&'f Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'f Path>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    docker: BTreeMap<&'static str, &'f str>,
}

fn flag_layer(flags: &GlobalFlags) -> Serialized<FlagLayer<'_>> {
    let mut docker = BTreeMap::new();
    // What the command line names stands alone: a context here is not overruled by an address in the file.
    if flags.docker_host.is_some() || flags.docker_context.is_some() {
        docker.insert("host", flags.docker_host.as_deref().unwrap_or_default());
        docker.insert("context", flags.docker_context.as_deref().unwrap_or_default());
    }
    let layer = FlagLayer {
        data: flags.data.as_deref(),
        database: flags.database.as_deref(),
        checks: flags.checks.as_deref(),
        content: flags.content.as_deref(),
        docker,
    };
    Serialized::defaults(layer)
}

/// The file to read: the one named, else `phiward.toml` here, else in the data folder. None is fine.
fn config_file(flags: &GlobalFlags) -> Result<Option<PathBuf>, CliError> {
    if let Some(path) = &flags.config {
        if !path.is_file() {
            return Err(CliError::new(format!("the configuration file {} does not exist", path.display()))
                .help("leave out --config to run with the defaults, or write it after docs/guide/configuration.md"));
        }
        return Ok(Some(path.clone()));
    }
    let data = flags.data.clone().or_else(|| std::env::var_os("PHIWARD_DATA").map(PathBuf::from));
    let candidates = [PathBuf::from("phiward.toml"), data.unwrap_or_else(default_data_dir).join("phiward.toml")];
    Ok(candidates.into_iter().find(|p| p.is_file()))
}

fn bad_config(errors: figment::Error, file: Option<&Path>) -> CliError {
    let lines: Vec<String> = errors
        .into_iter()
        .map(|error| {
            let key = error.path.join(".");
            let source = error.metadata.as_ref().map(|m| origin(m, &key)).unwrap_or_default();
            let at = if key.is_empty() { String::new() } else { format!(" for `{key}`") };
            let from = if source.is_empty() { String::new() } else { format!(" in {source}") };
            format!("bad configuration{at}{from}: {}", without_values(&error.kind.to_string()))
        })
        .collect();
    let error = CliError::new(lines.join("\n"))
        .help("`phiward config show` prints every key with its value and where it came from");
    match file {
        Some(path) => error.help(format!("the file read was {}", path.display())),
        None => error,
    }
}

/// An error of the parser without the line of the file it quotes, and with what is left of URLs redacted: either may
/// hold the password of the database.
fn without_values(said: &str) -> String {
    let quotes = |line: &&str| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with('|');
    let kept: Vec<&str> = said.lines().filter(|line| !quotes(line) && !line.trim().is_empty()).collect();
    kept.join(": ").split('"').map(redact_url).collect::<Vec<_>>().join("\"")
}

/// Where a value came from, in words.
pub fn origin(metadata: &figment::Metadata, key: &str) -> String {
    if let Some(source) = &metadata.source {
        if let Some(path) = source.file_path() {
            return path.display().to_string();
        }
        if metadata.name.contains("Config") {
            return "default".to_owned();
        }
    }
    if metadata.name.contains("environment") {
        return format!("PHIWARD_{}", key.replace('.', "_").to_ascii_uppercase());
    }
    if metadata.name.contains("command line") || metadata.name.contains("FlagLayer") {
        return "command line".to_owned();
    }
    "default".to_owned()
}

/// `/var/lib/phiward` for root, else `$XDG_DATA_HOME/phiward` or `~/.local/share/phiward`.
fn default_data_dir() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/phiward");
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|h| h.join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("."))
        .join("phiward")
}

/// A URL without what may be secret in it: user and password, and parameters.
pub fn redact_url(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        // `user:password@host` with its scheme forgotten or misspelt.
        return match text.rsplit_once('@') {
            Some((user, host)) if user.contains(':') && !text.contains(char::is_whitespace) => format!("***@{host}"),
            _ => text.to_owned(),
        };
    };
    let (rest, parameters) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?***"));
    // The last @ ends the user and password, whatever unescaped characters they hold.
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{parameters}"),
        None => format!("{scheme}://{rest}{parameters}"),
    }
}

#[cfg(test)]
mod hostile;

#[cfg(test)]
mod tests {
    use super::redact_url;

    #[test]
    fn no_part_of_a_url_that_may_be_secret_is_shown() {
        for url in [
            "postgres://u:hunter2@h/x",
            "postgres://u:a/hunter2@h/x",
            "postgres://u@h/x?password=hunter2",
            "postgres://hunter2:p@h@h/x",
        ] {
            let shown = redact_url(url);
            assert!(!shown.contains("hunter2") && shown.contains("h/x"), "{shown}");
        }
        assert_eq!(redact_url("unix:///var/run/docker.sock"), "unix:///var/run/docker.sock");
        assert_eq!(redact_url("sqlite:///a/b.db"), "sqlite:///a/b.db");
    }
}
