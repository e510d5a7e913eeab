//! How retention stands, for `/metrics`: what is due, for how long, and what is done.

use std::fmt::Write;

use anyhow::{Context, Result};
use futures_util::FutureExt;
use store::sql;
use tokio_postgres::Client;

use crate::measured::{Measured, Subject};

static SUBJECT: Subject = Subject { name: "retention", ask: |client| ask(client).boxed(), away };

/// The figures of retention in the chat's database, at an address that a function of the chat may use.
pub fn measured(url: Option<&str>) -> Measured {
    Measured::new(&SUBJECT, url)
}

/// What the database answers, times in microseconds.
struct Figures {
    due: i64,
    overdue_micros: i64,
    service_requests: i64,
    messages: i64,
    batches: i64,
    busy_micros: i64,
}

async fn ask(client: &Client) -> Result<String> {
    let row = client.query_one(sql::RETENTION, &[]).await.context("the database does not say")?;
    Ok(page(&Figures {
        due: row.try_get(0)?,
        overdue_micros: row.try_get(1)?,
        service_requests: row.try_get(2)?,
        messages: row.try_get(3)?,
        batches: row.try_get(4)?,
        busy_micros: row.try_get(5)?,
    }))
}

fn away() -> String {
    let mut page = String::new();
    up(&mut page, false);
    page
}

fn up(page: &mut String, answers: bool) {
    let help = "Whether the database of the chat says how retention stands.";
    family(page, "hubline_retention_up", "gauge", help, u8::from(answers));
}

fn page(figures: &Figures) -> String {
    let mut page = String::new();
    up(&mut page, true);
    family(
        &mut page,
        "hubline_retention_due",
        "gauge",
        "Service requests whose retention is over and whose history is not purged; counted up to 100000.",
        figures.due,
    );
    family(
        &mut page,
        "hubline_retention_overdue_seconds",
        "gauge",
        "For how long the oldest of them has been due.",
        seconds(figures.overdue_micros),
    );
    family(
        &mut page,
        "hubline_retention_purged_service_requests_total",
        "counter",
        "Service requests of which nothing is left but their numbers.",
        figures.service_requests,
    );
    family(
        &mut page,
        "hubline_retention_purged_messages_total",
        "counter",
        "Messages that were purged.",
        figures.messages,
    );
    family(&mut page, "hubline_retention_batches_total", "counter", "Batches in which that was done.", figures.batches);
    family(
        &mut page,
        "hubline_retention_busy_seconds_total",
        "counter",
        "How long those batches took in the database, all together.",
        seconds(figures.busy_micros),
    );
    page
}

fn seconds(micros: i64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn family(page: &mut String, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n").unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_and_done_is_shown() {
        let page = page(&Figures {
            due: 7,
            overdue_micros: 90_000_001,
            service_requests: 2,
            messages: 30,
            batches: 4,
            busy_micros: 500,
        });
        for line in [
            "hubline_retention_up 1",
            "hubline_retention_due 7",
            "hubline_retention_overdue_seconds 90.000001",
            "hubline_retention_purged_service_requests_total 2",
            "hubline_retention_purged_messages_total 30",
            "hubline_retention_batches_total 4",
            "hubline_retention_busy_seconds_total 0.000500",
        ] {
            assert!(page.lines().any(|each| each == line), "{line} is not in\n{page}");
        }
    }

    #[test]
    fn a_database_that_is_away_is_all_that_is_said() {
        assert!(away().ends_with("\nhubline_retention_up 0\n") && away().lines().count() == 3);
    }
}
