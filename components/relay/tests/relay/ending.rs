//! What ends in the middle of its work: it leaves nothing behind, and what must not end is noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chat::{Role, Status};
use relay::{Config, Limits, Relay};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Event, Metadata, Subscriber};

use crate::client::Client;
use crate::fake::{Fake, Fault, parties};
use crate::node::{config, node, until};

/// A log that breaks under whoever writes to it from one module: anything may panic, and this can be told to.
struct Trap {
    module: &'static str,
    sprung: Arc<AtomicBool>,
}

impl Subscriber for Trap {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.module_path() == Some(self.module)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.sprung.store(true, Ordering::Relaxed);
        panic!("the log broke");
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A trap for as long as it is kept: everything of a test runs on its one thread. Something must have gone into it.
struct Laid {
    _guard: DefaultGuard,
    sprung: Arc<AtomicBool>,
}

impl Drop for Laid {
    fn drop(&mut self) {
        assert!(std::thread::panicking() || self.sprung.load(Ordering::Relaxed), "nothing went into the trap");
    }
}

fn trap(module: &'static str) -> Laid {
    let sprung = Arc::default();
    Laid { _guard: set_default(Trap { module, sprung: Arc::clone(&sprung) }), sprung }
}

fn open() -> Fake {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    fake
}

#[tokio::test]
async fn a_socket_that_panics_leaves_no_connection_behind() {
    let fake = open();
    let node = node("a", &fake).await;
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    theo.join("sr", 0).await.unwrap();
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    until("both are registered", || fake.registered().len() == 2).await;

    let trap = trap("signalr_server::socket");
    // A frame of a kind that there is none of, about which its task writes to the log.
    carla.write_bytes(&[0x83, 0x80, 0, 0, 0, 0]).await;
    until("the connection is gone", || node.metric("connections") == 1).await;
    drop(trap);
    until("its user is deregistered", || fake.registered() == [("a/sr".to_owned(), "theo".to_owned())]).await;
    assert_eq!(theo.say("sr", "still here").await.unwrap()["seq"], 1);
    drop(theo);
    until("the conversation is let go of", || node.metric("conversations") == 0).await;
    let relay = node.relay.clone();
    tokio::time::timeout(Duration::from_secs(1), relay.drain(Duration::ZERO)).await.expect("nothing is waited for");
}

#[tokio::test]
async fn a_join_that_panics_ends_for_its_client() {
    let fake = open();
    let node = node("a", &fake).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    fake.fail("join", &[Fault::Unreadable]);
    let trap = trap("relay::hub::join");
    assert!(carla.join("sr", 0).await.unwrap_err().starts_with("unavailable: "));
    drop(trap);
    assert_eq!(node.metric("invocations"), 0);
    carla.join("sr", 0).await.unwrap();
    assert_eq!(carla.say("sr", "hello").await.unwrap()["seq"], 1);
}

#[tokio::test]
async fn a_catch_up_that_panics_is_made_by_the_next() {
    let fake = open();
    let node = node("a", &fake).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    fake.ringing.store(false, std::sync::atomic::Ordering::SeqCst);
    fake.fail("history", &[Fault::Unavailable]);
    let trap = trap("relay::upkeep::catch_up");
    fake.post("sr", "theo", Role::Technician, "nobody rang");
    until("history was asked", || fake.is_healed("history")).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(trap);
    assert_eq!(carla.hear().await, 1);
}

#[tokio::test]
async fn what_must_not_end_ends_the_relay_with_its_reason() {
    for (route, module, task) in [
        ("sweep", "relay::upkeep::sweep", "`sweep`"),
        ("send", "relay::sending::batch", "`lane "),
        ("leave", "relay::upkeep::leaving", "`leaves`"),
    ] {
        let fake = open();
        let mut node = node("a", &fake).await;
        let mut carla = Client::connect(&node, "carla", Role::Customer).await;
        carla.join("sr", 0).await.unwrap();
        let _trap = trap(module);
        fake.fail(route, &[Fault::Unavailable; 20]);
        carla.begin("SendMessage", json!(["sr", {"clientMessageId": uuid::Uuid::new_v4(), "body": "hello"}])).await;
        if route == "leave" {
            carla.begin("LeaveServiceRequest", json!(["sr"])).await;
        }
        let reason = node.end(route).await;
        assert!(reason.contains(task) && reason.contains("the log broke"), "{route}: {reason}");
    }
}

#[tokio::test]
async fn a_relay_that_is_told_to_stop_has_not_failed() {
    let fake = open();
    let relay = Relay::new(Config { limits: Limits::default(), ..config() }, Arc::new(fake)).unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (relay, stop) = (relay.clone(), stop.clone());
        async move { relay.run(stop).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn clients_are_sent_away_over_time() {
    let fake = open();
    let node = node("a", &fake).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(Client::connect(&node, "carla", Role::Customer).await);
    }
    let ends = clients.into_iter().map(|mut client| async move {
        assert_eq!(client.closed().await["allowReconnect"], true);
        Instant::now()
    });
    let (ends, ()) = tokio::join!(futures_util::future::join_all(ends), node.relay.drain(Duration::from_millis(300)));
    let (first, last) = (ends.iter().min().unwrap(), ends.iter().max().unwrap());
    assert!(*last - *first >= Duration::from_millis(250), "all within {:?}", *last - *first);
    let together = ends.iter().filter(|end| **end - *first < Duration::from_millis(30)).count();
    assert!(together < 15, "{together} of 20 at once");
}
