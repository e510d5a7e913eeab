//! GitHub: Apps and their tokens, workflows and their runs, artifacts, secrets, variables, commits, webhooks, and the gate
//! before an environment.
//!
//! A dispatch has no key that makes it the same when it is sent twice. It carries our own in its inputs, the workflow shows
//! it in its `run-name`, and [`find`] finds the run by it. A webhook is a reason to look and nothing more: GitHub sends none
//! twice.

mod app;
mod artifact;
mod commit;
mod protection;
mod run;
mod secret;
mod variable;
mod webhook;
mod workflow;

use chrono::{DateTime, TimeDelta};
use serde::Deserialize;
use serde_json::Value;

use crate::{Method, Rejection, Request, Response, Retry, Secret, Words, address, fault, fault::faults};

pub use app::{AppKey, AppKeyError, InstallationToken, Permissions, installation_token, read_installation_token};
pub use artifact::{Artifact, public_stores, read_archive, read_archive_location, read_artifacts};
pub use commit::{Ancestry, applied, read_ancestry};
pub use protection::{Verdict, read_review};
pub use run::{Job, JobStep, RunState, Runs, WorkflowRun, failed_step, find, read_jobs, read_run, read_runs};
pub use secret::{PublicKey, Sealed, SecretPlace, SecretWrite, read_public_key, read_secret_update, read_secret_write};
pub use variable::{VariableWrite, read_variable, read_variable_creation, read_variable_write};
pub use webhook::{Event, EventError, ProtectionRequest, is_signed, read_event};
pub use workflow::{Dispatch, Dispatched, read_dispatch};

/// The version of the API that everything here is written against.
const VERSION: &str = "2022-11-28";

/// GitHub, as whoever holds a token.
#[derive(Clone, Debug)]
pub struct GitHub {
    api: String,
    token: Secret,
}

/// Why GitHub gave no answer that can be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum GithubError {
    /// It did not take the request.
    #[error(transparent)]
    Rejected(Rejection),
    /// It does not know that a dispatch can answer with the run. Nothing was dispatched: ask without.
    #[error("a dispatch does not answer with its run here: set runDetails to false")]
    DetailsUnsupported,
    /// Two workflow runs carry the same key.
    #[error("{0} workflow runs carry the key of one dispatch")]
    Ambiguous(usize),
    /// The installation may do less than was asked for.
    #[error("the installation does not have the permission {0}")]
    PermissionMissing(String),
    /// The artifact is not kept any more.
    #[error("the artifact is not kept any more")]
    ArtifactExpired,
    /// The artifact is not the one whose digest was announced.
    #[error("the artifact is not the one whose digest was announced")]
    ArtifactAltered,
    /// It refers to an address that we were not told to call.
    #[error("it refers to {0}, which is not configured")]
    ForeignAddress(String),
    /// There is no such commit.
    #[error("there is no such commit{0}")]
    UnknownCommit(Words),
}

faults!(GithubError, "github", {
    Self::DetailsUnsupported => ("details_unsupported", Retry::Never, Refused),
    Self::Ambiguous(_) => ("ambiguous", Retry::Never, Refused),
    Self::PermissionMissing(_) => ("permission_missing", Retry::Never, InsufficientPermissions),
    Self::ArtifactExpired => ("artifact_expired", Retry::Never, Refused),
    Self::ArtifactAltered => ("artifact_altered", Retry::Never, PlanAltered),
    Self::ForeignAddress(_) => ("foreign_address", Retry::Never, Refused),
    Self::UnknownCommit(_) => ("unknown_commit", Retry::Never, InvalidCommit),
});

impl GitHub {
    /// The API at this address (`https://api.github.com`), with the token of an installation or a fixed one.
    #[must_use]
    pub fn new(api: &str, token: Secret) -> Self {
        Self { api: api.to_owned(), token }
    }

    /// The next page of a list ([`Runs::next`]).
    #[must_use]
    pub fn next(&self, page: &str) -> Request {
        plain(Method::Get, page.to_owned()).bearer(&self.token)
    }

    fn request(&self, method: Method, path: &str) -> Request {
        plain(method, address::under(&self.api, path)).bearer(&self.token)
    }

