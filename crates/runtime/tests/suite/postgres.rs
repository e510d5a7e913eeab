//! `spin:postgres` against a real server.

use std::time::{Duration, Instant};

use crate::application::{Application, Running};
use crate::servers::Postgres;

async fn start() -> (Postgres, Running) {
    let server = Postgres::start().await;
    server.sql("create table ledger (note text not null)").await;
    let running = Application::with_database(&server.url()).load().await;
    (server, running)
}

#[tokio::test]
async fn every_type_comes_back_as_it_went() {
    let (_server, running) = start().await;
    let (status, text) = running.ask("/types").await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(text.lines().count(), 24);
    for line in text.lines() {
        let (_, values) = line.split_once(": ").unwrap();
        let (sent, got) = values.split_once(" -> ").unwrap();
        assert_eq!(sent.trim_start_matches("ParameterValue::"), got.trim_start_matches("DbValue::"), "{line}");
    }
}

#[tokio::test]
async fn what_has_no_value_is_said_to_have_none() {
    let (_server, running) = start().await;
    let (status, text) = running.query("select '10.0.0.1'::inet, 'a'::name").await;
    assert_eq!(status, 200, "{text}");
    assert!(text.starts_with("[DbValue::Unsupported("), "{text}");
    let (status, text) = running.query("select now()").await;
    assert_eq!(status, 502);
    assert!(text.contains("timestamptz"), "{text}");
    let (status, text) = running.query("select 'empty'::int4range").await;
    assert_eq!(status, 502);
    assert!(text.contains("empty range"), "{text}");
    assert_eq!(running.query("select 'NaN'::numeric, 'Infinity'::numeric").await.0, 200);
}

#[tokio::test]
async fn errors_keep_their_details() {
    let (server, running) = start().await;
    server.sql("create table one (id int constraint only_once primary key); insert into one values (1)").await;
    let (status, text) = running.query("insert into one values (1)").await;
    assert_eq!(status, 502);
    for detail in ["23505", "only_once", "duplicate key", "ERROR"] {
        assert!(text.contains(detail), "{detail} is not in {text}");
    }
    let (_, text) = running.query("select nonsense").await;
    assert!(text.contains("42703"), "{text}");
    let (_, text) = running.query("selekt").await;
    assert!(text.contains("42601"), "{text}");
    assert_eq!(running.query("select 1").await.1, "[DbValue::Int32(1)]");
}

#[tokio::test]
async fn what_cannot_be_sent_is_a_bad_parameter() {
    let (_server, running) = start().await;
    for statement in ["select $1::int", "select 'a\0b'"] {
        let (status, text) = running.query(statement).await;
        assert_eq!(status, 502);
        assert!(text.starts_with("bad parameter: "), "{statement}: {text}");
    }
    assert_eq!(running.query("select 1").await.0, 200);
}

#[tokio::test]
async fn transactions_are_whole_and_nobody_elses() {
    let (server, running) = start().await;
    let (status, text) = running.ask("/transaction").await;
    assert_eq!(status, 200, "{text}");
    let count = |number| format!("[DbValue::Int64({number})]");
    assert_eq!(text, [1, 0, 1, 2, 1, 1].map(count).join(" "));
    assert_eq!(server.number("select count(*) from ledger").await, 1);
}

#[tokio::test]
async fn a_transaction_left_open_is_rolled_back_and_its_session_thrown_away() {
    let (server, running) = start().await;
    for _ in 0..20 {
        assert_eq!(running.ask("/abandon").await.0, 200);
    }
    assert_eq!(running.query("show search_path").await.1, "[DbValue::Str(\"\\\"$user\\\", public\")]");
    assert_eq!(running.query("select count(*) from ledger").await.1, "[DbValue::Int64(0)]");
    assert_eq!(server.number("select count(*) from ledger").await, 0);
    let open = "select count(*) from pg_stat_activity where state like 'idle in%'";
    crate::servers::eventually("the end of open transactions", async || (server.number(open).await == 0).then_some(()))
        .await;
}

#[tokio::test]
async fn what_one_guest_leaves_in_a_session_the_next_does_not_find() {
    let (server, running) = start().await;
    server.sql("create role reader; grant reader to owner; create sequence counter").await;
    let leaves = [
        "select set_config('guest.left', 'behind', false)",
        "select set_config('statement_timeout', '1', false)",
        "select set_config('role', 'reader', false)",
        "select set_config('session_authorization', 'reader', false)",
        "select pg_try_advisory_lock(7)",
        "create temp table behind (x int)",
        "select nextval('counter')",
    ];
    let finds = "select coalesce(current_setting('guest.left', true), ''), current_setting('statement_timeout'),
        current_user::text, session_user::text, to_regclass('behind')::text, pg_sleep(0.002)::text";
    for leave in leaves {
        let (status, text) = running.query(leave).await;
        assert_eq!(status, 200, "{text}");
        let (status, text) = running.query(finds).await;
        assert_eq!(status, 200, "after `{leave}`: {text}");
        let found =
            r#"[DbValue::Str(""), DbValue::Str("0"), DbValue::Str("owner"), DbValue::Str("owner"), DbValue::DbNull, "#;
        assert!(text.starts_with(found), "after `{leave}`: {text}");
        assert_eq!(server.number("select count(*) from pg_locks where locktype = 'advisory'").await, 0, "{leave}");
    }
    let (status, text) = running.query("select currval('counter')").await;
    assert_eq!(status, 502, "the last guest's value: {text}");
    let connections = "select count(*) from pg_stat_activity where backend_type = 'client backend'";
    assert_eq!(server.number(connections).await, 1 + 1, "sessions are cleaned, and not thrown away");
}

