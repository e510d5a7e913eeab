//! What the tests do to PostgreSQL.

use anyhow::{Context, Result};
use spin_sdk::pg::{Certificate, Connection, DbValue, Interval, OpenOptions, ParameterValue, PgError, RangeBoundKind};
use spin_sdk::variables;

/// Runs the statement after the first line at the URL on it; no URL means the variable's.
pub async fn query(body: &str) -> Result<String> {
    let (url, statement) = at(body).await?;
    rows(&Connection::open(url).await.map_err(told)?, statement).await
}

/// Runs it for the number of rows.
pub async fn execute(body: &str) -> Result<String> {
    let (url, statement) = at(body).await?;
    Ok(Connection::open(url).await.map_err(told)?.execute(statement, []).await.map_err(told)?.to_string())
}

/// Asks with a certificate to trust: the URL, the statement, then the certificate.
pub async fn trusting(body: &str) -> Result<String> {
    let (url, rest) = body.split_once('\n').context("no URL")?;
    let (statement, certificate) = rest.split_once('\n').context("no certificate")?;
    let options = OpenOptions { ca_root: Some(Certificate::Text(certificate.to_owned())) };
    rows(&Connection::open_with_options(url, options).await.map_err(told)?, statement).await
}

/// Every type that has a value, there and back.
pub async fn types(_: &str) -> Result<String> {
    let connection = Connection::open(variables::get("database_url").await?).await?;
    let text = |text: &str| Some(text.to_owned());
    let (from, to) = (RangeBoundKind::Inclusive, RangeBoundKind::Exclusive);
    let table = [
        ("bool", ParameterValue::Boolean(true)),
        ("int2", ParameterValue::Int16(-2)),
        ("int4", ParameterValue::Int32(-4)),
        ("int8", ParameterValue::Int64(i64::MIN)),
        ("float4", ParameterValue::Floating32(0.5)),
        ("float8", ParameterValue::Floating64(-0.25)),
        ("text", ParameterValue::Str("täxt \u{1f980}".to_owned())),
        ("varchar", ParameterValue::Str("x".to_owned())),
        ("bytea", ParameterValue::Binary(vec![0, 255, 1])),
        ("date", ParameterValue::Date((2028, 2, 29))),
        ("time", ParameterValue::Time((23, 59, 58, 123_456_000))),
        ("timestamp", ParameterValue::Datetime((1969, 12, 31, 23, 59, 59, 999_999_000))),
        ("uuid", ParameterValue::Uuid("018f3b0e-1111-7222-8333-444455556666".to_owned())),
        ("jsonb", ParameterValue::Jsonb(br#"{"a": [1, null]}"#.to_vec())),
        ("numeric", ParameterValue::Decimal("-12345678901234567890.1234567890".to_owned())),
        ("int4range", ParameterValue::RangeInt32((Some((1, from)), Some((5, to))))),
        ("int8range", ParameterValue::RangeInt64((None, Some((9, to))))),
        ("numrange", ParameterValue::RangeDecimal((Some(("1.5".to_owned(), from)), None))),
        ("int4[]", ParameterValue::ArrayInt32(vec![Some(1), None, Some(-3)])),
        ("int8[]", ParameterValue::ArrayInt64(vec![])),
        ("numeric[]", ParameterValue::ArrayDecimal(vec![text("1.50"), None])),
        ("text[]", ParameterValue::ArrayStr(vec![text("a"), None, text("")])),
        ("interval", ParameterValue::Interval(Interval { micros: -1, days: 2, months: 3 })),
        ("text", ParameterValue::DbNull),
    ];
    let mut answer = String::new();
    for (kind, value) in table {
        let mut rows = connection.query(format!("select $1::{kind}"), [value.clone()]).await.map_err(told)?;
        let found: DbValue = rows.rows().next().await.and_then(|mut row| row.pop()).context("no value")?;
        answer.push_str(&format!("{kind}: {value:?} -> {found:?}\n"));
    }
    Ok(answer)
}

/// A transaction that is committed, one that is rolled back, and what others see meanwhile.
pub async fn transaction(_: &str) -> Result<String> {
    let url = variables::get("database_url").await?;
    let (one, other) = (Connection::open(&url).await?, Connection::open(&url).await?);
    let mut seen = Vec::new();
    for end in ["commit", "rollback"] {
        one.execute("begin", []).await.map_err(told)?;
        one.execute("insert into ledger (note) values ('x')", []).await.map_err(told)?;
        seen.push(rows(&one, "select count(*) from ledger").await?);
        seen.push(rows(&other, "select count(*) from ledger").await?);
        one.execute(end, []).await.map_err(told)?;
        seen.push(rows(&other, "select count(*) from ledger").await?);
    }
    Ok(seen.join(" "))
}

/// Leaves a transaction open, and a changed session.
pub async fn abandon(_: &str) -> Result<String> {
    let connection = Connection::open(variables::get("database_url").await?).await?;
    connection.execute("set search_path to nowhere", []).await.map_err(told)?;
    connection.execute("begin", []).await.map_err(told)?;
    connection.execute("insert into public.ledger (note) values ('abandoned')", []).await.map_err(told)?;
    Ok("abandoned".to_owned())
}

async fn at(body: &str) -> Result<(String, &str)> {
    let (url, statement) = body.split_once('\n').context("no statement")?;
    Ok(match url {
        "" => (variables::get("database_url").await?, statement),
        url => (url.to_owned(), statement),
    })
}

async fn rows(connection: &Connection, statement: &str) -> Result<String> {
    let mut found = connection.query(statement, []).await.map_err(told)?;
    let mut rows = Vec::new();
    while let Some(row) = found.rows().next().await {
        rows.push(format!("{row:?}"));
    }
    found.result().await.map_err(told)?;
    Ok(rows.join(";"))
}

/// An error with its kind, so that a test can tell one from another.
fn told(error: spin_sdk::pg::Error) -> anyhow::Error {
    match error {
        spin_sdk::pg::Error::PgError(PgError::ConnectionFailed(text)) => anyhow::anyhow!("connection failed: {text}"),
        spin_sdk::pg::Error::PgError(PgError::BadParameter(text)) => anyhow::anyhow!("bad parameter: {text}"),
        other => anyhow::anyhow!("{other:?}"),
    }
}
