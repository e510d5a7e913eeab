//! Messages that break the protocol, and how a server closes the connection for each: asked of the reference.

use signalr::{Close, HubMessage};

/// Each message with the error that follows "Connection closed with an error. ".
const MALFORMED: &[(&str, &str)] = &[
    ("", "InvalidDataException: Error reading JSON."),
    ("{bad", "InvalidDataException: Error reading JSON."),
    (r#"{"type":6"#, "InvalidDataException: Error reading JSON."),
    (r#"{"type":6}x"#, "InvalidDataException: Error reading JSON."),
    (r#"{"type":6}{"type":6}"#, "InvalidDataException: Error reading JSON."),
    (r#"{"type":6/*x*/}"#, "InvalidDataException: Error reading JSON."),
    (r#"{"type":6,}"#, "InvalidDataException: Error reading JSON."),
    ("[]", "InvalidDataException: Unexpected JSON Token Type 'Array'. Expected a JSON Object."),
    ("null", "InvalidDataException: Unexpected JSON Token Type 'Null'. Expected a JSON Object."),
    ("\"x\"", "InvalidDataException: Unexpected JSON Token Type 'String'. Expected a JSON Object."),
    ("5", "InvalidDataException: Unexpected JSON Token Type 'Number'. Expected a JSON Object."),
    ("-5", "InvalidDataException: Unexpected JSON Token Type 'Number'. Expected a JSON Object."),
    ("true", "InvalidDataException: Unexpected JSON Token Type 'True'. Expected a JSON Object."),
    ("{}", "InvalidDataException: Missing required property 'type'."),
    (r#"{"Type":6}"#, "InvalidDataException: Missing required property 'type'."),
    (r#"{"type":"6"}"#, "InvalidDataException: Expected 'type' to be of type Number."),
    (r#"{"type":null}"#, "InvalidDataException: Expected 'type' to be of type Number."),
    (
        r#"{"type":1.5}"#,
        "FormatException: Either the JSON value is not in a supported format, or is out of bounds for an Int32.",
    ),
    (
        r#"{"type":99999999999}"#,
        "FormatException: Either the JSON value is not in a supported format, or is out of bounds for an Int32.",
    ),
    (r#"{"type":1,"arguments":[]}"#, "InvalidDataException: Missing required property 'target'."),
    (r#"{"type":1,"target":null,"arguments":[]}"#, "InvalidDataException: Expected 'target' to be of type String."),
    (r#"{"type":1,"target":5,"arguments":[]}"#, "InvalidDataException: Expected 'target' to be of type String."),
    (r#"{"type":1,"target":"\ud800","arguments":[]}"#, "InvalidDataException: Error reading JSON."),
    (r#"{"type":1,"target":"M"}"#, "InvalidDataException: Missing required property 'arguments'."),
    (r#"{"type":1,"target":"M","arguments":null}"#, "InvalidDataException: Expected 'arguments' to be of type Array."),
    (r#"{"type":1,"target":"M","arguments":{}}"#, "InvalidDataException: Expected 'arguments' to be of type Array."),
    (
        r#"{"type":1,"invocationId":1,"target":"M","arguments":[]}"#,
        "InvalidDataException: Expected 'invocationId' to be of type String.",
    ),
    (
        r#"{"type":1,"invocationId":null,"target":"M","arguments":[]}"#,
        "InvalidDataException: Expected 'invocationId' to be of type String.",
    ),
    (
        r#"{"type":1,"target":"M","arguments":[],"streamIds":5}"#,
        "InvalidDataException: Expected 'streamIds' to be of type Array.",
    ),
    (
        r#"{"type":1,"target":"M","arguments":[],"streamIds":[5]}"#,
        "InvalidDataException: Expected 'streamIds' to be of type String.",
    ),
    (
        r#"{"type":1,"target":"M","arguments":[],"headers":{"a":1}}"#,
        "InvalidDataException: Expected header 'a' to be of type String.",
    ),
    (r#"{"type":2,"item":1}"#, "InvalidDataException: Missing required property 'invocationId'."),
    (r#"{"type":2,"invocationId":"1"}"#, "InvalidDataException: Missing required property 'item'."),
    (r#"{"type":3}"#, "InvalidDataException: Missing required property 'invocationId'."),
    (
        r#"{"type":3,"invocationId":"1","result":1,"error":"e"}"#,
        "InvalidDataException: The 'error' and 'result' properties are mutually exclusive.",
    ),
    (r#"{"type":4,"target":"M","arguments":[]}"#, "InvalidDataException: Missing required property 'invocationId'."),
    (r#"{"type":5}"#, "InvalidDataException: Missing required property 'invocationId'."),
    (r#"{"type":7,"error":5}"#, "InvalidDataException: Expected 'error' to be of type String."),
    (r#"{"type":7,"allowReconnect":"y"}"#, "InvalidDataException: Expected 'allowReconnect' to be of type Boolean."),
    (r#"{"type":8}"#, "InvalidDataException: Missing required property 'sequenceId'."),
    (r#"{"type":9,"sequenceId":"1"}"#, "InvalidDataException: Expected 'sequenceId' to be of type Number."),
];

#[test]
fn each_closes_the_connection_with_the_words_of_the_reference() {
    for (message, expected) in MALFORMED {
        let error = HubMessage::parse(message.as_bytes()).expect_err(message);
        let mut close = Vec::new();
        Close::failed(&error).encode(&mut close);
        let expected =
            format!(r#"{{"type":7,"error":"Connection closed with an error. {expected}","allowReconnect":true}}"#);
        assert_eq!(String::from_utf8(close).unwrap(), format!("{expected}\u{1e}"), "{message}");
    }
}

#[test]
fn invalid_utf8_is_no_json() {
    for bytes in [&b"\xff"[..], b"{\"type\":1,\"target\":\"\xff\",\"arguments\":[]}", b"{\"\xff\":1,\"type\":6}"] {
        assert!(HubMessage::parse(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn types_that_nobody_knows_are_ignored() {
    for message in [r#"{"type":0}"#, r#"{"type":-1}"#, r#"{"type":99,"x":[]}"#] {
        assert!(matches!(HubMessage::parse(message.as_bytes()), Ok(HubMessage::Unknown)), "{message}");
    }
}
