//! What a caller is told when something is not done.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The codes of the contract. Clients decide by them, so none ever changes meaning.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request can't be read.
    Malformed,
    /// The request can be read and breaks a rule; the fields are named.
    Invalid,
    /// No token, or none that holds.
    Unauthenticated,
    /// The token holds and does not allow this.
    Forbidden,
    /// Not there, or not for this caller: the two look the same.
    NotFound,
    /// There is no such method at this address.
    MethodNotAllowed,
    /// The service request is closed to new messages.
    Closed,
    /// A later report of the service request is stored, or another one in its place.
    Stale,
    /// What is there is not what the caller has seen.
    VersionMismatch,
    /// The request is larger than allowed.
    TooLarge,
    /// The request's body is of another type than the one taken here.
    UnsupportedMediaType,
    /// Too many requests.
    RateLimited,
    /// The outcome is not known, or the database can't be reached: the same request may be sent again.
    Unavailable,
}

impl ErrorCode {
    /// Every code, in the order of the contract.
    pub const ALL: [Self; 13] = [
        Self::Malformed,
        Self::Invalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Closed,
        Self::Stale,
        Self::VersionMismatch,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimited,
        Self::Unavailable,
    ];

    /// The code as clients see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Closed => "closed",
            Self::Stale => "stale",
            Self::VersionMismatch => "version_mismatch",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
        }
    }

    /// The HTTP status that carries the code.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Closed | Self::Stale => 409,
            Self::VersionMismatch => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid => 422,
            Self::RateLimited => 429,
            Self::Unavailable => 503,
        }
    }

    /// The code in words, the same for every occurrence.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request can't be read",
            Self::Invalid => "The request breaks a rule",
            Self::Unauthenticated => "A valid token is needed",
            Self::Forbidden => "The token does not allow this",
            Self::NotFound => "There is no such thing here",
            Self::MethodNotAllowed => "There is no such method here",
            Self::Closed => "The service request is closed",
            Self::Stale => "A later report is stored",
            Self::VersionMismatch => "It is not as the caller has seen it",
            Self::TooLarge => "The request is too large",
            Self::UnsupportedMediaType => "The media type is not taken here",
            Self::RateLimited => "Too many requests",
            Self::Unavailable => "The outcome is not known",
        }
    }

    /// The code with a detail, about no field in particular.
    pub fn refusal(self, detail: impl Into<String>) -> Refusal {
        Refusal { code: self, detail: detail.into(), errors: Vec::new(), retry_after: None }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FieldError {
    /// The field, as the contract spells it.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl FieldError {
    /// Says what is wrong with a field.
    pub fn new(field: impl Into<String>, message: impl ToString) -> Self {
        Self { field: field.into(), message: message.to_string() }
    }
}

/// Why one thing that was asked for was not done.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refusal {
    /// The code that clients decide by.
    pub code: ErrorCode,
    /// The reason, for a person to read.
    pub detail: String,
    /// The fields at fault, when the code is [`ErrorCode::Invalid`]; or the header of a relay whose key is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// After how many seconds to try again, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

impl Refusal {
    /// A request that breaks the rules of these fields.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail =
            errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect::<Vec<_>>().join("; ");
        Self { code: ErrorCode::Invalid, detail, errors, retry_after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_the_same_everywhere() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.to_string());
            assert!((400..=599).contains(&code.status()));
        }
        assert_eq!(ErrorCode::NotFound.to_string(), "not_found");
        assert_eq!(ErrorCode::Closed.status(), 409);
    }

    #[test]
    fn a_refusal_names_the_fields_at_fault() {
        let refusal = Refusal::invalid(vec![
            FieldError::new("body", "must not be empty"),
            FieldError::new("clientMessageId", "must be a uuid"),
        ]);
        assert_eq!(refusal.to_string(), "invalid: body must not be empty; clientMessageId must be a uuid");
        let plain = serde_json::to_value(ErrorCode::Closed.refusal("closed since yesterday")).unwrap();
        assert_eq!(plain, serde_json::json!({"code": "closed", "detail": "closed since yesterday"}));
    }
}
