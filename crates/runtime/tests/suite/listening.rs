//! The Redis trigger.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::application::Application;
use crate::servers::{Redis, eventually};

#[tokio::test]
async fn every_message_is_handled() {
    let server = Redis::start().await;
    let running = Application::with_redis(&server.url()).load().await;
    let stop = CancellationToken::new();
    let triggers = running.runtime.start_triggers(stop.clone());
    server.publish_heard("heard", "first").await;
    for number in 0..300 {
        server.publish("heard", &number.to_string()).await;
        server.publish("elsewhere", "x").await;
    }
    let mut heard = server.heard_at_least(301).await;
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), 301);
    stop.cancel();
    triggers.await.unwrap().unwrap();
    assert_eq!(server.publish("heard", "late").await, 0);
}

#[tokio::test]
async fn messages_are_handled_at_once_not_one_after_another() {
    let server = Redis::start().await;
    let running = Application::with_redis(&server.url()).load().await;
    running.runtime.start_triggers(CancellationToken::new());
    server.publish_heard("heard", "first").await;
    let start = Instant::now();
    for _ in 0..16 {
        server.publish("heard", "slow").await;
    }
    server.heard_at_least(17).await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_goes_wrong_with_one_message_leaves_the_next_alone() {
    let server = Redis::start().await;
    let mut application = Application::with_redis(&server.url());
    application.limits.call = Duration::from_millis(500);
    let running = application.load().await;
    running.runtime.start_triggers(CancellationToken::new());
    server.publish_heard("heard", "first").await;
    server.heard_at_least(1).await;
    for bad in ["trap", "fail", "hang"] {
        server.publish("heard", bad).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.publish("heard", "next").await;
    }
    let heard = server.heard_at_least(4).await;
    assert_eq!(heard.iter().filter(|message| *message == "next").count(), 3, "{heard:?}");
}

#[tokio::test]
async fn subscribes_again_by_itself() {
    let mut server = Redis::start().await;
    let running = Application::with_redis(&server.url()).load().await;
    running.runtime.start_triggers(CancellationToken::new());
    server.publish_heard("heard", "before").await;
    server.heard_at_least(1).await;
    server.crash();
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.resume();
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The function's own connection has to come back as well.
    eventually("hearing again", async || {
        server.publish_heard("heard", "after").await;
        server.heard().await.contains(&"after".to_owned()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn starts_before_its_server() {
    let mut server = Redis::start().await;
    server.crash();
    let running = Application::with_redis(&server.url()).load().await;
    running.runtime.start_triggers(CancellationToken::new());
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.resume();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.publish_heard("heard", "late").await;
    server.heard_at_least(1).await;
}

#[tokio::test]
async fn what_has_begun_is_finished_before_the_end() {
    let server = Redis::start().await;
    let running = Application::with_redis(&server.url()).load().await;
    let stop = CancellationToken::new();
    let triggers = running.runtime.start_triggers(stop.clone());
    server.publish_heard("heard", "slow").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.cancel();
    triggers.await.unwrap().unwrap();
    assert_eq!(server.heard().await, ["slow"]);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_noticed() {
    let server = Redis::start().await;
    let running = Application::with_redis(&server.url()).load().await;
    running.runtime.start_triggers(CancellationToken::new());
    let subscribed =
        |value: u8| format!("hubline_redis_subscribed{{server=\"127.0.0.1:{}\"}} {value}\n", server.port());
    let becomes = async |value| {
        eventually("the gauge", async || running.runtime.metrics().contains(&subscribed(value)).then_some(())).await;
    };
    becomes(1).await;
    server.freeze();
    becomes(0).await;
    server.thaw();
    becomes(1).await;
    server.publish_heard("heard", "again").await;
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_at_once() {
    let more = "[[trigger.redis]]\ncomponent = \"guest\"\nchannel = \"c\"\naddress = \"127.0.0.1\"\n".to_owned();
    let Err(error) = (Application { more, ..Application::default() }).try_load().await else { panic!("it loaded") };
    assert!(error.to_string().contains("the address of a Redis trigger is invalid"), "{error}");
}
