//! Figures that a database knows, as a page of metrics.
//!
//! Every node says the same of them. The database is asked once in a while, and however often the page is read; when it
//! does not answer, the page says so at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tokio_postgres::Client;

use crate::database;

/// For how long figures are not asked for again.
const FRESH: Duration = Duration::from_secs(5);

/// How long the database may take. Prometheus itself waits for ten seconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is asked of a database, and how its page reads.
pub struct Subject {
    /// What it is called in the log.
    pub name: &'static str,
    /// Asks, and writes the page.
    pub ask: for<'a> fn(&'a Client) -> BoxFuture<'a, Result<String>>,
    /// The page of a database that does not answer.
    pub away: fn() -> String,
}

/// The figures of one database.
#[derive(Clone)]
pub struct Measured {
    subject: &'static Subject,
    /// Without one there is nothing to be measured.
    url: Option<Arc<str>>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    client: Option<Client>,
    page: Option<(Instant, String)>,
}

impl Measured {
    /// Those of the database at this address.
    pub fn new(subject: &'static Subject, url: Option<&str>) -> Self {
        Self { subject, url: url.map(Into::into), kept: Arc::default() }
    }

    /// The page; empty where there is no database.
    pub async fn metrics(self) -> String {
        let Some(url) = &self.url else { return String::new() };
        // Whoever comes meanwhile waits for the same answer.
        let mut kept = self.kept.lock().await;
        if let Some((_, page)) = kept.page.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return page.clone();
        }
        // Taken out: what fails or is given up half-way leaves no connection behind.
        let client = kept.client.take().filter(|client| !client.is_closed());
        let Subject { name, away, .. } = self.subject;
        let page = match tokio::time::timeout(PATIENCE, self.ask(client, url)).await {
            Ok(Ok((client, page))) => {
                kept.client = Some(client);
                page
            }
            Ok(Err(error)) => {
                tracing::warn!("{name} can't be measured: {error:#}");
                away()
            }
            Err(_) => {
                tracing::warn!("{name} can't be measured: the database takes too long");
                away()
            }
        };
        kept.page = Some((Instant::now(), page.clone()));
        page
    }

    async fn ask(&self, client: Option<Client>, url: &str) -> Result<(Client, String)> {
        let client = match client {
            Some(client) => client,
            None => database::connect(url).await?,
        };
        let page = (self.subject.ask)(&client).await?;
        Ok((client, page))
    }
}
