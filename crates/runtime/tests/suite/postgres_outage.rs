//! A database that goes away and comes back.

use std::time::{Duration, Instant};

use crate::application::Application;
use crate::servers::{Postgres, eventually, free_port};

#[tokio::test]
async fn fails_fast_and_recovers_by_itself() {
    let mut server = Postgres::start().await;
    let running = Application::with_database(&server.url()).load().await;
    let warm = (0..4).map(|_| running.query("select pg_sleep(0.05)"));
    futures_util::future::join_all(warm).await;
    server.crash();
    for _ in 0..8 {
        let start = Instant::now();
        let (status, text) = running.query("select 1").await;
        assert_eq!(status, 502);
        assert!(text.starts_with("connection failed: "), "{text}");
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    }
    server.resume();
    eventually("recovery", async || (running.query("select 1").await.0 == 200).then_some(())).await;
    for _ in 0..20 {
        assert_eq!(running.query("select 1").await.0, 200);
    }
}

#[tokio::test]
async fn connections_that_the_server_ended_are_replaced() {
    let server = Postgres::start().await;
    let running = Application::with_database(&server.url()).load().await;
    let warm = (0..4).map(|_| running.query("select pg_sleep(0.05)"));
    futures_util::future::join_all(warm).await;
    server.sql("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    for _ in 0..8 {
        let (status, text) = running.query("select 1").await;
        assert_eq!(status, 200, "{text}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://owner@{}/postgres", silent.local_addr().unwrap());
    let running = Application::with_database(&url).load().await;
    let start = Instant::now();
    let (status, text) = running.query("select 1").await;
    assert_eq!(status, 502);
    assert!(text.contains("in time"), "{text}");
    assert!(start.elapsed() < Duration::from_millis(2500), "{:?}", start.elapsed());
}

#[tokio::test]
async fn nobody_there_is_an_error_at_once() {
    let url = format!("postgres://owner@127.0.0.1:{}/postgres", free_port());
    let running = Application::with_database(&url).load().await;
    let (status, text) = running.query("select 1").await;
    assert_eq!(status, 502);
    assert!(text.starts_with("connection failed: "), "{text}");
}
