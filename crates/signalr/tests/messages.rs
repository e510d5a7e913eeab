//! Messages as they stand on the wire, and back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::value::RawValue;
use signalr::{
    Ack, Arguments, BindError, CancelInvocation, Close, Completion, HubMessage, Invocation, InvocationError, Outcome,
    Ping, Sequence, StreamInvocation, StreamItem,
};

const WRONG: BindError = BindError::Value { argument: "it", expected: "a string" };

fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).unwrap()
}

fn encode(message: &HubMessage<'_>) -> String {
    let mut out = Vec::new();
    match message {
        HubMessage::Invocation(it) => it.encode(&mut out),
        HubMessage::StreamItem(it) => it.encode(&mut out),
        HubMessage::Completion(it) => it.encode(&mut out),
        HubMessage::StreamInvocation(it) => it.encode(&mut out),
        HubMessage::CancelInvocation(it) => it.encode(&mut out),
        HubMessage::Ping(_) => out.extend_from_slice(Ping::ENCODED.as_bytes()),
        HubMessage::Close(it) => it.encode(&mut out),
        HubMessage::Ack(it) => it.encode(&mut out),
        HubMessage::Sequence(it) => it.encode(&mut out),
        HubMessage::Unknown => {}
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn golden() {
    let invocation = |id: Option<&'static str>, streams: &[&'static str]| Invocation {
        invocation_id: id.map(Cow::Borrowed),
        target: "M".into(),
        arguments: Arguments::new(vec![raw("42"), raw("\"a\"")]),
        stream_ids: streams.iter().map(|id| Cow::Borrowed(*id)).collect(),
    };
    let stream = StreamInvocation {
        invocation_id: "1".into(),
        target: "M".into(),
        arguments: Arguments::new(Vec::new()),
        stream_ids: Vec::new(),
    };
    let completion = |outcome| HubMessage::Completion(Completion { invocation_id: "1".into(), outcome });
    for (message, wire) in [
        (HubMessage::Invocation(invocation(None, &[])), r#"{"type":1,"target":"M","arguments":[42,"a"]}"#),
        (
            HubMessage::Invocation(invocation(Some("1"), &["s"])),
            r#"{"type":1,"invocationId":"1","target":"M","arguments":[42,"a"],"streamIds":["s"]}"#,
        ),
        (
            HubMessage::StreamItem(StreamItem { invocation_id: "1".into(), item: raw("[1]") }),
            r#"{"type":2,"invocationId":"1","item":[1]}"#,
        ),
        (completion(Outcome::Void), r#"{"type":3,"invocationId":"1"}"#),
        (completion(Outcome::Result(raw("null"))), r#"{"type":3,"invocationId":"1","result":null}"#),
        (completion(Outcome::Error("e".into())), r#"{"type":3,"invocationId":"1","error":"e"}"#),
        (HubMessage::StreamInvocation(stream), r#"{"type":4,"invocationId":"1","target":"M","arguments":[]}"#),
        (
            HubMessage::CancelInvocation(CancelInvocation { invocation_id: "1".into() }),
            r#"{"type":5,"invocationId":"1"}"#,
        ),
        (HubMessage::Ping(Ping), r#"{"type":6}"#),
        (HubMessage::Close(Close::WELL), r#"{"type":7}"#),
        (
            HubMessage::Close(Close { error: Some("e".into()), allow_reconnect: true }),
            r#"{"type":7,"error":"e","allowReconnect":true}"#,
        ),
        (HubMessage::Ack(Ack { sequence_id: 5 }), r#"{"type":8,"sequenceId":5}"#),
        (HubMessage::Sequence(Sequence { sequence_id: 6 }), r#"{"type":9,"sequenceId":6}"#),
    ] {
        assert_eq!(encode(&message), format!("{wire}\u{1e}"));
        let again = HubMessage::parse(wire.as_bytes()).unwrap();
        assert_eq!(encode(&again), format!("{wire}\u{1e}"));
    }
}

#[test]
fn an_event_is_an_invocation_that_nobody_answers() {
    let mut out = Vec::new();
    Invocation::encode_event("OnMessageReceived", raw(r#"{"seq":1}"#), &mut out);
    assert_eq!(out, b"{\"type\":1,\"target\":\"OnMessageReceived\",\"arguments\":[{\"seq\":1}]}\x1e");
}

#[test]
fn order_repetition_and_unknown_properties_do_not_matter() {
    let json =
        br#" {"arguments":["x"],"more":{"deep":[1]},"target":"Nope","invocationId":"1","t\u0061rget":"M","type":1} "#;
    let Ok(HubMessage::Invocation(invocation)) = HubMessage::parse(json) else { panic!("no invocation") };
    assert_eq!(invocation.target, "M");
    assert_eq!(invocation.arguments.bind::<String>(0, "it", "a string"), Ok("x".to_owned()));
}

#[test]
fn what_needs_no_copy_is_borrowed() {
    let json = br#"{"type":1,"target":"M","invocationId":"17","arguments":[]}"#;
    let Ok(HubMessage::Invocation(invocation)) = HubMessage::parse(json) else { panic!("no invocation") };
    assert!(matches!(invocation.target, Cow::Borrowed("M")));
    assert!(matches!(invocation.invocation_id, Some(Cow::Borrowed("17"))));
}

#[test]
fn nesting_without_end_is_no_danger() {
    let json = format!(r#"{{"type":1,"target":"M","arguments":[{}{}]}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let Ok(HubMessage::Invocation(invocation)) = HubMessage::parse(json.as_bytes()) else { panic!("no invocation") };
    assert_eq!(invocation.arguments.bind::<String>(0, "it", "a string"), Err(WRONG));
}

#[test]
fn failed_invocations_speak_like_the_reference() {
    for (error, text) in [
        (
            InvocationError::UnknownMethod { target: "M" },
            "Failed to invoke 'M' due to an error on the server. HubException: Method does not exist.",
        ),
        (
            InvocationError::Arguments { target: "M", error: BindError::Count { given: 2, expected: 1 } },
            "Failed to invoke 'M' due to an error on the server. InvalidDataException: Invocation provides 2 argument(s) \
             but target expects 1.",
        ),
        (
            InvocationError::Arguments { target: "M", error: WRONG },
            "Failed to invoke 'M' due to an error on the server. InvalidDataException: Error binding arguments. Make \
             sure that the types of the provided values match the types of the hub method being invoked. The argument 'it' \
             must be a string.",
        ),
        (
            InvocationError::Streams { target: "M", given: 1 },
            "An unexpected error occurred invoking 'M' on the server. HubException: Client sent 1 stream(s), Hub method \
             expects 0.",
        ),
        (
            InvocationError::NotStreaming { target: "M" },
            "The client attempted to invoke the non-streaming 'M' method with a streaming invocation.",
        ),
    ] as [(InvocationError<'_>, &str); 5]
    {
        assert_eq!(error.to_string(), text);
    }
}

proptest! {
    #[test]
    fn any_text_survives_the_wire(id in any::<String>(), target in any::<String>(), argument in any::<String>()) {
        let argument = serde_json::value::to_raw_value(&argument).unwrap();
        let invocation = Invocation {
            invocation_id: Some(Cow::Borrowed(&id)),
            target: Cow::Borrowed(&target),
            arguments: Arguments::new(vec![&argument]),
            stream_ids: Vec::new(),
        };
        let mut wire = Vec::new();
        invocation.encode(&mut wire);
        prop_assert_eq!(wire.pop(), Some(signalr::SEPARATOR));
        prop_assert!(!wire.contains(&signalr::SEPARATOR), "a separator inside a message");
        let Ok(HubMessage::Invocation(again)) = HubMessage::parse(&wire) else { panic!("no invocation") };
        prop_assert_eq!(again.invocation_id.as_deref(), Some(id.as_str()));
        prop_assert_eq!(again.target, target);
        prop_assert_eq!(again.arguments.raw()[0].get(), argument.get());
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = HubMessage::parse(&bytes);
    }

    #[test]
    fn no_json_panics(
        kind in -2_i64..11,
        values in proptest::collection::vec(
            proptest::sample::select(vec!["null", "true", "1", "-1.5", "\"x\"", "[]", "{}", "[1]"]),
            10,
        ),
    ) {
        let names = ["headers", "invocationId", "target", "arguments", "streamIds", "item", "result", "error",
            "allowReconnect", "sequenceId"];
        let fields: String = names.iter().zip(&values).map(|(name, value)| format!(",\"{name}\":{value}")).collect();
        let _ = HubMessage::parse(format!("{{\"type\":{kind}{fields}}}").as_bytes());
    }
}
