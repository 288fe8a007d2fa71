//! Finds the engine and opens a connection to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bollard::{ClientVersion, Docker};
use sha2::{Digest, Sha256};

/// Seconds until an unanswered request is given up.
const REQUEST_TIMEOUT: u64 = 30;
/// The oldest interface this collector understands: engine 18.09.
const OLDEST_API: ClientVersion = ClientVersion { major_version: 1, minor_version: 39 };

/// Where to look for an engine. Everything left out is looked for as the `docker` command does.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// Address given by flag or configuration: `unix:///var/run/docker.sock`, `tcp://host:2376`.
    pub host: Option<String>,
    /// Name of a Docker context given by flag or configuration.
    pub context: Option<String>,
    /// Environment variables that count: `DOCKER_HOST`, `DOCKER_CONTEXT`, `DOCKER_TLS_VERIFY`, `DOCKER_CERT_PATH`,
    /// `DOCKER_CONFIG`, `XDG_RUNTIME_DIR`, `HOME`.
    pub env: BTreeMap<String, String>,
    /// Directory of `config.json` and `contexts/`; `$DOCKER_CONFIG` or `~/.docker` when left out.
    pub docker_config_dir: Option<PathBuf>,
}

impl ConnectOptions {
    /// Options with this process's environment and no explicit host.
    pub fn from_env() -> Self {
        const NAMES: [&str; 7] = [
            "DOCKER_HOST",
            "DOCKER_CONTEXT",
            "DOCKER_TLS_VERIFY",
            "DOCKER_CERT_PATH",
            "DOCKER_CONFIG",
            "XDG_RUNTIME_DIR",
            "HOME",
        ];
        let env = NAMES.iter().filter_map(|n| std::env::var(n).ok().map(|v| ((*n).to_owned(), v))).collect();
        Self { env, ..Self::default() }
    }

    fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    fn config_dir(&self) -> Option<PathBuf> {
        self.docker_config_dir
            .clone()
            .or_else(|| self.var("DOCKER_CONFIG").map(PathBuf::from))
            .or_else(|| self.var("HOME").map(|h| Path::new(h).join(".docker")))
    }
}

/// An engine's address and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Without credentials: `unix:///var/run/docker.sock`.
    pub address: String,
    pub transport: Transport,
    /// What named it: `--docker-host`, `DOCKER_HOST`, `context NAME`, `default`.
    pub chosen_by: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    Unix(PathBuf),
    /// Host and port, in plain text.
    Tcp(String),
    /// Host and port, with the server verified and a client certificate shown.
    Tls {
        address: String,
        ca: PathBuf,
        cert: PathBuf,
        key: PathBuf,
    },
}

/// Why no engine could be reached.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConnectError {
    #[error("no Docker engine was found: none of {} exists", .tried.join(", "))]
    NoEngine { tried: Vec<String> },
    #[error("no permission to use the Docker engine's socket {path}")]
    Permission { path: String },
    #[error("the Docker engine's socket {path} does not exist")]
    NoSocket { path: String },
    #[error("the Docker engine at {address} refused the connection")]
    Refused { address: String },
    #[error("the Docker engine at {address} could not be reached: {why}")]
    Unreachable { address: String, why: String },
    #[error("TLS to the Docker engine at {address} failed: {why}")]
    Tls { address: String, why: String },
    #[error("the address {address} uses ssh, which phiward does not open by itself")]
    Ssh { address: String },
    #[error("the engine address {address} cannot be used: {why}")]
    BadAddress { address: String, why: String },
    #[error("the Docker context {name} cannot be used: {why}")]
    Context { name: String, why: String },
    #[error("what answers at {address} does not speak a Docker API that phiward knows: {why}")]
    NotAnEngine { address: String, why: String },
}

