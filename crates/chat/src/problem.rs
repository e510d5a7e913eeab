//! Errors over HTTP.

use serde::{Deserialize, Serialize};

use crate::{ErrorCode, FieldError, Refusal};

/// An error over HTTP: `application/problem+json` of [RFC 9457].
///
/// [RFC 9457]: https://www.rfc-editor.org/rfc/rfc9457
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Problem {
    /// Names the kind of error; one for each code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This occurrence, for a person to read.
    pub detail: String,
    /// The code that clients decide by.
    pub code: ErrorCode,
    /// The fields at fault, when the code is [`ErrorCode::Invalid`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// The media type.
    pub const MEDIA_TYPE: &str = "application/problem+json";

    /// A problem of this code, about no field in particular.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        code.refusal(detail).into()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, detail, errors, .. } = refusal;
        Self {
            kind: format!("urn:hubline:error:{code}"),
            title: code.title().to_owned(),
            status: code.status(),
            detail,
            code,
            errors,
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { code: problem.code, detail: problem.detail, errors: problem.errors, retry_after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_members_of_the_contract() {
        let problem = Problem::new(ErrorCode::NotFound, "no service request \"x\"");
        assert_eq!(
            serde_json::to_value(&problem).unwrap(),
            serde_json::json!({
                "type": "urn:hubline:error:not_found",
                "title": "There is no such thing here",
                "status": 404,
                "detail": "no service request \"x\"",
                "code": "not_found",
            })
        );
        let invalid = Refusal::invalid(vec![FieldError::new("body", "must not be empty")]);
        let text = serde_json::to_string(&Problem::from(invalid.clone())).unwrap();
        assert_eq!(Refusal::from(serde_json::from_str::<Problem>(&text).unwrap()), invalid);
    }
}
