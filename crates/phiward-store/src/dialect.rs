//! The few places where SQLite and PostgreSQL want different words.

/// Which database is behind the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Begins a transaction that will write. SQLite takes its write lock at once, so it never fails half way.
    pub fn begin_write(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        }
    }

    /// Waits until no other process of ours writes to this schema; held until the transaction ends.
    pub fn write_lock(self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite => None,
            Dialect::Postgres => {
                Some("SELECT pg_advisory_xact_lock(1885893479, hashtext(coalesce(current_schema()::text, '')))")
            }
        }
    }

    /// Counts tables named schema_version: 0 on a new database.
    pub fn has_schema(self) -> &'static str {
        match self {
            Dialect::Sqlite => "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'",
            Dialect::Postgres => {
                "SELECT count(*) FROM information_schema.tables \
                 WHERE table_schema = current_schema() AND table_name = 'schema_version'"
            }
        }
    }

    /// A migration script, written for SQLite, in this dialect.
    pub fn script(self, script: &str) -> String {
        match self {
            Dialect::Sqlite => script.to_owned(),
            Dialect::Postgres => script
                .lines()
                .filter(|line| !line.starts_with("--"))
                .collect::<Vec<_>>()
                .join("\n")
                .replace("INTEGER PRIMARY KEY", "BIGINT PRIMARY KEY")
                .replace(") WITHOUT ROWID", ")")
                .replace(" TEXT ", " TEXT COLLATE \"C\" "),
        }
    }

    /// The column in a form that keeps SQLite from choosing an index on it. PostgreSQL has statistics to choose by.
    pub fn unindexed(self, column: &str) -> String {
        match self {
            Dialect::Sqlite => format!("+{column}"),
            Dialect::Postgres => column.to_owned(),
        }
    }

    /// Settings of every connection that writes.
    pub fn writer_settings(self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite => Some(
                "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                 PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000; \
                 PRAGMA journal_size_limit = 33554432",
            ),
            Dialect::Postgres => None,
        }
    }

    /// Settings of every connection that only reads.
    pub fn reader_settings(self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite => Some(
                "PRAGMA busy_timeout = 10000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4000; \
                 PRAGMA query_only = ON",
            ),
            Dialect::Postgres => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_script_differs_in_keys_and_collation() {
        let sql = "-- a\nCREATE TABLE t (n INTEGER PRIMARY KEY, a TEXT NOT NULL) WITHOUT ROWID;";
        assert_eq!(
            Dialect::Postgres.script(sql),
            "CREATE TABLE t (n BIGINT PRIMARY KEY, a TEXT COLLATE \"C\" NOT NULL);"
        );
        assert_eq!(Dialect::Sqlite.script(sql), sql);
    }
}
