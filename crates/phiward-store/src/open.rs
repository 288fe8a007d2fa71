//! Opening the database: its file or its URL, its settings, and its schema brought up to date.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, Connection};

use crate::dialect::Dialect;
use crate::sql::int;
use crate::{Inner, Store, StoreError};

/// The scripts that make the schema, oldest first; the version of a schema is how many were applied. Scripts that
/// were released are never edited.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001.sql")];

const CONNECT: Duration = Duration::from_secs(15);
/// Connections that read an SQLite file at the same time.
const READERS: u32 = 4;
/// Connections to PostgreSQL that write, which they do in turns, and that read. Kept apart so that writers waiting for
/// each other leave readers alone.
const POSTGRES_WRITERS: u32 = 2;
const POSTGRES_READERS: u32 = 6;

/// Parameters of a PostgreSQL URL that are passed on. Others are refused: a misspelled one would be logged with its
/// value.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// A URL taken apart: what to connect to, what may be shown, and what must not be.
struct Target {
    dialect: Dialect,
    options: AnyConnectOptions,
    shown: String,
    secrets: Vec<String>,
    memory: bool,
}

impl Target {
    fn refuse(&self, why: impl ToString) -> StoreError {
        let mut why = why.to_string();
        for secret in &self.secrets {
            why = why.replace(secret.as_str(), "***");
        }
        StoreError::Open { url: self.shown.clone(), why }
    }
}

impl Store {
    /// Opens `sqlite://PATH`, `sqlite::memory:` or `postgres://…` and brings its schema up to date. `freshness` is how
    /// long a judgment counts as current.
    ///
    /// # Errors
    /// `Open` when the database cannot be reached or is not one; `Newer` when a later phiward made it. Neither holds
    /// the URL's password.
    pub async fn open(url: &str, freshness: Duration) -> Result<Store, StoreError> {
        sqlx::any::install_default_drivers();
        let target = match url.strip_prefix("sqlite:") {
            Some(rest) => sqlite(rest.strip_prefix("//").unwrap_or(rest))?,
            None if url.starts_with("postgres://") || url.starts_with("postgresql://") => postgres(url)?,
            None => {
                return Err(StoreError::Open {
                    url: url.split(':').next().unwrap_or_default().chars().take(20).collect(),
                    why: "the URL must begin with sqlite:// or postgres://".to_owned(),
                });
            }
        };

        // A connection made by hand tells why it failed; a pool would only say that it waited too long.
        let mut first = tokio::time::timeout(CONNECT, AnyConnection::connect_with(&target.options))
            .await
            .map_err(|_| {
                target.refuse(format!("no answer within {} seconds; is it running and reachable?", CONNECT.as_secs()))
            })?
            .map_err(|error| target.refuse(hint(&target, &error)))?;
        let pools = if target.memory {
            // Every connection to memory has a database of its own, so there is one that does all.
            first.close().await.map_err(|error| target.refuse(error))?;
            let pool = pool(&target, 1, target.dialect.writer_settings()).await?;
            let mut conn = pool.acquire().await.map_err(|error| target.refuse(error))?;
            migrate(&mut conn, &target).await?;
            (pool.clone(), pool)
        } else {
            settings(&mut first, target.dialect.writer_settings())
                .await
                .map_err(|error| target.refuse(hint(&target, &error)))?;
            migrate(&mut first, &target).await?;
            first.close().await.map_err(|error| target.refuse(error))?;
            let (writers, readers) = match target.dialect {
                Dialect::Sqlite => (1, READERS),
                Dialect::Postgres => (POSTGRES_WRITERS, POSTGRES_READERS),
            };
            (
                pool(&target, writers, target.dialect.writer_settings()).await?,
                pool(&target, readers, target.dialect.reader_settings()).await?,
            )
        };
        let (write, read) = pools;
        Ok(Store {
            inner: Arc::new(Inner {
                dialect: target.dialect,
                write,
                read,
                freshness,
                shown: target.shown,
                writes: Default::default(),
                posture: Default::default(),
                counts: Default::default(),
                map: Default::default(),
            }),
        })
    }
}