impl ConnectError {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::NoEngine { .. } => "Install Docker or start it (systemctl start docker), or name the engine with --docker-host or DOCKER_HOST.".into(),
            Self::Permission { path } => format!(
                "Run phiward as root, or add its user to the group that owns {path} (usermod -aG docker USER, then log in again). \
                 Whoever may use this socket is as powerful as root on this host."
            ),
            Self::NoSocket { .. } => "Start the engine (systemctl start docker), or correct the address in --docker-host, DOCKER_HOST or the context.".into(),
            Self::Refused { address } if address.starts_with("unix:") => {
                "The socket is there but nobody listens: start the engine (systemctl start docker) and look at its log (journalctl -u docker).".into()
            }
            Self::Refused { .. } => "Check that the engine listens on this address and port, and that no firewall rejects it.".into(),
            Self::Unreachable { .. } => "Check the name, the port and the route to the engine, then try `docker version` with the same address.".into(),
            Self::Tls { .. } => "Check that ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH (or the context) belong to this engine and have not expired, \
                 and that the address is a name in the engine's certificate."
                .into(),
            Self::Ssh { address } => format!(
                "Run phiward on that host, or forward its socket first: ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock {}, \
                 then --docker-host unix:///tmp/engine.sock.",
                address.trim_start_matches("ssh://")
            ),
            Self::BadAddress { .. } => "Write unix:///PATH or tcp://HOST:PORT.".into(),
            Self::Context { .. } => "List the contexts with `docker context ls`, then name one of them with --docker-context, or use --docker-host.".into(),
            Self::NotAnEngine { .. } => "phiward needs engine 18.09 (API 1.39) or newer. Check that the address is that of a Docker engine.".into(),
        }
    }
}

/// Decides which engine to use: explicit host, explicit context, `DOCKER_HOST`, `DOCKER_CONTEXT`, the current context of
/// `config.json`, the system's socket, the rootless socket.
///
/// # Errors
/// When what was named cannot be used, or nothing was named and no socket exists.
pub fn discover(options: &ConnectOptions) -> Result<Endpoint, ConnectError> {
    discover_among(options, Path::new("/var/run/docker.sock"))
}

pub(super) fn discover_among(options: &ConnectOptions, system_socket: &Path) -> Result<Endpoint, ConnectError> {
    if let Some(host) = options.host.as_deref().filter(|h| !h.is_empty()) {
        return parse_address(host, options, "--host");
    }
    if let Some(name) = options.context.as_deref().filter(|n| !n.is_empty() && *n != "default") {
        return context(name, options);
    }
    if options.context.is_none() {
        if let Some(host) = options.var("DOCKER_HOST") {
            return parse_address(host, options, "DOCKER_HOST");
        }
        if let Some(name) = options.var("DOCKER_CONTEXT").map(str::to_owned).or_else(|| current_context(options))
            && name != "default"
        {
            return context(&name, options);
        }
    }
    let mut candidates = vec![system_socket.to_owned()];
    candidates.extend(options.var("XDG_RUNTIME_DIR").map(|d| Path::new(d).join("docker.sock")));
    for path in &candidates {
        // A socket in a directory that may not be entered exists for all we know: connecting will tell.
        if !matches!(path.try_exists(), Ok(false)) {
            return Ok(unix(path, "default"));
        }
    }
    Err(ConnectError::NoEngine { tried: candidates.iter().map(|p| p.display().to_string()).collect() })
}

fn unix(path: &Path, chosen_by: &str) -> Endpoint {
    Endpoint {
        address: format!("unix://{}", path.display()),
        transport: Transport::Unix(path.to_owned()),
        chosen_by: chosen_by.to_owned(),
    }
}

fn parse_address(host: &str, options: &ConnectOptions, chosen_by: &str) -> Result<Endpoint, ConnectError> {
    let tls = if options.var("DOCKER_TLS_VERIFY").is_some() {
        let Some(dir) = options.var("DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| options.config_dir()) else {
            return Err(ConnectError::Tls {
                address: without_credentials(host),
                why: "DOCKER_TLS_VERIFY is set but DOCKER_CERT_PATH is not".into(),
            });
        };
        Some(dir)
    } else {
        None
    };
    address(host, tls.as_deref(), chosen_by)
}

