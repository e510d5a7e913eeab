//! A message that somebody wants to send.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{Body, ErrorCode, FieldError, Refusal, ServiceRequestId};

/// A message that somebody wants to send, with every rule kept that can be checked without the database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Draft {
    /// Where it shall go.
    pub service_request_id: ServiceRequestId,
    /// The sender's own name for it.
    pub client_message_id: Uuid,
    /// What it says.
    pub body: Body,
}

impl Draft {
    /// Checks what a client gave.
    ///
    /// # Errors
    /// Returns a refusal that names every field which breaks its rule.
    pub fn parse(service_request_id: &str, client_message_id: &str, body: &str) -> Result<Self, Refusal> {
        let id =
            ServiceRequestId::parse(service_request_id).map_err(|error| FieldError::new("serviceRequestId", error));
        let client = parse_uuid(client_message_id)
            .ok_or_else(|| FieldError::new("clientMessageId", "must be a uuid of 36 characters"));
        let body = Body::parse(body).map_err(|error| FieldError::new("body", error));
        match (id, client, body) {
            (Ok(service_request_id), Ok(client_message_id), Ok(body)) => {
                Ok(Self { service_request_id, client_message_id, body })
            }
            (id, client, body) => {
                Err(Refusal::invalid([id.err(), client.err(), body.err()].into_iter().flatten().collect()))
            }
        }
    }
}

/// Reads the one spelling of a uuid that JSON has; the library would take braces and URNs as well.
fn parse_uuid(text: &str) -> Option<Uuid> {
    if text.len() == uuid::fmt::Hyphenated::LENGTH { Uuid::try_parse(text).ok() } else { None }
}

/// The fields of a message as a client sent them, before any is known to be there or to be a text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageForm {
    client_message_id: Value,
    body: Value,
}

impl MessageForm {
    /// Reads the JSON object of a send.
    ///
    /// # Errors
    /// Returns [`ErrorCode::Malformed`] for what is no JSON object.
    pub fn from_json(json: &[u8]) -> Result<Self, Refusal> {
        object(json)
    }

    /// The two texts, `clientMessageId` and `body`, still unchecked.
    ///
    /// # Errors
    /// Returns a refusal that names every field which is missing or no text.
    pub fn into_texts(self) -> Result<(String, String), Refusal> {
        let client = required_text("clientMessageId", self.client_message_id);
        let body = required_text("body", self.body);
        match (client, body) {
            (Ok(client), Ok(body)) => Ok((client, body)),
            (client, body) => Err(Refusal::invalid([client.err(), body.err()].into_iter().flatten().collect())),
        }
    }
}

/// Reads a JSON object of optional members.
pub(crate) fn object<T: for<'de> Deserialize<'de>>(json: &[u8]) -> Result<T, Refusal> {
    // By way of a value, since a struct would also be read from an array.
    let value: Value = serde_json::from_slice(json)
        .map_err(|error| ErrorCode::Malformed.refusal(format!("the body is no JSON: {error}")))?;
    if !value.is_object() {
        return Err(ErrorCode::Malformed.refusal("the body is no JSON object"));
    }
    serde_json::from_value(value).map_err(|error| ErrorCode::Malformed.refusal(error.to_string()))
}

/// A member that must be there and be a text.
pub(crate) fn required_text(field: &str, value: Value) -> Result<String, FieldError> {
    match value {
        Value::String(text) => Ok(text),
        Value::Null => Err(FieldError::new(field, "is required")),
        _ => Err(FieldError::new(field, "must be a string")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

    fn fields(refusal: Refusal) -> Vec<String> {
        assert_eq!(refusal.code, ErrorCode::Invalid);
        refusal.errors.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn a_draft_keeps_every_rule() {
        let draft = Draft::parse("sr-1", &UUID.to_uppercase(), " hi ").unwrap();
        assert_eq!(draft.client_message_id.to_string(), UUID);
        assert_eq!(draft.body.as_str(), " hi ");
    }

    #[test]
    fn every_field_at_fault_is_named() {
        assert_eq!(fields(Draft::parse("sr-1", UUID, "").unwrap_err()), ["body"]);
        assert_eq!(
            fields(Draft::parse("s r", "x", "\0").unwrap_err()),
            ["serviceRequestId", "clientMessageId", "body"]
        );
        for spelling in [
            "6fa459eaee8a4ca4894edb77e160355e",
            "{6fa459ea-ee8a-4ca4-894e-db77e160355e}",
            "urn:uuid:6fa459ea-ee8a-4ca4-894e-db77e160355e",
            "6fa459ea-ee8a-4ca4-894e-db77e160355g",
            "",
        ] {
            assert_eq!(fields(Draft::parse("sr-1", spelling, "x").unwrap_err()), ["clientMessageId"]);
        }
    }

    #[test]
    fn a_form_tells_unreadable_from_wrong() {
        for unreadable in ["", "{", "[]", "null", "\"x\"", "[\"a\",\"b\"]", "{} x"] {
            assert_eq!(MessageForm::from_json(unreadable.as_bytes()).unwrap_err().code, ErrorCode::Malformed);
        }
        let form = |json: &str| MessageForm::from_json(json.as_bytes()).unwrap().into_texts();
        assert_eq!(fields(form("{}").unwrap_err()), ["clientMessageId", "body"]);
        assert_eq!(fields(form(r#"{"clientMessageId":1,"body":"x"}"#).unwrap_err()), ["clientMessageId"]);
        assert_eq!(form(r#"{"clientMessageId":"a","body":"x","more":1}"#), Ok(("a".into(), "x".into())));
    }
}
