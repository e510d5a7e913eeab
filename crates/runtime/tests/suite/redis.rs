//! `spin:redis` against a real server.

use std::time::{Duration, Instant};

use crate::application::Application;
use crate::servers::{Redis, eventually};

#[tokio::test]
async fn every_operation_works() {
    let server = Redis::start().await;
    let running = Application::with_redis(&server.url()).load().await;
    let (status, text) = running.ask(&format!("/redis?{}", server.url())).await;
    assert_eq!(status, 200, "{text}");
    let value = format!("{:?}", Some(b"value".to_vec()));
    assert_eq!(text, format!("{value} None 1 true 2 [\"a\", \"b\"] 1 Err(Error::TypeError) 3"));
}

#[tokio::test]
async fn a_place_that_is_not_declared_cannot_be_reached() {
    let server = Redis::start().await;
    let running = Application::default().load().await;
    let (status, text) = running.ask(&format!("/redis?{}", server.url())).await;
    assert_eq!((status, text.contains("InvalidAddress")), (502, true), "{text}");
}

#[tokio::test]
async fn nobody_can_take_the_shared_connection_for_himself() {
    let server = Redis::start().await;
    let running = Application::with_redis(&server.url()).load().await;
    for command in ["BLPOP", "select", "Multi"] {
        let (status, text) = running.ask(&format!("/command?{},{command}", server.url())).await;
        assert_eq!((status, text.contains("needs a connection of its own")), (502, true), "{text}");
    }
    let (_, text) = running.ask(&format!("/command?{},TIME", server.url())).await;
    assert_eq!(text.matches("Binary").count(), 2, "{text}");
}

#[tokio::test]
async fn fails_fast_and_recovers_by_itself() {
    let mut server = Redis::start().await;
    let running = Application::with_redis(&server.url()).load().await;
    let publish = format!("/publish?{},x", server.url());
    assert_eq!(running.ask(&publish).await.0, 200);
    server.crash();
    for _ in 0..10 {
        let start = Instant::now();
        assert_eq!(running.ask(&publish).await.0, 502);
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    }
    server.resume();
    eventually("recovery", async || (running.ask(&publish).await.0 == 200).then_some(())).await;
    for _ in 0..20 {
        assert_eq!(running.ask(&publish).await.0, 200);
    }
}

#[tokio::test]
async fn all_calls_share_one_connection() {
    let server = Redis::start().await;
    let running = Application::with_redis(&server.url()).load().await;
    let publish = format!("/publish?{},x", server.url());
    let all = (0..100).map(|_| running.ask(&publish));
    for (status, text) in futures_util::future::join_all(all).await {
        assert_eq!(status, 200, "{text}");
    }
    let mut connection = server.client().get_multiplexed_async_connection().await.unwrap();
    let clients: String = redis::cmd("CLIENT").arg("LIST").query_async(&mut connection).await.unwrap();
    assert_eq!(clients.lines().count(), 2, "{clients}");
    let metrics = running.runtime.metrics();
    assert!(metrics.contains(r#"hubline_redis_command_duration_seconds_count{component="guest"} 100"#), "{metrics}");
}
