//! Keys that change: the issuer's, and those by which the parts know each other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chat::wire::{IssuerKeys, KeysRequest, RelayKey, SendRequest};
use chat::{ErrorCode, Problem, Refusal, Role};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use identity::Settings;
use relay::{CallError, Config, Functions, Unfit};
use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use crate::client::Client;
use crate::node::{Node, config, quick, start, until};

const OLD_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"old","x":"Mr9QZhr_3I6VUGyWqFCVnWVV6Szfo5xn--d17HBnXoU"}"#;
const OLD: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6Im9sZCJ9.eyJzdWIiOiJjYXJsYSIsInJvbGUiOiJjdXN0b21lciIsImV4cCI6NDEwMjQ0NDgwMH0.ldniuuT3TYI20pdylnqJJOQa1DdeZ4k2fs0IykpX4enHc_SMkEt3xlIeHkkQDyyftkYsnGe-iPqUlwJBxIJSCw";
const NEW_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"new","x":"FbeV6XC8ZaU7WpO7mGV-T_qQvEMLehcYJ0KErZqiWMI"}"#;
const NEW: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6Im5ldyJ9.eyJzdWIiOiJjYXJsYSIsInJvbGUiOiJjdXN0b21lciIsImV4cCI6NDEwMjQ0NDgwMH0.9lNZUcQ5jUlcHB63cwM5bL9wDk_29g8dWdPhszEAHAhZwDAY8V7qOq8AChfkCEC34xBbe9NioBqjB1M5TC22Dg";

/// Functions that know an issuer's keys and nothing else, and who of their relays they know.
#[derive(Default)]
struct Keepers {
    kept: Mutex<IssuerKeys>,
    relay_keys: Mutex<Vec<&'static str>>,
    /// Whether the question for keys is never answered.
    hang: AtomicBool,
    /// How often they were asked for keys, and how often for one that is not known.
    asked: AtomicUsize,
    unknown: AtomicUsize,
    refused: AtomicUsize,
    batches: AtomicUsize,
}

impl Keepers {
    fn new() -> Arc<Self> {
        let keepers = Self::default();
        keepers.know(&["key"]);
        Arc::new(keepers)
    }

