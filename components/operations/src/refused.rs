//! Why something is not done, as whoever asked is told.

use bytes::Bytes;
use chat::{ErrorCode, FieldError};
use function::{Answer, answer};
use http::{HeaderValue, Response, StatusCode, header};
use rollback::{Refusal, RefusalClass};
use serde_json::{Map, Value, json};

/// Why something is not done.
#[derive(Debug)]
pub(crate) enum Refused {
    /// As anywhere else in Hubline.
    Plain(chat::Refusal),
    /// The domain does not make the move.
    Move(Refusal),
    /// The key was used for another command.
    KeyTaken,
    /// A drill of this kind is under way.
    DrillRunning,
}

impl From<chat::Refusal> for Refused {
    fn from(refusal: chat::Refusal) -> Self {
        Self::Plain(refusal)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Move(refusal)
    }
}

impl Refused {
    /// Something that is not there.
    pub(crate) fn not_found(what: &str) -> Self {
        ErrorCode::NotFound.refusal(format!("there is no such {what}")).into()
    }

    /// A field that breaks its rule.
    pub(crate) fn invalid(field: &str, message: impl ToString) -> Self {
        chat::Refusal::invalid(vec![FieldError::new(field, message)]).into()
    }

    /// The refusal as `application/problem+json`.
    pub(crate) fn answer(self) -> Answer {
        match self {
            Self::Plain(refusal) => answer::refused(refusal),
            Self::Move(refusal) => problem(status(&refusal), refusal.code(), &refusal.to_string(), more(&refusal)),
            Self::KeyTaken => {
                let detail = "the idempotency key was used for another command";
                problem(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail, Map::new())
            }
            Self::DrillRunning => {
                let detail = "a drill of this kind is under way";
                problem(StatusCode::CONFLICT, "drill_running", detail, Map::new())
            }
        }
    }
}

fn status(refusal: &Refusal) -> StatusCode {
    match refusal.class() {
        RefusalClass::Forbidden => StatusCode::FORBIDDEN,
        RefusalClass::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        RefusalClass::Conflict => StatusCode::CONFLICT,
    }
}

/// What a program may want to know of a refusal.
fn more(refusal: &Refusal) -> Map<String, Value> {
    let members = match refusal {
        Refusal::Illegal(illegal) => {
            json!({"machine": illegal.machine, "from": illegal.from, "event": illegal.event})
        }
        Refusal::Stale { expected, actual } => json!({"expected": expected, "actual": actual}),
        Refusal::Unacknowledged(hazards) => json!({"missing": hazards}),
        Refusal::RunNotOver { run } | Refusal::Busy { run, .. } | Refusal::GlassNotReviewed { run } => {
            json!({"run": run})
        }
        _ => Value::Null,
    };
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn problem(status: StatusCode, code: &str, detail: &str, more: Map<String, Value>) -> Answer {
    let title = match status {
        StatusCode::FORBIDDEN => "This person may not do this",
        StatusCode::CONFLICT => "This can't be done as things stand",
        _ => "The request breaks a rule",
    };
    let mut members = more;
    for (name, value) in [
        ("type", format!("urn:hubline:error:{code}").into()),
        ("title", title.into()),
        ("status", status.as_u16().into()),
        ("detail", detail.into()),
        ("code", Value::from(code)),
    ] {
        members.insert(name.to_owned(), value);
    }
    let mut response = Response::new(Bytes::from(Value::Object(members).to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(chat::Problem::MEDIA_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Answer::Own(response)
}

#[cfg(test)]
mod tests {
    use rollback::{IncidentEvent, IncidentState, Version};

    use super::*;

    fn told(refused: Refused) -> (u16, Value) {
        let Answer::Own(response) = refused.answer() else { panic!("not its own") };
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    #[test]
    fn an_illegal_move_names_where_it_stood_and_what_came() {
        let illegal = IncidentState::Open.next(IncidentEvent::Resolve).unwrap_err();
        let (status, problem) = told(Refusal::from(illegal).into());
        assert_eq!(status, 409);
        assert_eq!(problem["code"], "illegal_transition");
        assert_eq!((&problem["from"], &problem["event"]), (&json!("open"), &json!("resolve")));
        assert_eq!(problem["status"], 409);
    }

    #[test]
    fn what_somebody_may_not_and_what_is_wrong_differ() {
        assert_eq!(told(Refusal::SelfApproval.into()).0, 403);
        let stale = Refusal::Stale { expected: Version::new(1), actual: Version::new(2) };
        let (status, problem) = told(stale.into());
        assert_eq!((status, &problem["actual"]), (409, &json!(2)));
        let missing = Refusal::Unacknowledged(vec!["terraform_data.x".parse().unwrap()]);
        let (status, problem) = told(missing.into());
        assert_eq!((status, &problem["missing"]), (422, &json!(["terraform_data.x"])));
        assert_eq!(told(Refused::KeyTaken).0, 422);
        assert_eq!(told(Refused::not_found("run")).0, 404);
    }
}