fn hint(target: &Target, error: &sqlx::Error) -> String {
    match (target.dialect, error) {
        (Dialect::Postgres, sqlx::Error::Io(error)) => {
            format!("{error}; is PostgreSQL running there, and is the address right?")
        }
        _ => error.to_string(),
    }
}

async fn pool(target: &Target, size: u32, setup: Option<&'static str>) -> Result<sqlx::AnyPool, StoreError> {
    let mut options = AnyPoolOptions::new().max_connections(size).acquire_timeout(Duration::from_secs(30));
    if target.dialect == Dialect::Sqlite {
        // A file does not hang up, and a database in memory ends with its connection.
        options = options.min_connections(1).max_lifetime(None).idle_timeout(None).test_before_acquire(false);
    }
    options
        .after_connect(move |conn, _| Box::pin(async move { settings(conn, setup).await }))
        .connect_with(target.options.clone())
        .await
        .map_err(|error| target.refuse(error))
}

async fn settings(conn: &mut AnyConnection, setup: Option<&'static str>) -> Result<(), sqlx::Error> {
    if let Some(setup) = setup {
        sqlx::raw_sql(setup).execute(conn).await?;
    }
    Ok(())
}

/// Applies the scripts the database has not seen, each in a transaction of its own, one process at a time.
async fn migrate(conn: &mut AnyConnection, target: &Target) -> Result<(), StoreError> {
    let known = MIGRATIONS.len();
    loop {
        let mut tx =
            conn.begin_with(target.dialect.begin_write()).await.map_err(|error| target.refuse(hint(target, &error)))?;
        let step = async {
            if let Some(lock) = target.dialect.write_lock() {
                sqlx::query(lock).execute(&mut *tx).await?;
            }
            let tables = int(&sqlx::query(target.dialect.has_schema()).fetch_one(&mut *tx).await?, 0)?;
            let version = match tables {
                0 => 0,
                _ => {
                    let row = sqlx::query("SELECT coalesce(max(version), 0) FROM schema_version");
                    int(&row.fetch_one(&mut *tx).await?, 0)?
                }
            };
            let next = usize::try_from(version).ok().and_then(|done| MIGRATIONS.get(done));
            if let Some(script) = next {
                sqlx::raw_sql(AssertSqlSafe(target.dialect.script(script))).execute(&mut *tx).await?;
                sqlx::query("DELETE FROM schema_version").execute(&mut *tx).await?;
                sqlx::query("INSERT INTO schema_version (version) VALUES ($1)")
                    .bind(version + 1)
                    .execute(&mut *tx)
                    .await?;
            }
            Ok::<_, sqlx::Error>((version, next.is_some()))
        };
        let (version, applied) = step.await.map_err(|error| target.refuse(hint(target, &error)))?;
        if applied {
            tx.commit().await.map_err(|error| target.refuse(error))?;
            tracing::info!(version = version + 1, database = target.shown, "database schema brought up to date");
            continue;
        }
        tx.rollback().await.map_err(|error| target.refuse(error))?;
        let known = i64::try_from(known).unwrap_or(i64::MAX);
        if version > known {
            return Err(StoreError::Newer { url: target.shown.clone(), found: version, known });
        }
        return Ok(());
    }
}

/// A path, or `:memory:`. The file and its folder are made when missing, readable by their owner alone.
fn sqlite(path: &str) -> Result<Target, StoreError> {
    if path == ":memory:" {
        return Ok(Target {
            dialect: Dialect::Sqlite,
            options: options("sqlite::memory:", "sqlite::memory:")?,
            shown: "sqlite::memory:".to_owned(),
            secrets: Vec::new(),
            memory: true,
        });
    }
    let shown = format!("sqlite://{path}");
    let refuse = |why: String| StoreError::Open { url: shown.clone(), why };
    if path.is_empty() {
        return Err(refuse("it names no file; write sqlite:///path/to/phiward.db".to_owned()));
    }
    if path.contains('?') {
        return Err(refuse("parameters are not taken here; a `?` in a path is written %3F".to_owned()));
    }
    let file = prepare(&PathBuf::from(decode(path))).map_err(&refuse)?;
    let url = format!("sqlite://{}?mode=rw", encode(&file));
    Ok(Target { dialect: Dialect::Sqlite, options: options(&url, &shown)?, shown, secrets: Vec::new(), memory: false })
}