#[tokio::test]
async fn a_role_of_the_options_is_on_again_for_the_next_guest() {
    let (server, running) = start().await;
    server.sql("create role reader; create role writer; grant reader, writer to owner").await;
    let url = format!("{}?options=-c%20role%3Dreader", server.url());
    for leave in ["select set_config('role', 'writer', false)", "select set_config('role', 'none', false)"] {
        assert_eq!(running.post("/query", format!("{url}\n{leave}")).await.0, 200);
        let (_, text) = running.post("/query", format!("{url}\nselect current_user::text")).await;
        assert_eq!(text, "[DbValue::Str(\"reader\")]", "after `{leave}`");
    }
}

#[tokio::test]
async fn many_share_few_connections() {
    let (server, running) = start().await;
    let start = Instant::now();
    let asking = (0..200).map(|_| running.query("select pg_sleep(0.01), count(*) from ledger"));
    for (status, text) in futures_util::future::join_all(asking).await {
        assert_eq!(status, 200, "{text}");
    }
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    // One more is the connection that asks.
    let connections =
        server.number("select count(*) from pg_stat_activity where backend_type = 'client backend'").await;
    assert!(connections <= 4 + 1, "{connections} connections");
    let metrics = running.runtime.metrics();
    let expected = format!(r#"hubline_postgres_connections{{server="127.0.0.1:{}",state="used"}} 0"#, server.port());
    assert!(metrics.contains(&expected), "{metrics}");
    // Each took its hundredth of a second, and most waited for a connection besides.
    let within = |bound: &str| {
        format!(r#"hubline_postgres_statement_duration_seconds_bucket{{component="guest",le="{bound}"}}"#)
    };
    assert!(metrics.contains(&format!("{} 0\n", within("0.005"))), "{metrics}");
    assert!(metrics.contains(&format!("{} 200\n", within("+Inf"))), "{metrics}");
    assert!(!metrics.contains("hubline_redis_command_duration_seconds_count"), "nobody asked Redis: {metrics}");
}

#[tokio::test]
async fn options_of_the_url_reach_the_server() {
    let (server, running) = start().await;
    server.sql("create role reader; grant reader to owner").await;
    let body = format!(
        "{}?options=-c%20role%3Dreader&application_name=fn\nselect current_user::text, current_setting('application_name')",
        server.url()
    );
    assert_eq!(running.post("/query", body).await.1, "[DbValue::Str(\"reader\"), DbValue::Str(\"fn\")]");
}

#[tokio::test]
async fn a_place_that_is_not_declared_cannot_be_reached() {
    let (server, running) = start().await;
    for url in
        ["postgres://owner@127.0.0.1:1/postgres".to_owned(), format!("postgres://owner@localhost:{}/d", server.port())]
    {
        let (status, text) = running.post("/query", format!("{url}\nselect 1")).await;
        assert_eq!(status, 502);
        assert!(
            text.starts_with("connection failed: address postgres://") && text.ends_with("is not permitted"),
            "{text}"
        );
    }
    let two = format!("postgres://owner@127.0.0.1:{},127.0.0.1:1/postgres\nselect 1", server.port());
    assert!(running.post("/query", two).await.1.contains("is not permitted"));
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up_on_both_sides() {
    let (server, mut application) = {
        let server = Postgres::start().await;
        let application = Application::with_database(&server.url());
        (server, application)
    };
    application.limits.statement = Duration::from_millis(300);
    let running = application.load().await;
    let start = Instant::now();
    let (status, text) = running.query("select pg_sleep(30)").await;
    assert_eq!(status, 502);
    assert!(text.contains("too long"), "{text}");
    assert!(start.elapsed() < Duration::from_secs(2));
    let sleeping = "select count(*) from pg_stat_activity where query like '%pg_sleep(30)%' and state = 'active' and pid <> pg_backend_pid()";
    crate::servers::eventually("the statement's end", async || (server.number(sleeping).await == 0).then_some(()))
        .await;
    assert_eq!(running.query("select 1").await.0, 200);
}

#[tokio::test]
async fn a_result_that_is_too_large_is_refused() {
    let server = Postgres::start().await;
    let mut application = Application::with_database(&server.url());
    application.limits.body = 1 << 20;
    let running = application.load().await;
    let (status, text) = running.query("select repeat('x', 1000) from generate_series(1, 100000)").await;
    assert_eq!(status, 502);
    assert!(text.contains("larger than"), "{text}");
    assert_eq!(running.query("select 1").await.0, 200);
}

#[tokio::test]
async fn a_table_that_changes_its_shape_costs_one_statement_at_most() {
    let (server, running) = start().await;
    assert_eq!(running.query("select * from ledger").await.0, 200);
    server.sql("alter table ledger add column more int").await;
    let mut failures = 0;
    for _ in 0..10 {
        failures += u32::from(running.query("select * from ledger").await.0 != 200);
    }
    assert!(failures <= 1, "{failures} failures");
}