/// `certs` is the directory of the client's certificates where TLS is asked for.
fn address(host: &str, certs: Option<&Path>, chosen_by: &str) -> Result<Endpoint, ConnectError> {
    let bad = |why: &str| ConnectError::BadAddress { address: without_credentials(host), why: why.to_owned() };
    if let Some(path) = host.strip_prefix("unix://") {
        if !path.starts_with('/') {
            return Err(bad("the path of a socket must be absolute"));
        }
        return Ok(unix(Path::new(path), chosen_by));
    }
    if host.starts_with("ssh://") {
        return Err(ConnectError::Ssh { address: without_credentials(host) });
    }
    let (rest, https) = match host.split_once("://") {
        Some(("tcp" | "http", rest)) => (rest, false),
        Some(("https", rest)) => (rest, true),
        Some(("npipe", _)) => return Err(bad("named pipes exist on Windows only")),
        Some(_) => return Err(bad("its scheme is none of unix, tcp, http, https and ssh")),
        None if host.starts_with('/') => return Ok(unix(Path::new(host), chosen_by)),
        None => (host, false),
    };
    let rest = rest.rsplit_once('@').map_or(rest, |(_, r)| r).trim_end_matches('/');
    // What else may stand in a name ends up in the client's own requests.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '%');
    if rest.is_empty() || !rest.chars().all(plain) {
        return Err(bad("it is not of the form tcp://HOST:PORT"));
    }
    let has_port = rest
        .rsplit_once(':')
        .is_some_and(|(name, port)| port.parse::<u16>().is_ok() && (!name.contains(':') || name.ends_with(']')));
    if https && certs.is_none() {
        return Err(ConnectError::Tls {
            address: without_credentials(host),
            why: "no client certificates were named (DOCKER_TLS_VERIFY and DOCKER_CERT_PATH)".into(),
        });
    }
    let at = if has_port { rest.to_owned() } else { format!("{rest}:{}", if certs.is_some() { 2376 } else { 2375 }) };
    let transport = match certs {
        None => Transport::Tcp(at.clone()),
        Some(dir) => {
            let file = |name: &str| -> Result<PathBuf, ConnectError> {
                let path = dir.join(name);
                match std::fs::File::open(&path) {
                    Ok(_) => Ok(path),
                    Err(e) => Err(ConnectError::Tls {
                        address: format!("tcp://{at}"),
                        why: format!("{} cannot be read: {e}", path.display()),
                    }),
                }
            };
            Transport::Tls { address: at.clone(), ca: file("ca.pem")?, cert: file("cert.pem")?, key: file("key.pem")? }
        }
    };
    Ok(Endpoint { address: format!("tcp://{at}"), transport, chosen_by: chosen_by.to_owned() })
}

fn without_credentials(host: &str) -> String {
    let Some((before, rest)) = host.rsplit_once('@') else { return host.to_owned() };
    match before.split_once("://") {
        // The user of an ssh address is part of where to go, a password never is.
        Some(("ssh", user)) => format!("ssh://{}@{rest}", user.split(':').next().unwrap_or_default()),
        Some((scheme, _)) if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => format!("{scheme}://{rest}"),
        _ => rest.to_owned(),
    }
}

fn current_context(options: &ConnectOptions) -> Option<String> {
    let text = std::fs::read(options.config_dir()?.join("config.json")).ok()?;
    let config: serde_json::Value = serde_json::from_slice(&text).ok()?;
    config.get("currentContext")?.as_str().filter(|n| !n.is_empty()).map(str::to_owned)
}