/// Makes folder and file; gives the file's absolute path.
fn prepare(file: &Path) -> Result<String, String> {
    let file = std::path::absolute(file).map_err(|error| error.to_string())?;
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Err("it names no file".to_owned());
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| format!("the folder {} cannot be made: {error}", folder.display()))?;
    let file = folder
        .canonicalize()
        .map_err(|error| format!("the folder {} cannot be read: {error}", folder.display()))?
        .join(name);
    if file.is_dir() {
        return Err("it is a folder; name a file in it".to_owned());
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(format!("the file cannot be made: {error}; is the folder writable?")),
    }
    file.into_os_string().into_string().map_err(|_| "its path is not UTF-8".to_owned())
}

/// A PostgreSQL URL, with its password kept out of everything shown.
fn postgres(url: &str) -> Result<Target, StoreError> {
    let unread = "postgres://…";
    let mut shown = options(url, unread)?.database_url;
    let refuse = |shown: &str, why: String| Err(StoreError::Open { url: shown.to_owned(), why });
    let mut secrets = Vec::new();
    if let Some(password) = shown.password().map(str::to_owned) {
        secrets.push(decode(&password));
        secrets.push(password);
        if shown.set_password(Some("***")).is_err() {
            return refuse(unread, "the URL has a password but no host".to_owned());
        }
    }
    let mut stray = None;
    for (name, value) in shown.query_pairs() {
        if name == "password" {
            secrets.push(value.into_owned());
        } else if !PARAMETERS.contains(&name.as_ref()) && !name.starts_with("options[") {
            stray = Some(name.chars().filter(|c| !c.is_control()).take(40).collect::<String>());
        }
    }
    // Parameters may hold a password, also under other names; none is shown.
    shown.set_query(None);
    secrets.retain(|secret| !secret.is_empty());
    if let Some(name) = stray {
        return refuse(shown.as_str(), format!("the parameter `{name}` is not known; remove it from the URL"));
    }
    Ok(Target {
        dialect: Dialect::Postgres,
        options: options(url, shown.as_str())?,
        shown: shown.to_string(),
        secrets,
        memory: false,
    })
}

fn options(url: &str, shown: &str) -> Result<AnyConnectOptions, StoreError> {
    AnyConnectOptions::from_str(url)
        .map(ConnectOptions::disable_statement_logging)
        .map_err(|error| StoreError::Open { url: shown.to_owned(), why: error.to_string() })
}

/// Undoes %-encoding; what is not a valid sequence stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high * 16 + low);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

fn encode(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_encoding() {
        assert_eq!(decode(&encode("/a b/ü%?#.db")), "/a b/ü%?#.db");
        assert_eq!(decode("50%zz%4"), "50%zz%4");
    }

    #[test]
    fn a_password_is_in_nothing_shown() {
        let target = postgres("postgres://ann:s3cr%20t@db.example/phi?password=other&sslmode=require").expect("valid");
        assert_eq!(target.shown, "postgres://ann:***@db.example/phi");
        let error = target.refuse("s3cr t and s3cr%20t and other").to_string();
        assert!(!error.contains("s3cr") && !error.contains("other"), "{error}");
        for bad in [
            "postgres://ann:s3cret@host:99999/db",
            "postgres://ann:s3cret@h/db?passwort=s3cret",
            "postgres://ann:s3cret@/db",
        ] {
            if let Err(error) = postgres(bad) {
                assert!(!format!("{error:?} {error}").contains("s3cret"), "{error}");
            }
        }
        assert!(postgres("postgres://ann@h/db?passwort=x").is_err());
    }
}
