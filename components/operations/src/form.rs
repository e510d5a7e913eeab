//! Reading the JSON of a command, member by member: whoever sent it is told of every member that is wrong.

use std::fmt::Display;

use chat::{ErrorCode, FieldError, Refusal};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The members of a command. Each is taken out; what is left over was not asked for.
#[derive(Debug)]
pub(crate) struct Form {
    members: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Form {
    /// Reads an object.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Refusal> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self { members, errors: Vec::new() }),
            Ok(_) => Err(ErrorCode::Malformed.refusal("the body must be a JSON object")),
            Err(error) => Err(ErrorCode::Malformed.refusal(format!("the body is no JSON: {error}"))),
        }
    }

    /// A member that must be there.
    pub(crate) fn required<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        if self.members.get(name).is_none_or(Value::is_null) {
            self.wrong(name, "must be given");
        }
        self.optional(name)
    }

    /// A member that may be missing.
    pub(crate) fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.members.remove(name).filter(|value| !value.is_null())?;
        match serde_json::from_value(value) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(name, format!("is not taken: {error}"));
                None
            }
        }
    }

    /// A point in time that may be missing.
    pub(crate) fn time(&mut self, name: &str) -> Option<DateTime<Utc>> {
        let text: String = self.optional(name)?;
        match DateTime::parse_from_rfc3339(&text) {
            Ok(time) => Some(time.to_utc()),
            Err(error) => {
                self.wrong(name, format!("must be a time of RFC 3339, such as 2024-05-01T10:00:00Z: {error}"));
                None
            }
        }
    }

    /// What was made of the members, if nothing was wrong with them.
    pub(crate) fn finish<T>(mut self, made: Option<T>) -> Result<T, Refusal> {
        for name in std::mem::take(&mut self.members).keys() {
            self.wrong(name, "is not known here");
        }
        match made {
            Some(made) if self.errors.is_empty() => Ok(made),
            _ => Err(Refusal::invalid(self.errors)),
        }
    }

    fn wrong(&mut self, name: &str, message: impl Display) {
        self.errors.push(FieldError::new(name, message));
    }
}

#[cfg(test)]
mod tests {
    use rollback::{Commit, Reason};

    use super::*;

    fn read(json: &str) -> Result<(Reason, Option<Commit>), Refusal> {
        let mut form = Form::read(json.as_bytes())?;
        let (reason, commit) = (form.required("reason"), form.optional("commit"));
        form.finish(reason.map(|reason| (reason, commit)))
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        assert!(read(r#"{"reason": "slow", "commit": null}"#).unwrap().1.is_none());
        let refusal = read(r#"{"commit": "main", "more": 1}"#).unwrap_err();
        let fields: Vec<_> = refusal.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["reason", "commit", "more"]);
        assert!(refusal.detail.contains("a commit must be 40 of 0-9 a-f"), "{}", refusal.detail);
        for (bad, code) in [("", ErrorCode::Malformed), ("[]", ErrorCode::Malformed), ("{}", ErrorCode::Invalid)] {
            assert_eq!(read(bad).unwrap_err().code, code, "{bad}");
        }
        assert_eq!(read(r#"{"reason": 7}"#).unwrap_err().errors[0].field, "reason");
    }

    #[test]
    fn a_time_is_written_as_the_contract_says() {
        let time = |text: &str| {
            let mut form = Form::read(format!(r#"{{"at": "{text}"}}"#).as_bytes()).unwrap();
            let at = form.time("at");
            form.finish(at)
        };
        assert_eq!(time("2024-05-01T12:00:00+02:00").unwrap().to_rfc3339(), "2024-05-01T10:00:00+00:00");
        for bad in ["2024-05-01", "yesterday", "2024-13-01T10:00:00Z"] {
            assert_eq!(time(bad).unwrap_err().errors[0].field, "at", "{bad}");
        }
    }
}
