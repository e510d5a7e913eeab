//! Commits: whether one is of the branch, and was applied.

use rollback::Commit;
use serde::Deserialize;

use super::{GitHub, GithubError, RunState, WorkflowRun, rejection, said};
use crate::{Method, Rejection, Request, Response, Words, address};

/// How a commit and a branch lie to each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ancestry {
    /// The branch contains the commit.
    Ancestor,
    /// It does not.
    Foreign,
}

impl GitHub {
    /// How a commit lies to a branch. Read the answer with [`read_ancestry`].
    #[must_use]
    pub fn ancestry(&self, repository: &str, commit: &Commit, branch: &str) -> Request {
        let path = format!("compare/{}...{}?per_page=1", commit.as_str(), address::escaped(branch));
        self.of(Method::Get, repository, &path)
    }
}

/// Reads the answer to [`GitHub::ancestry`].
///
/// # Errors
/// Returns [`GithubError`], [`GithubError::UnknownCommit`] when there is no such commit.
pub fn read_ancestry(response: &Response) -> Result<Ancestry, GithubError> {
    #[derive(Deserialize)]
    struct Comparison {
        status: String,
    }
    match response.status {
        200 => match response.json::<Comparison>()?.status.as_str() {
            // Seen from the commit: the branch is ahead of it, or is it.
            "ahead" | "identical" => Ok(Ancestry::Ancestor),
            "behind" | "diverged" => Ok(Ancestry::Foreign),
            _ => Err(Rejection::garbled("commits that lie to each other in no known way").into()),
        },
        404 | 422 => Err(GithubError::UnknownCommit(Words::new(&said(response)))),
        _ => Err(rejection(response).into()),
    }
}

/// The last of these runs that has applied a commit: a push of it, or a dispatch that names it in its `run-name`.
#[must_use]
pub fn applied<'a>(runs: &'a [WorkflowRun], commit: &Commit) -> Option<&'a WorkflowRun> {
    let of_it = |run: &&WorkflowRun| {
        let pushed = run.event == "push" && run.head_sha == commit.as_str();
        pushed || run.carries(commit.as_str())
    };
    let ended_well = |run: &&WorkflowRun| {
        let last_attempt = WorkflowRun { attempt: 1, ..(*run).clone() };
        last_attempt.state() == RunState::Succeeded
    };
    runs.iter().filter(of_it).filter(ended_well).max_by_key(|run| run.updated_at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Fault, github::tests::github};

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_commit_is_of_the_branch_or_is_not() {
        let request = github().ancestry("team/infra", &COMMIT.parse().unwrap(), "main");
        assert!(request.url.ends_with(&format!("/repos/team/infra/compare/{COMMIT}...main?per_page=1")));
        let read = |status: &str| read_ancestry(&Response::of_json(200, &json!({"status": status, "ahead_by": 3})));
        assert_eq!(read("ahead"), Ok(Ancestry::Ancestor));
        assert_eq!(read("identical"), Ok(Ancestry::Ancestor));
        assert_eq!(read("behind"), Ok(Ancestry::Foreign));
        assert_eq!(read("diverged"), Ok(Ancestry::Foreign));
        assert_eq!(read("beside").unwrap_err().code(), "garbled");
        for status in [404, 422] {
            let unknown = Response::of_json(status, &json!({"message": "No commit found for SHA"}));
            assert_eq!(read_ancestry(&unknown).unwrap_err().code(), "unknown_commit");
        }
    }

    #[test]
    fn only_what_ended_well_was_applied() {
        let run = |title: &str, event: &str, sha: &str, conclusion: &str| -> WorkflowRun {
            serde_json::from_value(json!({"id": 1, "run_attempt": 2, "status": "completed", "conclusion": conclusion,
                "display_title": title, "event": event, "head_sha": sha, "updated_at": "2024-05-01T10:00:00Z"}))
            .unwrap()
        };
        let commit = COMMIT.parse().unwrap();
        let other = "f".repeat(40);
        let named = format!("Apply {COMMIT} to production");
        assert!(applied(&[run(&named, "workflow_dispatch", &other, "success")], &commit).is_some());
        assert!(applied(&[run("Apply", "push", COMMIT, "success")], &commit).is_some());
        assert!(applied(&[run(&named, "workflow_dispatch", &other, "failure")], &commit).is_none());
        assert!(applied(&[run("Apply", "workflow_dispatch", COMMIT, "success")], &commit).is_none());
    }
}