fn context(name: &str, options: &ConnectOptions) -> Result<Endpoint, ConnectError> {
    let fail = |why: String| ConnectError::Context { name: name.to_owned(), why };
    let dir = options.config_dir().ok_or_else(|| fail("neither DOCKER_CONFIG nor HOME is set".into()))?;
    let digest: String = Sha256::digest(name.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    let meta = dir.join("contexts/meta").join(&digest).join("meta.json");
    let text = std::fs::read(&meta).map_err(|e| fail(format!("{}: {e}", meta.display())))?;
    let meta: serde_json::Value =
        serde_json::from_slice(&text).map_err(|e| fail(format!("{}: {e}", meta.display())))?;
    let docker = meta.pointer("/Endpoints/docker").ok_or_else(|| fail("it has no Docker endpoint".into()))?;
    let host = docker.get("Host").and_then(|h| h.as_str()).ok_or_else(|| fail("it has no Docker host".into()))?;
    let certs = dir.join("contexts/tls").join(&digest).join("docker");
    let tls = certs.is_dir();
    if tls && docker.get("SkipTLSVerify").and_then(serde_json::Value::as_bool) == Some(true) {
        return Err(fail("it asks not to verify the engine's certificate, which phiward does not do".into()));
    }
    address(host, tls.then_some(certs.as_path()), &format!("context {name}"))
}

/// How long an engine may take for its first answer.
const FIRST_ANSWER: std::time::Duration = std::time::Duration::from_secs(8);

/// Opens a client, checks that an engine answers, and agrees on an API version.
pub(super) async fn open(endpoint: &Endpoint) -> Result<Docker, ConnectError> {
    if let Transport::Unix(path) = &endpoint.transport {
        reach_socket(path)?;
    }
    let docker = client(endpoint, bollard::API_DEFAULT_VERSION)?;
    // An engine answers this at once, or it hangs: nobody should wait for the full time limit of a request.
    let answer = tokio::time::timeout(FIRST_ANSWER, docker.version()).await.map_err(|_| ConnectError::Unreachable {
        address: endpoint.address.clone(),
        why: format!("it accepts connections and gives no answer within {} s", FIRST_ANSWER.as_secs()),
    })?;
    match answer {
        Ok(_) => docker.negotiate_version().await.map_err(|e| translate(endpoint, &e)),
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 400, message }) => {
            let version = newest_supported(&message)
                .ok_or_else(|| ConnectError::NotAnEngine { address: endpoint.address.clone(), why: message.clone() })?;
            if version < OLDEST_API {
                return Err(ConnectError::NotAnEngine { address: endpoint.address.clone(), why: message });
            }
            let docker = client(endpoint, &version)?;
            docker.version().await.map_err(|e| translate(endpoint, &e))?;
            Ok(docker)
        }
        Err(e) => Err(translate(endpoint, &e)),
    }
}

/// An engine older than the client names in its refusal the newest version that it speaks.
pub(super) fn newest_supported(message: &str) -> Option<ClientVersion> {
    let (_, rest) = message.rsplit_once("API version is ")?;
    let (major, rest) = rest.trim().split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(ClientVersion { major_version: major.parse().ok()?, minor_version: minor.parse().ok()? })
}

fn client(endpoint: &Endpoint, version: &ClientVersion) -> Result<Docker, ConnectError> {
    let result = match &endpoint.transport {
        Transport::Unix(path) => Docker::connect_with_unix(&path.to_string_lossy(), REQUEST_TIMEOUT, version),
        Transport::Tcp(at) => Docker::connect_with_http(&format!("tcp://{at}"), REQUEST_TIMEOUT, version),
        Transport::Tls { address, ca, cert, key } => {
            Docker::connect_with_ssl(&format!("tcp://{address}"), key, cert, ca, REQUEST_TIMEOUT, version)
        }
    };
    result.map_err(|e| translate(endpoint, &e))
}

/// Tells apart what a person must mend: the HTTP client's own errors say only "connect error".
fn reach_socket(path: &Path) -> Result<(), ConnectError> {
    let shown = path.display().to_string();
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Ok(()),
        Err(e) => Err(match e.kind() {
            std::io::ErrorKind::NotFound => ConnectError::NoSocket { path: shown },
            std::io::ErrorKind::PermissionDenied => ConnectError::Permission { path: shown },
            std::io::ErrorKind::ConnectionRefused => ConnectError::Refused { address: format!("unix://{shown}") },
            _ => ConnectError::Unreachable { address: format!("unix://{shown}"), why: e.to_string() },
        }),
    }
}

