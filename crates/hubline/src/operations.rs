//! What is counted and measured in operations, for `/metrics`.
//!
//! The figures are those of the database, so every node says the same. It is asked once in a while, and however often the page
//! is read; when it does not answer, the page says so at once.

mod page;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use store::operations::{Drills, Figures, sql};
use tokio::sync::Mutex;
use tokio_postgres::Client;

use crate::database;

/// For how long figures are not asked for again.
const FRESH: Duration = Duration::from_secs(5);

/// How long the database may take. Prometheus itself waits for ten seconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// The figures of operations, as a page of metrics.
#[derive(Clone)]
pub struct Operations {
    /// There are no operations without.
    url: Option<Arc<str>>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    client: Option<Client>,
    page: Option<(Instant, String)>,
}

impl Operations {
    /// Those of the database at this address, which a function of operations may use.
    pub fn new(url: Option<&str>) -> Self {
        Self { url: url.map(Into::into), kept: Arc::default() }
    }

    /// The page; empty where there are no operations.
    pub async fn metrics(self) -> String {
        let Some(url) = &self.url else { return String::new() };
        // Whoever comes meanwhile waits for the same answer.
        let mut kept = self.kept.lock().await;
        if let Some((_, page)) = kept.page.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return page.clone();
        }
        // Taken out: what fails or is given up half-way leaves no connection behind.
        let client = kept.client.take().filter(|client| !client.is_closed());
        let page = match tokio::time::timeout(PATIENCE, ask(client, url)).await {
            Ok(Ok((client, page))) => {
                kept.client = Some(client);
                page
            }
            Ok(Err(error)) => {
                tracing::warn!("operations can't be measured: {error:#}");
                page::away()
            }
            Err(_) => {
                tracing::warn!("operations can't be measured: the database takes too long");
                page::away()
            }
        };
        kept.page = Some((Instant::now(), page.clone()));
        page
    }
}

async fn ask(client: Option<Client>, url: &str) -> Result<(Client, String)> {
    let client = match client {
        Some(client) => client,
        None => database::connect(url).await?,
    };
    let unlike = "the database says something else";
    let figures: Figures = serde_json::from_str(&answer(&client, sql::FIGURES).await?).context(unlike)?;
    let drills: Drills = serde_json::from_str(&answer(&client, sql::DRILLS).await?).context(unlike)?;
    Ok((client, page::of(&figures, &drills)))
}

async fn answer(client: &Client, statement: &str) -> Result<String> {
    let row = client.query_one(statement, &[]).await.context("the database does not say")?;
    Ok(row.try_get(0)?)
}
