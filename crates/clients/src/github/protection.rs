//! The gate before an environment: a custom deployment protection rule, by which GitHub itself waits for our approvals.

use serde_json::json;

use super::{GitHub, GithubError, rejection};
use crate::{Method, Request, Response};

/// What is answered to a deployment that waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It may go on.
    Approved,
    /// It may not.
    Rejected,
}

impl GitHub {
    /// Answers a deployment that waits at the gate before an environment. Read the answer with [`read_review`].
    #[must_use]
    pub fn review(&self, repository: &str, run: u64, environment: &str, verdict: Verdict, comment: &str) -> Request {
        let state = match verdict {
            Verdict::Approved => "approved",
            Verdict::Rejected => "rejected",
        };
        let body = json!({"environment_name": environment, "state": state, "comment": comment});
        self.of(Method::Post, repository, &format!("actions/runs/{run}/deployment_protection_rule")).json(&body)
    }
}

/// Reads the answer to [`GitHub::review`].
///
/// # Errors
/// Returns [`GithubError`]. A 422 means that nothing waits there any more.
pub fn read_review(response: &Response) -> Result<(), GithubError> {
    if response.status == 204 { Ok(()) } else { Err(rejection(response).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::tests::github;

    #[test]
    fn it_says_who_may_go_on() {
        let request = github().review("team/deploy", 77, "production", Verdict::Rejected, "no approvals");
        assert!(request.url.ends_with("/repos/team/deploy/actions/runs/77/deployment_protection_rule"));
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["state"], "rejected");
        assert_eq!(read_review(&Response::for_test(204, &[], "")), Ok(()));
        assert!(read_review(&Response::for_test(422, &[], "{}")).is_err());
    }
}