fn translate(endpoint: &Endpoint, error: &bollard::errors::Error) -> ConnectError {
    let address = endpoint.address.clone();
    let mut chain = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(e) = source {
        if let Some(io) = e.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return ConnectError::Refused { address };
        }
        chain.push(e.to_string());
        source = e.source();
    }
    let why = chain.join(": ");
    let lower = why.to_ascii_lowercase();
    if let Transport::Tls { .. } = endpoint.transport
        && ["certificate", "tls", "handshake", "cert"].iter().any(|w| lower.contains(w))
    {
        return ConnectError::Tls { address, why };
    }
    match error {
        bollard::errors::Error::DockerResponseServerError { .. }
        | bollard::errors::Error::JsonDataError { .. }
        | bollard::errors::Error::JsonSerdeError { .. }
        | bollard::errors::Error::APIVersionParseError { .. } => ConnectError::NotAnEngine { address, why },
        _ => ConnectError::Unreachable { address, why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(env: &[(&str, &str)]) -> ConnectOptions {
        ConnectOptions {
            env: env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            ..ConnectOptions::default()
        }
    }

    fn temp(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("phiward-connect-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn explicit_host_wins_over_the_environment() {
        let mut o = options(&[("DOCKER_HOST", "tcp://other:2375")]);
        o.host = Some("unix:///a/b.sock".into());
        let e = discover(&o).unwrap();
        assert_eq!((e.address.as_str(), e.chosen_by.as_str()), ("unix:///a/b.sock", "--host"));
        o.host = None;
        assert_eq!(discover(&o).unwrap().transport, Transport::Tcp("other:2375".into()));
    }

    #[test]
    fn addresses() {
        let at = |host: &str| address(host, None, "t").map(|e| e.address);
        assert_eq!(at("tcp://10.0.0.1").unwrap(), "tcp://10.0.0.1:2375");
        assert_eq!(at("tcp://[::1]").unwrap(), "tcp://[::1]:2375");
        assert_eq!(at("tcp://[::1]:99").unwrap(), "tcp://[::1]:99");
        assert_eq!(at("tcp://me:secret@h:1").unwrap(), "tcp://h:1");
        assert!(matches!(at("unix://relative"), Err(ConnectError::BadAddress { .. })));
        assert!(matches!(at("gopher://x"), Err(ConnectError::BadAddress { .. })));
        let ssh = at("ssh://me:secret@host").unwrap_err();
        assert!(!ssh.to_string().contains("secret") && ssh.help().contains("me@host"));
    }

    #[test]
    fn tls_is_asked_for_by_the_environment_and_needs_its_files() {
        let dir = temp("tls");
        let o = options(&[
            ("DOCKER_HOST", "tcp://h:2376"),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", dir.to_str().unwrap()),
        ]);
        assert!(matches!(discover(&o), Err(ConnectError::Tls { why, .. }) if why.contains("ca.pem")));
        for f in ["ca.pem", "cert.pem", "key.pem"] {
            std::fs::write(dir.join(f), "").unwrap();
        }
        assert!(matches!(discover(&o).unwrap().transport, Transport::Tls { .. }));
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn current_context_names_the_engine() {
        let dir = temp("context");
        let digest: String = Sha256::digest(b"prod").iter().map(|b| format!("{b:02x}")).collect();
        let meta = dir.join("contexts/meta").join(&digest);
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(
            meta.join("meta.json"),
            r#"{"Name":"prod","Endpoints":{"docker":{"Host":"unix:///x.sock","SkipTLSVerify":false}}}"#,
        )
        .unwrap();
        std::fs::write(dir.join("config.json"), r#"{"currentContext":"prod"}"#).unwrap();
        let mut o = options(&[]);
        o.docker_config_dir = Some(dir.clone());
        assert_eq!(discover(&o).unwrap().chosen_by, "context prod");
        o.context = Some("nope".into());
        assert!(matches!(discover(&o), Err(ConnectError::Context { .. })));
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn default_sockets_in_order() {
        let dir = temp("default");
        let o = options(&[("XDG_RUNTIME_DIR", dir.to_str().unwrap())]);
        let system = dir.join("system.sock");
        assert!(matches!(discover_among(&o, &system), Err(ConnectError::NoEngine { tried }) if tried.len() == 2));
        std::fs::write(dir.join("docker.sock"), "").unwrap();
        assert!(discover_among(&o, &system).unwrap().address.ends_with("/docker.sock"));
        std::fs::write(&system, "").unwrap();
        assert!(discover_among(&o, &system).unwrap().address.ends_with("/system.sock"));
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn an_older_engine_names_its_version() {
        let v = newest_supported("client version 1.53 is too new. Maximum supported API version is 1.41").unwrap();
        assert_eq!((v.major_version, v.minor_version), (1, 41));
        assert!(newest_supported("nonsense").is_none());
    }

    #[test]
    fn socket_errors_say_what_to_do() {
        let dir = temp("socket");
        let path = dir.join("s");
        assert!(matches!(reach_socket(&path), Err(ConnectError::NoSocket { .. })));
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let e = reach_socket(&path).unwrap_err();
        assert!(matches!(e, ConnectError::Refused { .. }) && e.help().contains("start the engine"));
        assert!(ConnectError::Permission { path: "/s".into() }.help().contains("root"));
        std::fs::remove_dir_all(dir).unwrap();
    }
}
