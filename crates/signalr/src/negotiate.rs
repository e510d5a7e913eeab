//! Negotiation: what a client asks over HTTP before it opens a connection.

use serde::Serialize;

/// Why a negotiation fails. Clients expect the text in an answer with status 200: [`encode_error`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NegotiateError {
    /// No number.
    #[error("The client requested a non-integer protocol version.")]
    NotInteger,
    /// Below the lowest version that there is.
    #[error("The client requested version '{0}', but the server does not support this version.")]
    Unsupported(i64),
}

/// The version of a negotiation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// The connection's public id is all there is.
    Zero,
    /// A secret token stands for the connection beside its public id.
    One,
}

impl Version {
    /// The version to answer in: the highest that both sides know, given the query's `negotiateVersion`.
    ///
    /// # Errors
    /// Returns a [`NegotiateError`] when there is none.
    pub fn agree(asked: Option<&str>) -> Result<Self, NegotiateError> {
        let Some(asked) = asked else { return Ok(Self::Zero) };
        match asked.parse::<i64>() {
            Ok(version @ ..0) => Err(NegotiateError::Unsupported(version)),
            Ok(0) => Ok(Self::Zero),
            Ok(1..) => Ok(Self::One),
            Err(_) => Err(NegotiateError::NotInteger),
        }
    }
}

/// The answer to a negotiation: WebSockets are on offer, in both their formats.
///
/// The `token` is what a client must present as `id` when it connects. In version 0 it is the connection's id, too.
#[must_use]
pub fn encode(version: Version, connection_id: &str, token: &str) -> Vec<u8> {
    let available_transports = [Transport { transport: "WebSockets", transfer_formats: ["Text", "Binary"] }];
    let answer = match version {
        Version::Zero => {
            Answer { negotiate_version: 0, connection_id: token, connection_token: None, available_transports }
        }
        Version::One => {
            Answer { negotiate_version: 1, connection_id, connection_token: Some(token), available_transports }
        }
    };
    json(&answer)
}

/// The answer to a negotiation that fails.
#[must_use]
pub fn encode_error(error: &NegotiateError) -> Vec<u8> {
    json(&Failed { error: error.to_string() })
}

fn json(answer: &impl Serialize) -> Vec<u8> {
    // Strings and numbers always have an encoding.
    serde_json::to_vec(answer).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    negotiate_version: u8,
    connection_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_token: Option<&'a str>,
    available_transports: [Transport; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Transport {
    transport: &'static str,
    transfer_formats: [&'static str; 2],
}

#[derive(Serialize)]
struct Failed {
    error: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_byte_for_byte_what_clients_know() {
        let transports = r#""availableTransports":[{"transport":"WebSockets","transferFormats":["Text","Binary"]}]"#;
        assert_eq!(
            String::from_utf8(encode(Version::One, "i", "t")).unwrap(),
            format!(r#"{{"negotiateVersion":1,"connectionId":"i","connectionToken":"t",{transports}}}"#)
        );
        assert_eq!(
            String::from_utf8(encode(Version::Zero, "i", "t")).unwrap(),
            format!(r#"{{"negotiateVersion":0,"connectionId":"t",{transports}}}"#)
        );
    }

    #[test]
    fn versions_are_agreed_as_the_reference_does() {
        for (asked, agreed) in [
            (None, Ok(Version::Zero)),
            (Some("0"), Ok(Version::Zero)),
            (Some("1"), Ok(Version::One)),
            (Some("99"), Ok(Version::One)),
            (Some("-1"), Err(NegotiateError::Unsupported(-1))),
            (Some(""), Err(NegotiateError::NotInteger)),
            (Some("x"), Err(NegotiateError::NotInteger)),
            (Some("1.0"), Err(NegotiateError::NotInteger)),
        ] {
            assert_eq!(Version::agree(asked), agreed, "{asked:?}");
        }
        let error = Version::agree(Some("-1")).unwrap_err();
        assert_eq!(
            String::from_utf8(encode_error(&error)).unwrap(),
            r#"{"error":"The client requested version '-1', but the server does not support this version."}"#
        );
    }
}
