//! What clients may say, and what they hear when they say something else.

use std::time::Duration;

use chat::{Role, Status};
use serde_json::json;

use crate::client::Client;
use crate::fake::{Fake, Fault, parties};
use crate::node::{Node, node, node_with, sockets, token, token_for};

async fn hub() -> (Node, Fake) {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    (node("a", &fake).await, fake)
}

#[tokio::test]
async fn handshakes_are_answered_as_by_the_reference() {
    let (node, _fake) = hub().await;
    let token = token("carla", Role::Customer);
    for (request, answer) in [
        (r#"{"protocol":"json","version":1}"#, json!({})),
        (r#"{"protocol":"json","version":2}"#, json!({})),
        (r#"{"protocol":"json","version":0}"#, json!({})),
        (
            r#"{"protocol":"json","version":3}"#,
            json!({"error": "The server does not support version 3 of the 'json' protocol."}),
        ),
        (r#"{"protocol":"messagepack","version":1}"#, json!({"error": "The protocol 'messagepack' is not supported."})),
        (
            r#"{"type":6}"#,
            json!({"error": "An unexpected error occurred during connection handshake. InvalidDataException: Missing \
                required property 'protocol'. Message content: {\"type\":6}"}),
        ),
    ] {
        let mut client = Client::raw(&node, "", &token).await.unwrap();
        client.write(&format!("{request}\u{1e}")).await;
        assert_eq!(client.next().await, answer, "{request}");
        if answer != json!({}) {
            assert_eq!(client.read().await, None);
        }
    }
    let mut client = Client::raw(&node, "", &token).await.unwrap();
    client.write(&"x".repeat(90_000)).await;
    assert_eq!(client.next().await, json!({"error": "Handshake was canceled."}));
}

#[tokio::test]
async fn messages_come_in_any_packaging() {
    let (node, _fake) = hub().await;
    let mut client = Client::raw(&node, "", &token("carla", Role::Customer)).await.unwrap();
    // The handshake in two pieces, with two invocations behind it, and a third in binary.
    client.write("{\"protocol\":\"js").await;
    let leave = |id: u8| {
        format!(
            "{{\"type\":1,\"invocationId\":\"{id}\",\"target\":\"LeaveServiceRequest\",\"arguments\":[\"sr\"]}}\u{1e}"
        )
    };
    client.write(&format!("on\",\"version\":1}}\u{1e}{}{}", leave(1), leave(2))).await;
    client.write_binary(leave(3).as_bytes()).await;
    assert_eq!(client.next().await, json!({}));
    for id in ["1", "2", "3"] {
        assert_eq!(client.next().await, json!({"type": 3, "invocationId": id, "result": null}));
    }
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection() {
    let (node, _fake) = hub().await;
    for (message, error) in [
        ("{bad", "InvalidDataException: Error reading JSON."),
        ("[]", "InvalidDataException: Unexpected JSON Token Type 'Array'. Expected a JSON Object."),
        (r#"{"type":1,"arguments":[]}"#, "InvalidDataException: Missing required property 'target'."),
    ] {
        let mut client = Client::connect(&node, "carla", Role::Customer).await;
        client.write(&format!("{message}\u{1e}")).await;
        let close = client.closed().await;
        assert_eq!(close["error"], format!("Connection closed with an error. {error}"));
        assert_eq!(close["allowReconnect"], true);
    }
    let mut client = Client::connect(&node, "carla", Role::Customer).await;
    client.write_binary(b"\xff\xfe\x1e").await;
    assert_eq!(
        client.closed().await["error"],
        "Connection closed with an error. InvalidDataException: Error reading JSON."
    );
}

#[tokio::test]
async fn wrong_invocations_fail_by_themselves() {
    let (node, fake) = hub().await;
    let mut client = Client::connect(&node, "carla", Role::Customer).await;
    let name = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
    let arguments = |target: &str, error: &str| {
        Err(format!(
            "malformed: Failed to invoke '{target}' due to an error on the server. InvalidDataException: {error}"
        ))
    };
    let binding = |argument: &str| {
        format!(
            "Error binding arguments. Make sure that the types of the provided values match the types of the hub method \
             being invoked. The argument {argument}."
        )
    };
    let count =
        |given: u8, expected: u8| format!("Invocation provides {given} argument(s) but target expects {expected}.");
    let no_id = binding("'serviceRequestId' must be a string");
    for (target, given, expected) in [
        ("SendMessage", json!([]), count(0, 2)),
        ("SendMessage", json!(["sr"]), count(1, 2)),
        ("SendMessage", json!(["sr", {}, 1]), count(3, 2)),
        ("SendMessage", json!([1, {}]), no_id.clone()),
        ("SendMessage", json!(["sr", "text"]), binding("'message' must be an object")),
        (
            "SendMessage",
            json!(["sr", {"clientMessageId": 1, "body": "x"}]),
            binding("'message.clientMessageId' must be a string"),
        ),
        (
            "SendMessage",
            json!(["sr", {"clientMessageId": name, "body": ["x"]}]),
            binding("'message.body' must be a string"),
        ),
        ("JoinServiceRequest", json!([]), count(0, 1)),
        ("JoinServiceRequest", json!(["sr", 0, "e", 1]), count(4, 3)),
        ("JoinServiceRequest", json!(["sr", "0"]), binding("'afterSeq' must be a whole number")),
        ("JoinServiceRequest", json!(["sr", 1.5]), binding("'afterSeq' must be a whole number")),
        ("JoinServiceRequest", json!(["sr", 1e19]), binding("'afterSeq' must be a whole number")),
        ("JoinServiceRequest", json!(["sr", 0, 1]), binding("'epoch' must be a string")),
        ("JoinServiceRequest", json!([{}]), no_id.clone()),
        ("LeaveServiceRequest", json!([]), count(0, 1)),
        ("LeaveServiceRequest", json!([null, null]), count(2, 1)),
        ("leaveservicerequest", json!([7]), no_id),
    ] {
        assert_eq!(client.invoke(target, given.clone()).await, arguments(target, &expected), "{target} {given}");
    }
    for target in ["Nope", "SendMessages", "", "Typing", "MarkRead"] {
        let unknown = format!(
            "not_found: Failed to invoke '{target}' due to an error on the server. HubException: Method does not exist."
        );
        assert_eq!(client.invoke(target, json!([])).await, Err(unknown));
    }
    for (given, expected) in [
        (json!(["nowhere", {"clientMessageId": name, "body": "x"}]), "not_found: there is no such service request"),
        (json!(["not an id", {"clientMessageId": name, "body": "x"}]), "not_found: there is no such service request"),
        (json!([null, {"clientMessageId": name, "body": "x"}]), "not_found: there is no such service request"),
        (json!(["sr", {"clientMessageId": "x", "body": "x"}]), "invalid: clientMessageId must be a uuid"),
        (json!(["sr", {"body": "x"}]), "invalid: clientMessageId must be a uuid"),
        (json!(["sr", {"clientMessageId": name}]), "invalid: body must not be empty"),
        (json!(["sr", {"clientMessageId": name, "body": null}]), "invalid: body must not be empty"),
    ] {
        assert_eq!(client.invoke("SendMessage", given.clone()).await, Err(expected.to_owned()), "{given}");
    }
    for id in ["nowhere", "not an id", ""] {
        let missing = "not_found: there is no such service request".to_owned();
        assert_eq!(client.join(id, None).await, Err(missing));
    }
    // Half a surrogate pair would make the whole batch unreadable.
    client.write("{\"type\":1,\"invocationId\":\"s\",\"target\":\"SendMessage\",\"arguments\":[\"sr\",{\"body\":\"\\ud800\"}]}\u{1e}").await;
    assert_eq!(client.completion("s").await, arguments("SendMessage", &binding("'message.body' must be a string")));
    assert_eq!(fake.messages("sr"), []);
}

#[tokio::test]
async fn names_are_matched_without_case_and_numbers_by_their_value() {
    let (node, fake) = hub().await;
    fake.post("sr", "theo", Role::Technician, "one");
    fake.post("sr", "theo", Role::Technician, "two");
    let mut client = Client::connect(&node, "carla", Role::Customer).await;
    let id = client.begin("joinservicerequest", json!(["sr", 1.0])).await;
    assert_eq!(client.completion(&id).await.unwrap()["lastSeq"], 2);
    assert_eq!(client.hear().await, 2);
    let name = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
    let sent = client.invoke("SENDMESSAGE", json!(["sr", {"ClientMessageId": name, "BODY": "three"}])).await.unwrap();
    assert_eq!((&sent["body"], &sent["clientMessageId"]), (&json!("three"), &json!(name)));
    // The last of two counts, whatever their case.
    client.write("{\"type\":1,\"invocationId\":\"x\",\"target\":\"SendMessage\",\"arguments\":[\"sr\",{\"body\":\"no\",\"clientMessageId\":\"00000000-0000-4000-8000-000000000000\",\"Body\":\"four\"}]}\u{1e}").await;
    assert_eq!(client.completion("x").await.unwrap()["body"], "four");
    assert_eq!(client.invoke("LeaveSERVICERequest", json!(["sr"])).await, Ok(json!(null)));
}

#[tokio::test]
async fn streams_are_not_to_be_had() {
    let (node, _fake) = hub().await;
    let mut client = Client::connect(&node, "carla", Role::Customer).await;
    for (message, error) in [
        (
            r#"{"type":4,"invocationId":"1","target":"SendMessage","arguments":[]}"#,
            "malformed: The client attempted to invoke the non-streaming 'SendMessage' method with a streaming invocation.",
        ),
        (
            r#"{"type":4,"invocationId":"1","target":"Nope","arguments":[]}"#,
            "not_found: Failed to invoke 'Nope' due to an error on the server. HubException: Method does not exist.",
        ),
        (
            r#"{"type":1,"invocationId":"1","target":"SendMessage","arguments":[],"streamIds":["s"]}"#,
            "malformed: An unexpected error occurred invoking 'SendMessage' on the server. HubException: Client sent 1 stream(s), \
             Hub method expects 0.",
        ),
    ] {
        client.write(&format!("{message}\u{1e}")).await;
        assert_eq!(client.next().await, json!({"type": 3, "invocationId": "1", "error": error}));
    }
    // None of these means anything here, and none does harm.
    for message in [
        r#"{"type":2,"invocationId":"s","item":1}"#,
        r#"{"type":3,"invocationId":"s","result":1}"#,
        r#"{"type":5,"invocationId":"s"}"#,
        r#"{"type":6}"#,
        r#"{"type":8,"sequenceId":1}"#,
        r#"{"type":9,"sequenceId":1}"#,
        r#"{"type":99}"#,
        r#"{"type":1,"target":"Nope","arguments":[]}"#,
    ] {
        client.write(&format!("{message}\u{1e}")).await;
    }
    assert!(client.is_silent(Duration::from_millis(50)).await);
    assert_eq!(client.invoke("LeaveServiceRequest", json!(["sr"])).await, Ok(json!(null)));
}

#[tokio::test]
async fn a_client_that_says_goodbye_hears_it_too() {
    let (node, _fake) = hub().await;
    let mut client = Client::connect(&node, "carla", Role::Customer).await;
    client.write("{\"type\":7}\u{1e}").await;
    assert_eq!(client.closed().await, json!({"type": 7}));
}

#[tokio::test]
async fn who_shakes_no_hands_is_shown_out() {
    let fake = Fake::new();
    let limits = sockets(|it| it.handshake = Duration::from_millis(50));
    let node = node_with("a", &fake, limits).await;
    let mut client = Client::raw(&node, "", &token("carla", Role::Customer)).await.unwrap();
    assert_eq!(client.next().await, json!({"error": "Handshake was canceled."}));
    assert_eq!(client.read().await, None);
}

#[tokio::test]
async fn silence_is_filled_with_pings_and_ends_with_a_timeout() {
    let fake = Fake::new();
    let limits =
        sockets(|it| (it.keep_alive, it.client_timeout) = (Duration::from_millis(50), Duration::from_millis(400)));
    let node = node_with("a", &fake, limits).await;
    let mut quiet = Client::connect(&node, "carla", Role::Customer).await;
    quiet.write("{\"type\":6}\u{1e}").await;
    let mut alive = Client::connect(&node, "theo", Role::Technician).await;
    for _ in 0..12 {
        alive.write("{\"type\":6}\u{1e}").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let close = quiet.closed().await;
    assert!(close["error"].as_str().unwrap().contains("has not sent a message or ping"), "{close}");
    assert_eq!(close["allowReconnect"], true);
    assert_eq!(alive.invoke("LeaveServiceRequest", json!(["sr"])).await, Ok(json!(null)));
}

#[tokio::test]
async fn an_expired_token_ends_the_connection_and_not_the_conversation() {
    let (node, _fake) = hub().await;
    let mut client = Client::with_token(&node, &token_for("carla", Role::Customer, Duration::from_secs(2))).await;
    client.join("sr", 0).await.unwrap();
    let close = client.closed().await;
    assert_eq!(close, json!({"type": 7, "error": "the token has expired", "allowReconnect": true}));
}

#[tokio::test]
async fn a_drain_finishes_what_is_under_way_and_sends_clients_elsewhere() {
    let (node, fake) = hub().await;
    let mut client = Client::connect(&node, "carla", Role::Customer).await;
    client.join("sr", 0).await.unwrap();
    fake.fail("send", &[Fault::Slow(Duration::from_millis(100))]);
    let id =
        client.begin("SendMessage", json!(["sr", {"clientMessageId": uuid::Uuid::new_v4(), "body": "last"}])).await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    let relay = node.relay.clone();
    let drained = tokio::spawn(async move { relay.drain(Duration::ZERO).await });
    assert_eq!(client.completion(&id).await.unwrap()["seq"], 1);
    assert_eq!(client.closed().await, json!({"type": 7, "allowReconnect": true}));
    drop(client);
    drained.await.unwrap();
    assert_eq!(fake.registered(), [], "the users were deregistered");
    assert_eq!(node.metric("connections"), 0);
    assert!(Client::raw(&node, "", &token("carla", Role::Customer)).await.is_err());
}
