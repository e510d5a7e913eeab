//! WebSockets as clients use and misuse them.

use chat::{Role, Status};
use serde_json::json;

use crate::fake::{Fake, parties};
use crate::node::{Node, node, node_with, sockets, token};
use crate::wire::{LAST, Said, TEXT, Wire, head};

const HANDSHAKE: &str = "{\"protocol\":\"json\",\"version\":1}\u{1e}";
const LEAVE: &str =
    "{\"type\":1,\"invocationId\":\"1\",\"target\":\"LeaveServiceRequest\",\"arguments\":[\"sr\"]}\u{1e}";
const PING: &str = "{\"type\":6}\u{1e}";

async fn hub() -> (Node, Fake, String) {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    (node("a", &fake).await, fake, token("carla", Role::Customer))
}

fn bodies(fake: &Fake) -> Vec<String> {
    fake.messages("sr").into_iter().map(|message| message.body).collect()
}

fn left() -> serde_json::Value {
    json!({"type": 3, "invocationId": "1", "result": null})
}

#[tokio::test]
async fn everything_may_come_in_the_first_frame() {
    let (node, _fake, token) = hub().await;
    let everything = format!("{HANDSHAKE}{LEAVE}{PING}");
    let mut wire = Wire::open(&node, "/hubs/chat", &token).await;
    wire.text(&everything).await;
    assert_eq!(wire.next().await, Said::Text("{}\u{1e}".to_owned()), "the handshake's answer has a frame of its own");
    assert_eq!(wire.message().await, left());

    // Every place at which a frame may be cut into two fragments, the middle of a word among them.
    for cut in 1..everything.len() {
        let (first, second) = everything.split_at(cut);
        let mut wire = Wire::open(&node, "/hubs/chat", &token).await;
        wire.frame(TEXT, first.as_bytes()).await;
        wire.frame(LAST, second.as_bytes()).await;
        assert_eq!(wire.next().await, Said::Text("{}\u{1e}".to_owned()), "cut at {cut}");
        assert_eq!(wire.message().await, left(), "cut at {cut}");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_means_nothing() {
    let (node, _fake, token) = hub().await;
    let mut wire = Wire::open(&node, "/hubs/chat/", &token).await;
    wire.text(HANDSHAKE).await;
    assert_eq!(wire.message().await, json!({}));
    let bearer = format!("Bearer {token}");
    let path = "/hubs/chat/negotiate/?negotiateVersion=1";
    let (status, _, body) = node.request(http::Method::POST, path, &[("authorization", &bearer)]).await;
    assert_eq!(status, 200);
    assert!(body.contains("connectionToken"), "{body}");
}

#[tokio::test]
async fn a_ping_of_the_websocket_is_answered_and_a_goodbye_returned() {
    let (node, _fake, token) = hub().await;
    let mut wire = Wire::agree(&node, &token).await;
    wire.frame(LAST | 9, b"there?").await;
    assert_eq!(wire.next().await, Said::Pong(b"there?".to_vec()));
    wire.frame(LAST | 8, b"\x03\xe9bye").await;
    assert_eq!(wire.next().await, Said::Close(1000, String::new()));
    assert_eq!(wire.next().await, Said::End);
    crate::node::until("the connection is gone", || node.metric("connections") == 0).await;
}

#[tokio::test]
async fn who_breaks_the_rules_of_websockets_is_told_with_a_code() {
    let (node, _fake, token) = hub().await;
    let huge = [head(LAST | TEXT, 1 << 40), b"x".to_vec()].concat();
    let beyond = head(LAST | TEXT, 1 << 63);
    let frame = |first: u8, length: u64| [head(first, length), vec![0; usize::try_from(length).unwrap()]].concat();
    let not_utf8 = [head(LAST | TEXT, 2), vec![0; 2]].concat();
    for (bytes, code) in [
        (frame(0x40 | LAST | TEXT, 1), 1002),
        (frame(LAST | 3, 1), 1002),
        (frame(LAST | 11, 1), 1002),
        (b"\x81\x01x".to_vec(), 1002),
        (frame(LAST, 1), 1002),
        ([frame(2, 1), frame(LAST | TEXT, 1)].concat(), 1002),
        (frame(9, 1), 1002),
        (frame(LAST | 9, 126), 1002),
        (frame(LAST | 8, 1), 1002),
        (beyond, 1002),
        // Zeros under the mask are its bytes, which are no UTF-8.
        (not_utf8, 1007),
        (huge, 1009),
    ] {
        let mut wire = Wire::agree(&node, &token).await;
        wire.bytes(&bytes).await;
        let Said::Close(given, reason) = wire.next().await else { panic!("no close for {bytes:x?}") };
        assert_eq!(given, code, "{reason} {:x?}", &bytes[..bytes.len().min(16)]);
        assert!(!reason.is_empty());
        assert_eq!(wire.next().await, Said::End);
    }
    // Half a character at the end of a message, and one in the middle of good JSON.
    for text in [&b"{\"type\":6}\x1e\xe2\x82"[..], b"{\"type\":6,\"x\":\"\xff\"}\x1e"] {
        let mut wire = Wire::agree(&node, &token).await;
        wire.frame(LAST | TEXT, text).await;
        assert!(matches!(wire.next().await, Said::Close(1007, _)));
    }
}

#[tokio::test]
async fn a_websocket_message_may_hold_any_number_of_messages() {
    let (node, _fake, token) = hub().await;
    let mut wire = Wire::agree(&node, &token).await;
    let padded = format!("{{\"type\":6,\"padding\":\"{}\"}}\u{1e}", "x".repeat(10_000));
    wire.text(&format!("{}{LEAVE}", padded.repeat(500))).await;
    assert_eq!(wire.message().await, left());
}

/// An invocation as the official client writes it: what it is called comes last.
fn invocation(id: &str, body: &str) -> String {
    let name = uuid::Uuid::new_v4();
    format!(
        "{{\"arguments\":[\"sr\",{{\"clientMessageId\":\"{name}\",\"body\":\"{body}\"}}],\"invocationId\":\"{id}\",\
         \"target\":\"SendMessage\",\"type\":1}}\u{1e}"
    )
}

#[tokio::test]
async fn four_thousand_characters_are_taken_however_they_are_escaped() {
    let (node, fake, token) = hub().await;
    let mut wire = Wire::agree(&node, &token).await;
    let emoji = "👍".repeat(4_000);
    for (number, body) in [emoji.clone(), "\\ud83d\\udc4d".repeat(4_000)].iter().enumerate() {
        wire.text(&invocation(&number.to_string(), body)).await;
        assert_eq!(wire.message().await["result"]["body"], emoji);
    }
    assert_eq!(bodies(&fake), [emoji.clone(), emoji]);
}

#[tokio::test]
async fn what_is_too_large_is_refused_by_itself_and_the_connection_lives() {
    let (node, fake, token) = hub().await;
    let mut wire = Wire::agree(&node, &token).await;
    for size in [82_000, 1_000_000, 5_000_000] {
        wire.text(&invocation("large", &"x".repeat(size))).await;
        let refused = wire.message().await;
        assert_eq!(refused["invocationId"], "large");
        assert!(refused["error"].as_str().unwrap().starts_with("too_large: "), "{refused}");
    }
    // In fragments, with others around it in one WebSocket message.
    let text = format!("{LEAVE}{}{LEAVE}", invocation("large", &"x".repeat(200_000)));
    let (first, second) = text.split_at(100_000);
    wire.frame(TEXT, first.as_bytes()).await;
    wire.frame(LAST, second.as_bytes()).await;
    assert_eq!(wire.message().await, left());
    assert_eq!(wire.message().await["invocationId"], "large");
    assert_eq!(wire.message().await, left());
    wire.text(&invocation("small", "x")).await;
    assert_eq!(wire.message().await["result"]["seq"], 1);
    assert_eq!(bodies(&fake), ["x"]);
}

#[tokio::test]
async fn what_is_too_large_and_names_no_invocation_ends_the_connection_with_the_reason() {
    let (node, _fake, token) = hub().await;
    let nobody_waits = invocation("", &"x".repeat(90_000)).replace("\"invocationId\":\"\",", "");
    for text in [nobody_waits, format!("{}\u{1e}", "x".repeat(90_000)), "x".repeat(90_000)] {
        let mut wire = Wire::agree(&node, &token).await;
        wire.text(&text).await;
        let close = wire.message().await;
        let reason = "Connection closed with an error. InvalidDataException: The maximum message size of 81920B was \
                      exceeded. The message size can be configured in AddHubOptions.";
        assert_eq!(close, json!({"type": 7, "error": reason, "allowReconnect": true}));
        assert_eq!(wire.next().await, Said::Close(1009, "the message is too large".to_owned()));
    }
}

#[tokio::test]
async fn no_more_is_gone_through_than_is_stated() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    let limits = sockets(|it| (it.refused_message, it.websocket_message) = (200_000, 300_000));
    let node = node_with("a", &fake, limits).await;
    let token = token("carla", Role::Customer);
    let mut wire = Wire::agree(&node, &token).await;
    wire.text(&invocation("large", &"x".repeat(150_000))).await;
    assert_eq!(wire.message().await["invocationId"], "large");
    // Over several WebSocket messages, for the hub's own messages don't end with them.
    for _ in 0..3 {
        wire.text(&format!("{{\"x\":\"{}", "x".repeat(90_000))).await;
    }
    assert_eq!(wire.message().await["type"], 7);
    assert!(matches!(wire.next().await, Said::Close(1009, _)));

    let mut wire = Wire::agree(&node, &token).await;
    wire.frame(TEXT, &[b' '; 60_000]).await;
    wire.bytes(&head(LAST, 250_000)).await;
    assert!(matches!(wire.next().await, Said::Close(1009, _)));
}
