//! What the resource manager works on after it has answered.

use serde::{Deserialize, Serialize};

use super::{AzureError, Reason};
use crate::{Rejection, Response, Words, fault};

/// How far an operation has come.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "progress", rename_all = "snake_case")]
pub enum Progress {
    /// It is not over.
    UnderWay {
        /// When to ask again, in seconds.
        retry_after: Option<i64>,
    },
    /// It has ended well.
    Succeeded,
    /// It has ended badly, or was cancelled.
    Failed {
        /// Why, as the resource manager says it.
        why: String,
    },
}

/// Reads the answer to [`Arm::operation`](super::Arm::operation), of whichever of the two addresses it was.
///
/// # Errors
/// Returns [`AzureError`].
pub fn read_operation(response: &Response) -> Result<Progress, AzureError> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Operation {
        status: Option<String>,
        error: Option<Reason>,
    }
    let under_way =
        || Progress::UnderWay { retry_after: fault::retry_after(response).map(|delta| delta.num_seconds()) };
    match response.status {
        200 => {
            let Operation { status, error } = response.json()?;
            let why = || Words::new(&error.clone().unwrap_or_default().words()).as_str().to_owned();
            Ok(match status.map(|status| status.to_ascii_lowercase()).as_deref() {
                // Of the address that is called `Location` the answer is the thing itself, which has no status.
                None | Some("succeeded") => Progress::Succeeded,
                Some("failed") => Progress::Failed { why: why() },
                Some("canceled" | "cancelled") => Progress::Failed { why: format!("it was cancelled {}", why()) },
                Some(_) => under_way(),
            })
        }
        201 | 202 => Ok(under_way()),
        204 => Ok(Progress::Succeeded),
        _ => Err(Rejection::of(response, &Reason::of(response).words()).into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(status: &str) -> Progress {
        let body = json!({"name": "op", "status": status, "startTime": "2024-05-01T10:00:00Z",
            "error": {"code": "RestoreFailed", "message": "no room"}});
        let answer = Response::for_test(200, &[("retry-after", "15")], &body.to_string());
        read_operation(&answer).unwrap()
    }

    #[test]
    fn only_three_words_end_it() {
        assert_eq!(read("Succeeded"), Progress::Succeeded);
        assert_eq!(read("succeeded"), Progress::Succeeded);
        assert_eq!(read("Failed"), Progress::Failed { why: "RestoreFailed no room".to_owned() });
        assert!(matches!(read("Canceled"), Progress::Failed { .. }));
        for status in ["InProgress", "Updating", "Accepted", "Anything"] {
            assert_eq!(read(status), Progress::UnderWay { retry_after: Some(15) }, "{status}");
        }
    }

    #[test]
    fn the_other_address_ends_with_the_thing_itself() {
        assert_eq!(read_operation(&Response::for_test(202, &[], "")), Ok(Progress::UnderWay { retry_after: None }));
        assert_eq!(read_operation(&Response::of_json(200, &json!({"id": "/s"}))), Ok(Progress::Succeeded));
        assert!(read_operation(&Response::for_test(500, &[], "<html>")).is_err());
        assert!(read_operation(&Response::for_test(200, &[], "<html>")).is_err());
    }
}
