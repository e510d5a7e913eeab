//! Dispatching a workflow.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::{GitHub, GithubError, read, rejection, said};
use crate::{Method, Request, Response, address};

/// What is dispatched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dispatch<'a> {
    /// The repository of the workflow.
    pub repository: &'a str,
    /// The file of the workflow.
    pub workflow: &'a str,
    /// The branch or tag whose version of it runs.
    pub git_ref: &'a str,
    /// What it is given, our own key among it: 10 inputs at most where GitHub Enterprise Server is to take them.
    pub inputs: &'a BTreeMap<String, String>,
    /// Whether the answer is asked to name the run. GitHub Enterprise Server up to 3.19 refuses to be asked that.
    pub details: bool,
}

/// What came of a dispatch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dispatched {
    /// It is this workflow run.
    Run(u64),
    /// It has been taken, and its run is still to be found by its key.
    Unnamed,
}

impl GitHub {
    /// Dispatches a workflow. **Not idempotent**: sent again it runs again. Read the answer with [`read_dispatch`].
    #[must_use]
    pub fn dispatch(&self, dispatch: &Dispatch<'_>) -> Request {
        let path = format!("actions/workflows/{}/dispatches", address::escaped(dispatch.workflow));
        let mut body = json!({"ref": dispatch.git_ref, "inputs": dispatch.inputs});
        if let (true, Some(body)) = (dispatch.details, body.as_object_mut()) {
            body.insert("return_run_details".to_owned(), true.into());
        }
        self.of(Method::Post, dispatch.repository, &path).json(&body)
    }
}

/// Reads the answer to [`GitHub::dispatch`].
///
/// After a [`Silence`](crate::Silence), and after an answer of the five hundreds, it is not known whether anything was
/// dispatched. After every other error nothing was.
///
/// # Errors
/// Returns [`GithubError`], [`GithubError::DetailsUnsupported`] when it must be asked without `details`: nothing was
/// dispatched then.
pub fn read_dispatch(response: &Response) -> Result<Dispatched, GithubError> {
    #[derive(Deserialize)]
    struct Details {
        workflow_run_id: u64,
    }
    match response.status {
        200 => Ok(Dispatched::Run(read::<Details>(response, 200)?.workflow_run_id)),
        204 => Ok(Dispatched::Unnamed),
        // An input of that name would be one of ours: there is none.
        400 | 422 if said(response).contains("return_run_details") => Err(GithubError::DetailsUnsupported),
        _ => Err(rejection(response).into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{Fault, github::tests::github};

    fn body(details: bool) -> Value {
        let inputs = BTreeMap::from([("imageTag".to_owned(), "v1.4.2-stable".to_owned())]);
        let dispatch =
            Dispatch { repository: "team/deploy", workflow: "deploy.yml", git_ref: "main", inputs: &inputs, details };
        let request = github().dispatch(&dispatch);
        assert!(request.url.ends_with("/repos/team/deploy/actions/workflows/deploy.yml/dispatches"));
        serde_json::from_slice(&request.body).unwrap()
    }

    #[test]
    fn it_asks_for_the_run_where_that_can_be_asked() {
        let inputs = json!({"imageTag": "v1.4.2-stable"});
        assert_eq!(body(true), json!({"ref": "main", "inputs": inputs, "return_run_details": true}));
        assert_eq!(body(false), json!({"ref": "main", "inputs": inputs}));
    }

    #[test]
    fn each_answer_has_its_name() {
        let details = json!({"workflow_run_id": 9_876_543_210_u64, "run_url": "https://api", "html_url": "https://"});
        assert_eq!(read_dispatch(&Response::of_json(200, &details)), Ok(Dispatched::Run(9_876_543_210)));
        assert_eq!(read_dispatch(&Response::for_test(204, &[], "")), Ok(Dispatched::Unnamed));
        let code = |status, message: &str| {
            read_dispatch(&Response::of_json(status, &json!({"message": message}))).unwrap_err().code()
        };
        assert_eq!(
            code(422, "Invalid request.\n\n\"return_run_details\" is not a permitted key."),
            "details_unsupported"
        );
        assert_eq!(code(422, "No ref found for: main"), "invalid");
        assert_eq!(code(422, "Unexpected inputs provided: [\"imageDigest\"]"), "invalid");
        assert_eq!(code(404, "Not Found"), "not_found");
        assert_eq!(code(403, "Resource not accessible by integration"), "forbidden");
        assert_eq!(code(502, "Server Error"), "unavailable");
    }
}
