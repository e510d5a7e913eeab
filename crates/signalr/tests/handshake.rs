//! Handshakes, and what a server says to those that can't be.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use signalr::{HandshakeRequest, HandshakeResponse};

fn answer(request: &str) -> String {
    match HandshakeRequest::parse(request.as_bytes()) {
        Ok(_) => HandshakeResponse::AGREED.to_owned(),
        Err(error) => {
            let mut out = Vec::new();
            HandshakeResponse::encode_error(&error, &mut out);
            String::from_utf8(out).unwrap()
        }
    }
}

#[test]
fn both_versions_are_agreed() {
    for version in [1, 2] {
        let mut request = Vec::new();
        HandshakeRequest { version }.encode(&mut request);
        assert_eq!(request.pop(), Some(signalr::SEPARATOR));
        assert_eq!(HandshakeRequest::parse(&request), Ok(HandshakeRequest { version }));
    }
    for good in [
        r#"{"protocol":"JSON","version":1}"#,
        r#" {"version" : 1, "protocol" : "j\u0073on", "more": [1, {}]} "#,
        r#"{"protocol":"foo","protocol":"json","version":1}"#,
    ] {
        assert_eq!(answer(good), "{}\u{1e}", "{good}");
    }
}

#[test]
fn who_asks_for_less_than_the_first_version_gets_it() {
    for version in ["0", "-0", "-1", "-2147483648"] {
        let request = format!(r#"{{"protocol":"json","version":{version}}}"#);
        assert_eq!(HandshakeRequest::parse(request.as_bytes()), Ok(HandshakeRequest { version: 1 }), "{version}");
    }
}

#[test]
fn every_other_is_refused_in_the_words_of_the_reference() {
    let unexpected = "An unexpected error occurred during connection handshake. InvalidDataException: ";
    for (request, error) in [
        (
            r#"{"protocol":"json","version":3}"#,
            "The server does not support version 3 of the 'json' protocol.".to_owned(),
        ),
        (
            r#"{"protocol":"json","version":1.5}"#,
            "The server does not support version 1.5 of the 'json' protocol.".into(),
        ),
        (
            r#"{"protocol":"json","version":-2147483649}"#,
            "The server does not support version -2147483649 of the 'json' protocol.".into(),
        ),
        (r#"{"protocol":"foo","version":1}"#, "The protocol 'foo' is not supported.".into()),
        (r#"{"protocol":"messagepack","version":1}"#, "The protocol 'messagepack' is not supported.".into()),
        (
            r#"{"version":1}"#,
            format!(r#"{unexpected}Missing required property 'protocol'. Message content: {{\"version\":1}}"#),
        ),
        (
            r#"{"protocol":"json"}"#,
            format!(r#"{unexpected}Missing required property 'version'. Message content: {{\"protocol\":\"json\"}}"#),
        ),
        (r#"{"protocol":1,"version":1}"#, format!("{unexpected}Expected 'protocol' to be of type String.")),
        (r#"{"protocol":null,"version":1}"#, format!("{unexpected}Expected 'protocol' to be of type String.")),
        (r#"{"protocol":"json","version":"1"}"#, format!("{unexpected}Expected 'version' to be of type Number.")),
        ("[]", format!("{unexpected}Unexpected JSON Token Type 'Array'. Expected a JSON Object.")),
        ("null", format!("{unexpected}Unexpected JSON Token Type 'Null'. Expected a JSON Object.")),
        ("{bad", format!("{unexpected}Error reading JSON.")),
        ("", format!("{unexpected}Error reading JSON.")),
    ] {
        assert_eq!(answer(request), format!("{{\"error\":\"{error}\"}}\u{1e}"), "{request}");
    }
}
