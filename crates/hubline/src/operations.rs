//! What is counted and measured in operations, for `/metrics`.

mod page;

use anyhow::{Context, Result};
use futures_util::FutureExt;
use store::operations::{Drills, Figures, sql};
use tokio_postgres::Client;

use crate::measured::{Measured, Subject};

static SUBJECT: Subject = Subject { name: "operations", ask: |client| ask(client).boxed(), away: page::away };

/// The figures of operations in the database at this address, which a function of operations may use.
pub fn measured(url: Option<&str>) -> Measured {
    Measured::new(&SUBJECT, url)
}

async fn ask(client: &Client) -> Result<String> {
    let unlike = "the database says something else";
    let figures: Figures = serde_json::from_str(&answer(client, sql::FIGURES).await?).context(unlike)?;
    let drills: Drills = serde_json::from_str(&answer(client, sql::DRILLS).await?).context(unlike)?;
    Ok(page::of(&figures, &drills))
}

async fn answer(client: &Client, statement: &str) -> Result<String> {
    let row = client.query_one(statement, &[]).await.context("the database does not say")?;
    Ok(row.try_get(0)?)
}
