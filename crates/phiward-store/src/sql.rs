//! Small helpers around sqlx: statements put together with `$1` placeholders, many rows in one statement, and
//! reading columns by place.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, AnyConnection, Arguments, AssertSqlSafe, Encode, Row, Type};

/// A statement in the making. Only literals and whole numbers are pushed; everything from outside is bound.
pub(crate) struct Sql {
    text: String,
    args: AnyArguments,
    count: usize,
}

impl Sql {
    pub fn new(text: &str) -> Self {
        Sql { text: text.to_owned(), args: AnyArguments::default(), count: 0 }
    }

    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends a placeholder with its value.
    pub fn bind<'t, T: Encode<'t, Any> + Type<Any>>(&mut self, value: T) -> Result<&mut Self, sqlx::Error> {
        self.count += 1;
        self.args.add(value).map_err(sqlx::Error::Encode)?;
        self.text.push('$');
        self.text.push_str(&self.count.to_string());
        Ok(self)
    }

    /// Appends whole numbers, separated by commas.
    pub fn numbers(&mut self, numbers: &[i64]) -> &mut Self {
        self.text.push_str(&join(numbers));
        self
    }

    pub async fn all(self, conn: &mut AnyConnection) -> Result<Vec<AnyRow>, sqlx::Error> {
        sqlx::query_with(AssertSqlSafe(self.text), self.args).fetch_all(conn).await
    }

    pub async fn one(self, conn: &mut AnyConnection) -> Result<AnyRow, sqlx::Error> {
        sqlx::query_with(AssertSqlSafe(self.text), self.args).fetch_one(conn).await
    }
}

pub(crate) fn join(numbers: &[i64]) -> String {
    let mut text = String::with_capacity(numbers.len() * 8);
    for (i, number) in numbers.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        text.push_str(&number.to_string());
    }
    text
}

/// Values of a statement with many rows. SQLite looks a placeholder up by going through all of them, so rows are
/// sent a few hundred placeholders at a time.
const PLACEHOLDERS: usize = 480;

/// Runs `head` + `($1,$2),($3,$4)…` + `tail` over all rows, in as many statements as it takes.
pub(crate) async fn many<T>(
    conn: &mut AnyConnection,
    head: &str,
    tail: &str,
    columns: usize,
    rows: &[T],
    mut bind: impl FnMut(&mut Values, &T),
) -> Result<(), sqlx::Error> {
    let full = (PLACEHOLDERS / columns).max(1);
    let full_text = (rows.len() >= full).then(|| statement(head, tail, columns, full));
    for chunk in rows.chunks(full) {
        let mut values = Values { args: AnyArguments::default(), failed: None };
        for row in chunk {
            bind(&mut values, row);
        }
        if let Some(error) = values.failed {
            return Err(error);
        }
        // Only the full form repeats, so only that is worth keeping prepared.
        let (text, keep) = match &full_text {
            Some(text) if chunk.len() == full => (text.clone(), true),
            _ => (statement(head, tail, columns, chunk.len()), false),
        };
        sqlx::query_with(AssertSqlSafe(text), values.args).persistent(keep).execute(&mut *conn).await?;
    }
    Ok(())
}

fn statement(head: &str, tail: &str, columns: usize, rows: usize) -> String {
    let mut text = String::with_capacity(head.len() + tail.len() + columns * rows * 6);
    text.push_str(head);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            if column > 0 {
                text.push(',');
            }
            text.push('$');
            text.push_str(&(row * columns + column + 1).to_string());
        }
        text.push(')');
    }
    text.push_str(tail);
    text
}

/// Takes the values of one row, in the order of its columns.
pub(crate) struct Values {
    args: AnyArguments,
    failed: Option<sqlx::Error>,
}

impl Values {
    pub fn add<'t, T: Encode<'t, Any> + Type<Any>>(&mut self, value: T) -> &mut Self {
        if let Err(error) = self.args.add(value) {
            self.failed = Some(sqlx::Error::Encode(error));
        }
        self
    }
}

/// Runs a statement whose only values are whole numbers in a list, a thousand at a time: `head` + `1,2,3` + `tail`.
pub(crate) async fn with_numbers(
    conn: &mut AnyConnection,
    head: &str,
    tail: &str,
    numbers: &[i64],
) -> Result<Vec<AnyRow>, sqlx::Error> {
    let mut rows = Vec::new();
    for chunk in numbers.chunks(1000) {
        let text = format!("{head}{}{tail}", join(chunk));
        rows.extend(sqlx::query(AssertSqlSafe(text)).persistent(false).fetch_all(&mut *conn).await?);
    }
    Ok(rows)
}

/// Rows whose `column` is one of many texts: `head` + `$1,$2…` + `)`.
pub(crate) async fn with_texts(
    conn: &mut AnyConnection,
    head: &str,
    texts: &[&str],
) -> Result<Vec<AnyRow>, sqlx::Error> {
    let mut rows = Vec::new();
    for chunk in texts.chunks(400) {
        let mut sql = Sql::new(head);
        for (i, text) in chunk.iter().enumerate() {
            if i > 0 {
                sql.push(",");
            }
            sql.bind(*text)?;
        }
        sql.push(")");
        rows.extend(
            sqlx::query_with(AssertSqlSafe(sql.text), sql.args)
                .persistent(chunk.len() == 400)
                .fetch_all(&mut *conn)
                .await?,
        );
    }
    Ok(rows)
}

pub(crate) fn int(row: &AnyRow, column: usize) -> Result<i64, sqlx::Error> {
    row.try_get(column)
}

pub(crate) fn text(row: &AnyRow, column: usize) -> Result<String, sqlx::Error> {
    row.try_get(column)
}

pub(crate) fn json<T: DeserializeOwned>(row: &AnyRow, column: usize) -> Result<T, sqlx::Error> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

pub(crate) fn time(row: &AnyRow, column: usize) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_millisecond(int(row, column)?).map_err(|error| sqlx::Error::Decode(error.into()))
}