    fn know(&self, keys: &[&'static str]) {
        *self.relay_keys.lock().unwrap() = keys.to_vec();
    }

    /// The issuer was asked just now, and has answered with these keys or not at all.
    fn publish(&self, keys: Option<&[&str]>) {
        let mut kept = self.kept.lock().unwrap();
        kept.ask += 1;
        (kept.asked, kept.answered) = (Some(0), Some(keys.is_some()));
        if let Some(keys) = keys {
            (kept.keys, kept.fetched) = (Some(format!(r#"{{"keys":[{}]}}"#, keys.join(","))), Some(0));
        }
    }

    fn answer(&self, request: &Request<Bytes>) -> Result<Vec<u8>, Refusal> {
        let key = request.headers()[RelayKey::HEADER].to_str().unwrap();
        if !self.relay_keys.lock().unwrap().contains(&key) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(RelayKey::refusal());
        }
        match request.uri().path() {
            "/internal/keys" => {
                let asked: KeysRequest = serde_json::from_slice(request.body()).unwrap();
                self.asked.fetch_add(1, Ordering::SeqCst);
                self.unknown.fetch_add(usize::from(asked.unknown), Ordering::SeqCst);
                Ok(serde_json::to_vec(&*self.kept.lock().unwrap()).unwrap())
            }
            "/internal/messages" => {
                let batch: SendRequest = serde_json::from_slice(request.body()).unwrap();
                self.batches.fetch_add(1, Ordering::SeqCst);
                let missing = json!({"error": ErrorCode::NotFound.refusal("there is no such service request")});
                Ok(json!({"outcomes": vec![missing; batch.items.len()], "conversations": []}).to_string().into_bytes())
            }
            "/internal/sweep" => Ok(json!({"epoch": "one", "changed": []}).to_string().into_bytes()),
            _ => Err(ErrorCode::NotFound.refusal("there is no such service request")),
        }
    }
}

impl Functions for Keepers {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, CallError>> {
        let hang = self.hang.load(Ordering::SeqCst) && request.uri().path() == "/internal/keys";
        let answer = self.answer(&request);
        async move {
            if hang {
                std::future::pending::<()>().await;
            }
            let (status, body) = match answer {
                Ok(body) => (StatusCode::OK, body),
                Err(refusal) => {
                    let problem = Problem::from(refusal);
                    (StatusCode::from_u16(problem.status).unwrap(), serde_json::to_vec(&problem).unwrap())
                }
            };
            Ok(Response::builder().status(status).body(body.into()).unwrap())
        }
        .boxed()
    }
}

/// A node whose tokens an issuer signs.
async fn by_issuer(keepers: &Arc<Keepers>) -> Node {
    let tokens = Settings {
        jwks_url: Some("https://issuer.example/keys".to_owned()),
        audience: Some("any".to_owned()),
        ..Settings::default()
    };
    let limits = relay::Limits { keys: Duration::from_millis(100), ..quick() };
    start(Config { relay_key: "key".to_owned(), tokens, limits, ..config() }, keepers.clone()).await
}

/// A node that shows these keys to the functions.
async fn with_relay_key(relay_key: &str, keepers: &Arc<Keepers>) -> Node {
    start(Config { relay_key: relay_key.to_owned(), ..config() }, keepers.clone()).await
}

/// The status of an attempt to connect.
async fn status(node: &Node, token: &str) -> u16 {
    match Client::raw(node, "", token).await {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn nobody_is_let_in_or_turned_away_for_good_before_the_issuer_has_spoken() {
    let keepers = Keepers::new();
    let node = by_issuer(&keepers).await;
    assert_eq!(status(&node, OLD).await, 503);
    assert_eq!(node.relay.check(), Err(Unfit::Tokens));
    keepers.publish(None);
    assert_eq!(status(&node, OLD).await, 503);
    keepers.publish(Some(&[OLD_KEY]));
    until("the keys come by themselves", || node.relay.check() == Ok(())).await;
    assert_eq!((status(&node, OLD).await, status(&node, NEW).await), (101, 401));
}

#[tokio::test]
async fn whoever_makes_up_keys_has_the_functions_asked_once_in_a_while() {
    let keepers = Keepers::new();
    keepers.publish(Some(&[OLD_KEY]));
    let node = by_issuer(&keepers).await;
    until("the keys are there", || node.relay.check() == Ok(())).await;
    for _ in 0..50 {
        assert_eq!(status(&node, NEW).await, 401);
    }
    assert!(keepers.unknown.load(Ordering::SeqCst) <= 5, "{}", keepers.unknown.load(Ordering::SeqCst));
    let asked = keepers.asked.load(Ordering::SeqCst);
    until("and goes on being asked", || keepers.asked.load(Ordering::SeqCst) > asked + 3).await;
}

#[tokio::test]
async fn nobody_waits_for_the_issuer_of_anothers_key() {
    let keepers = Keepers::new();
    keepers.publish(Some(&[OLD_KEY]));
    let node = by_issuer(&keepers).await;
    until("the keys are there", || node.relay.check() == Ok(())).await;
    // So long ago that a key may be new.
    keepers.kept.lock().unwrap().asked = Some(20_000);
    tokio::time::sleep(Duration::from_millis(300)).await;
    keepers.hang.store(true, Ordering::SeqCst);
    let stranger = async {
        let began = Instant::now();
        (status(&node, NEW).await, began.elapsed())
    };
    let users = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let began = Instant::now();
        for _ in 0..20 {
            assert_eq!(status(&node, OLD).await, 101);
        }
        began.elapsed()
    };
    let ((refused, waited), others) = tokio::join!(stranger, users);
    assert_eq!(refused, 503);
    assert!(waited > Duration::from_secs(2) && others < Duration::from_secs(2), "{waited:?}, {others:?}");
}

#[tokio::test]
async fn a_withdrawn_key_ends_the_connections_that_came_by_it() {
    let keepers = Keepers::new();
    keepers.publish(Some(&[OLD_KEY, NEW_KEY]));
    let node = by_issuer(&keepers).await;
    until("the keys are there", || node.relay.check() == Ok(())).await;
    let mut old = Client::with_token(&node, OLD).await;
    let mut new = Client::with_token(&node, NEW).await;
    keepers.publish(Some(&[NEW_KEY]));
    assert_eq!(old.next().await, json!({"type": 7, "error": "the token's key was withdrawn", "allowReconnect": true}));
    assert_eq!(status(&node, OLD).await, 401);
    assert_eq!(new.join("sr", 0).await.unwrap_err(), "not_found: there is no such service request");
}

#[tokio::test]
async fn a_relay_that_the_functions_do_not_know_says_so_and_tells_clients_unavailable() {
    let keepers = Keepers::new();
    let node = with_relay_key("another", &keepers).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let refused = keepers.refused.load(Ordering::SeqCst);
    assert!(carla.join("sr", 0).await.unwrap_err().starts_with("unavailable: "));
    assert!(carla.say("sr", "hello").await.unwrap_err().starts_with("unavailable: "));
    // A key that is refused once is refused again: nothing is tried by the message.
    assert!(keepers.refused.load(Ordering::SeqCst) <= refused + 8, "{}", keepers.refused.load(Ordering::SeqCst));
    assert_eq!(node.relay.check(), Err(Unfit::RelayKey));
    keepers.know(&["another"]);
    assert!(carla.join("sr", 0).await.unwrap_err().starts_with("not_found: "));
    assert_eq!(node.relay.check(), Ok(()));
}

#[tokio::test]
async fn while_the_relays_key_is_exchanged_either_side_may_go_first() {
    let keepers = Keepers::new();
    keepers.know(&["old"]);
    let node = with_relay_key("new,old", &keepers).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    for known in [&["old"], &["new"], &["old"], &["new"]] {
        keepers.know(known);
        let refused = keepers.refused.load(Ordering::SeqCst);
        for _ in 0..5 {
            assert!(carla.join("sr", 0).await.unwrap_err().starts_with("not_found: "), "{known:?}");
            assert!(carla.say("sr", "hello").await.unwrap_err().starts_with("not_found: "), "{known:?}");
        }
        // What was taken last is shown first: only those that were under way at the exchange are refused.
        assert!(keepers.refused.load(Ordering::SeqCst) <= refused + 4);
        assert_eq!(node.relay.check(), Ok(()));
    }
}
