//! Encrypted databases.

use crate::application::{Application, Running};
use crate::servers::{Authority, Postgres, Redis, eventually};

async fn asked(running: &Running, url: &str) -> (u16, String) {
    running.post("/query", format!("{url}\nselect ssl from pg_stat_ssl where pid = pg_backend_pid()")).await
}

#[tokio::test]
async fn postgres_is_believed_as_far_as_sslmode_says() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = Postgres::start_tls(&authority, "DNS:localhost").await;
    let port = server.port();
    let hosts = vec![format!("postgres://localhost:{port}"), format!("postgres://127.0.0.1:{port}")];
    let running = Application { hosts, ..Application::default() }.load().await;
    let at = |host: &str, query: String| format!("postgres://owner@{host}:{port}/postgres?{query}");
    let (root, other) = (authority.root(), stranger.root());
    let (root, other) = (root.display(), other.display());

    let full = at("localhost", format!("sslmode=verify-full&sslrootcert={root}"));
    eventually("PostgreSQL", async || (asked(&running, &full).await.0 == 200).then_some(())).await;
    for (url, works) in [
        (full.clone(), true),
        (at("127.0.0.1", format!("sslmode=verify-full&sslrootcert={root}")), false),
        (at("localhost", format!("sslmode=verify-full&sslrootcert={other}")), false),
        (at("localhost", "sslmode=verify-full".to_owned()), false),
        (at("localhost", format!("sslmode=verify-full&sslrootcert={root}.missing")), false),
        (at("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={root}")), true),
        (at("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={other}")), false),
        (at("127.0.0.1", "sslmode=require".to_owned()), true),
        (at("127.0.0.1", format!("sslmode=require&sslrootcert={other}")), false),
        (at("127.0.0.1", "sslmode=prefer".to_owned()), true),
        (at("127.0.0.1", String::new()), true),
        (at("127.0.0.1", "sslmode=disable".to_owned()), false),
    ] {
        let (status, text) = asked(&running, &url).await;
        match works {
            true => assert_eq!(text, "[DbValue::Boolean(true)]", "{url}"),
            false => assert!(status == 502 && text.starts_with("connection failed: "), "{url}: {text}"),
        }
    }

    let plain = at("localhost", "sslmode=verify-full".to_owned());
    let trusting = running.post("/trusting", format!("{plain}\nselect 1\n{}", authority.root_text())).await;
    assert_eq!(trusting, (200, "[DbValue::Int32(1)]".to_owned()));
    let trusting = running.post("/trusting", format!("{plain}\nselect 1\n{}", stranger.root_text())).await;
    assert_eq!(trusting.0, 502);
}

#[tokio::test]
async fn redis_over_tls_with_a_password() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = Redis::start_tls(&authority, "DNS:localhost");
    let url = server.tls_url(&authority);
    let running = Application::with_redis(&url).load().await;
    let ask = async |url: &str| running.ask(&format!("/redis?{url}")).await;
    let (_, text) = eventually("Redis", async || Some(ask(&url).await).filter(|(status, _)| *status == 200)).await;
    assert!(text.ends_with("TypeError) 3"), "{text}");
    assert_eq!(ask(&server.tls_url(&stranger)).await.0, 502);
    assert_eq!(ask(&url.replace("sesame", "barley")).await.0, 502);
    assert_eq!(ask(&url.replace("localhost", "127.0.0.1")).await.0, 502, "not declared, and not in the certificate");
}

#[tokio::test]
async fn messages_come_over_tls_too() {
    let authority = Authority::new();
    let server = Redis::start_tls(&authority, "DNS:localhost");
    let url = server.tls_url(&authority);
    let running = Application::with_redis(&url).load().await;
    running.runtime.start_triggers(tokio_util::sync::CancellationToken::new());
    eventually("a message", async || {
        running.ask(&format!("/publish?{url},over-tls")).await;
        let metrics = running.runtime.metrics();
        let none = r#"hubline_function_calls_total{component="guest",trigger="redis",outcome="ok"} 0"#;
        (!metrics.contains(none)).then_some(())
    })
    .await;
}