    /// A path below a repository.
    fn of(&self, method: Method, repository: &str, path: &str) -> Request {
        self.request(method, &format!("repos/{}/{path}", address::escaped_path(repository)))
    }
}

/// A request with what every one of them has, and nobody's token.
fn plain(method: Method, url: String) -> Request {
    Request::new(method, url).header("accept", "application/vnd.github+json").header("x-github-api-version", VERSION)
}

/// What GitHub says when it refuses.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    message: String,
    errors: Vec<Value>,
}

/// What GitHub says when it refuses, in one line.
fn said(response: &Response) -> String {
    let said: Said = response.json().unwrap_or_default();
    let details = said.errors.iter().map(|error| match error {
        Value::String(text) => text.clone(),
        object => ["resource", "field", "code", "message"]
            .iter()
            .filter_map(|name| object.get(name)?.as_str())
            .collect::<Vec<_>>()
            .join(" "),
    });
    std::iter::once(said.message).chain(details).collect::<Vec<_>>().join("; ")
}

/// What an answer comes to that is not the one that was hoped for. GitHub says 403 where others say 429.
fn rejection(response: &Response) -> Rejection {
    let words = said(response);
    let exhausted = response.header("x-ratelimit-remaining") == Some("0");
    let secondary = response.header("retry-after").is_some() || words.to_ascii_lowercase().contains("rate limit");
    if response.status == 429 || response.status == 403 && (exhausted || secondary) {
        let after = fault::retry_after(response).or_else(|| reset(response).filter(|_| exhausted));
        return Rejection::RateLimited { after, words: Words::new(&words) };
    }
    Rejection::of(response, &words)
}

/// When the limit is lifted, seen from the answer's own date.
fn reset(response: &Response) -> Option<TimeDelta> {
    let reset = DateTime::from_timestamp(response.header("x-ratelimit-reset")?.parse().ok()?, 0)?;
    let delta = reset - fault::http_date(response.header("date")?)?;
    Some(delta.clamp(TimeDelta::zero(), TimeDelta::hours(1)))
}

/// The body of an answer that must have this status.
fn read<T: serde::de::DeserializeOwned>(response: &Response, status: u16) -> Result<T, GithubError> {
    if response.status == status { Ok(response.json()?) } else { Err(rejection(response).into()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Fault;

    pub(super) fn github() -> GitHub {
        GitHub::new("https://api.github.com", "ghs_canary".into())
    }

    #[test]
    fn every_request_names_its_version_and_hides_its_token() {
        let request = github().of(Method::Get, "team/deploy", "actions/runs/1");
        assert_eq!(request.subject(), "GET https://api.github.com/repos/team/deploy/actions/runs/1");
        assert!(request.headers.contains(&("x-github-api-version".to_owned(), VERSION.to_owned())));
        assert!(!format!("{request:?} {:?}", github()).contains("canary"));
    }

    #[test]
    fn a_403_may_be_too_many_requests() {
        let limited = |headers: &[(&str, &str)], message: &str| {
            let body = json!({"message": message}).to_string();
            rejection(&Response::for_test(403, headers, &body))
        };
        assert_eq!(limited(&[], "Resource not accessible by integration").code(), "forbidden");
        assert_eq!(limited(&[("retry-after", "60")], "").retry(), Retry::Later(Some(TimeDelta::seconds(60))));
        assert_eq!(limited(&[], "You have exceeded a secondary rate limit").retry(), Retry::Later(None));
        let date = ("date", "Wed, 01 May 2024 10:00:00 GMT");
        let exhausted = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1714557690"), date];
        assert_eq!(limited(&exhausted, "API rate limit exceeded").retry(), Retry::Later(Some(TimeDelta::seconds(90))));
    }

    #[test]
    fn its_words_are_kept() {
        let body = json!({"message": "Validation Failed", "errors": [
            {"resource": "WorkflowDispatch", "field": "ref", "code": "invalid"}, "and more"]});
        let error = GithubError::from(rejection(&Response::of_json(422, &body)));
        assert_eq!(
            error.failure().detail,
            "github: the request is not taken (422): Validation Failed; WorkflowDispatch ref invalid; and more"
        );
    }
}
