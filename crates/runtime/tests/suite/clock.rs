//! The cron trigger.

use std::sync::atomic::Ordering;

use runtime::FireError;
use tokio_util::sync::CancellationToken;

use crate::application::{Application, Running};
use crate::outbound::serve;
use crate::servers::{Postgres, eventually};

async fn every(expression: &str) -> (Postgres, Running) {
    every_fetching(expression, "", None).await
}

/// One that asks for something over HTTP first.
async fn every_fetching(expression: &str, url: &str, host: Option<String>) -> (Postgres, Running) {
    let server = Postgres::start().await;
    server.sql("create table fired (moment bigint not null)").await;
    let mut application = Application::with_database(&server.url());
    application.variables.push_str(&format!("fetched = {url:?}\n"));
    application.hosts.extend(host);
    application.more = format!("[[trigger.cron]]\ncomponent = \"guest\"\ncron_expression = {expression:?}\n");
    (server, application.load().await)
}

#[tokio::test]
async fn fires_when_told() {
    let (server, running) = every("0 0 3 1 1 *").await;
    running.runtime.fire("guest").await.unwrap();
    assert_eq!(server.number("select count(*) from fired").await, 1);
    let age = "select (extract(epoch from now())::bigint - max(moment)) from fired";
    assert!((0..=2).contains(&server.number(age).await));
    assert!(matches!(running.runtime.fire("hidden").await, Err(FireError::Unknown(name)) if name == "hidden"));
}

#[tokio::test]
async fn fires_by_the_clock_until_it_is_stopped() {
    let (server, running) = every("* * * * * *").await;
    let stop = CancellationToken::new();
    let triggers = running.runtime.start_triggers(stop.clone());
    eventually("two runs", async || (server.number("select count(*) from fired").await >= 2).then_some(())).await;
    stop.cancel();
    triggers.await.unwrap().unwrap();
    assert_eq!(server.number("select count(*) - count(distinct moment) from fired").await, 0);
}

#[tokio::test]
async fn says_why_a_run_failed() {
    let (server, running) = every("0 0 3 1 1 *").await;
    server.sql("drop table fired").await;
    let Err(FireError::Failed { component, reason }) = running.runtime.fire("guest").await else { panic!("it ran") };
    assert_eq!(component, "guest");
    assert!(reason.contains("42P01"), "{reason}");
}

#[tokio::test]
async fn may_ask_over_http_what_is_declared() {
    let (origin, connections) = serve().await;
    let expression = "0 0 3 1 1 *";
    let (server, running) = every_fetching(expression, &origin, Some(origin.clone())).await;
    running.runtime.fire("guest").await.unwrap();
    assert_eq!(server.number("select count(*) from fired").await, 1);
    assert_eq!(connections.load(Ordering::SeqCst), 1);

    let (_server, running) = every_fetching(expression, &origin, None).await;
    let Err(FireError::Failed { reason, .. }) = running.runtime.fire("guest").await else { panic!("it ran") };
    assert!(reason.contains("HttpRequestDenied"), "{reason}");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
