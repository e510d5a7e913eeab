//! Workflow runs, and what their jobs did.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{GitHub, GithubError, read};
use crate::{Method, Request, Response, address};

/// How far GitHub's clock may be behind ours.
const BEHIND: TimeDelta = TimeDelta::minutes(5);

/// A workflow run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct WorkflowRun {
    /// Its number. It stays when it is run again.
    pub id: u64,
    /// Which attempt at it this is.
    #[serde(rename(deserialize = "run_attempt"), alias = "attempt", default = "first")]
    pub attempt: u32,
    /// How far it has come: `queued`, `in_progress`, `completed`, `waiting`, `requested`, `pending`.
    #[serde(default)]
    pub status: String,
    /// How it ended: `success`, `failure`, `cancelled`, `timed_out` and others.
    pub conclusion: Option<String>,
    /// Its name, as the workflow's `run-name` makes it.
    #[serde(rename(deserialize = "display_title"), alias = "title", default)]
    pub title: String,
    /// The commit of the workflow.
    #[serde(default)]
    pub head_sha: String,
    /// What began it: `workflow_dispatch`, `push` and others.
    #[serde(default)]
    pub event: String,
    /// The file of the workflow.
    #[serde(default)]
    pub path: String,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When something about it last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// Where a person looks at it.
    #[serde(default)]
    pub html_url: String,
}

const fn first() -> u32 {
    1
}

/// How far a workflow run has come.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RunState {
    /// It is not over.
    UnderWay,
    /// It has ended well.
    Succeeded,
    /// It has ended otherwise: how, in GitHub's word.
    Failed(String),
    /// Somebody has run it again: it is not the attempt that was dispatched any more.
    RunAgain(u32),
}

impl WorkflowRun {
    /// How far the attempt that was dispatched has come.
    #[must_use]
    pub fn state(&self) -> RunState {
        match (self.attempt, self.status.as_str(), self.conclusion.as_deref()) {
            (2.., _, _) => RunState::RunAgain(self.attempt),
            (_, "completed", Some("success")) => RunState::Succeeded,
            // Skipped, neutral and stale are no successes: nothing was done.
            (_, "completed", conclusion) => RunState::Failed(conclusion.unwrap_or("nothing").to_owned()),
            _ => RunState::UnderWay,
        }
    }

    /// Whether it waits at a gate before an environment, for a person or for an App.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.status == "waiting"
    }

    /// Whether the run carries this key in its name, whole: `…:1` is not found in `…:12`.
    #[must_use]
    pub fn carries(&self, key: &str) -> bool {
        let of_a_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '_' | '-' | '/');
        !key.is_empty()
            && self.title.match_indices(key).any(|(at, _)| {
                let before = self.title.get(..at).and_then(|text| text.chars().next_back());
                let after = self.title.get(at + key.len()..).and_then(|text| text.chars().next());
                !before.is_some_and(of_a_key) && !after.is_some_and(of_a_key)
            })
    }
}

/// A page of workflow runs, the newest first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Runs {
    /// The runs.
    pub runs: Vec<WorkflowRun>,
    /// The address of the next page, for [`GitHub::next`].
    pub next: Option<String>,
}

/// A job of a workflow run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub conclusion: Option<String>,
    /// Its steps.
    #[serde(default)]
    pub steps: Vec<JobStep>,
}

/// A step of a job.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct JobStep {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub conclusion: Option<String>,
}

/// The first step that failed, by name; a job that failed without one by the job's name.
#[must_use]
pub fn failed_step(jobs: &[Job]) -> Option<&str> {
    let failed = |conclusion: &Option<String>| {
        matches!(conclusion.as_deref(), Some("failure" | "timed_out" | "cancelled" | "startup_failure"))
    };
    let step = jobs.iter().flat_map(|job| &job.steps).find(|step| failed(&step.conclusion)).map(|step| &step.name);
    step.or_else(|| jobs.iter().find(|job| failed(&job.conclusion)).map(|job| &job.name)).map(String::as_str)
}

/// The run that carries the key of a dispatch, if it is among these.
///
/// # Errors
/// Returns [`GithubError::Ambiguous`] when several do: somebody has dispatched it by hand, or it was sent twice.
pub fn find<'a>(runs: &'a [WorkflowRun], key: &str) -> Result<Option<&'a WorkflowRun>, GithubError> {
    let mut found: Vec<_> = runs.iter().filter(|run| run.carries(key)).collect();
    // A page may repeat what the page before ended with.
    found.sort_by_key(|run| run.id);
    found.dedup_by_key(|run| run.id);
    match found.as_slice() {
        [] => Ok(None),
        [run] => Ok(Some(run)),
        several => Err(GithubError::Ambiguous(several.len())),
    }
}

impl GitHub {
    /// The runs of a workflow that were dispatched since a time, some minutes earlier for safety, the newest first. Read the
    /// answer with [`read_runs`].
    #[must_use]
    pub fn dispatched_since(&self, repository: &str, workflow: &str, since: DateTime<Utc>) -> Request {
        let since = since.checked_sub_signed(BEHIND).unwrap_or(since).to_rfc3339_opts(SecondsFormat::Secs, true);
        let created = format!(">={since}");
        let pairs = [("event", "workflow_dispatch"), ("created", created.as_str()), ("per_page", "100")];
        self.runs_of(repository, workflow, &address::pairs(pairs))
    }

    /// The runs of a workflow that ended well, whatever began them, the newest first. Read the answer with [`read_runs`].
    #[must_use]
    pub fn successes(&self, repository: &str, workflow: &str) -> Request {
        self.runs_of(repository, workflow, "status=success&per_page=100")
    }

    /// A workflow run. Read the answer with [`read_run`].
    #[must_use]
    pub fn run(&self, repository: &str, id: u64) -> Request {
        self.of(Method::Get, repository, &format!("actions/runs/{id}"))
    }

    /// The jobs of an attempt at a workflow run. Read the answer with [`read_jobs`].
    #[must_use]
    pub fn jobs(&self, repository: &str, id: u64, attempt: u32) -> Request {
        self.of(Method::Get, repository, &format!("actions/runs/{id}/attempts/{attempt}/jobs?per_page=100"))
    }

    fn runs_of(&self, repository: &str, workflow: &str, query: &str) -> Request {
        let path = format!("actions/workflows/{}/runs?{query}", address::escaped(workflow));
        self.of(Method::Get, repository, &path)
    }
}

/// Reads the answer to [`GitHub::dispatched_since`], [`GitHub::successes`] and [`GitHub::next`]; `api` is where the API is:
/// a page that lies elsewhere is not followed.
///
/// # Errors
/// Returns [`GithubError`].
pub fn read_runs(response: &Response, api: &str) -> Result<Runs, GithubError> {
    #[derive(Deserialize)]
    struct List {
        workflow_runs: Vec<WorkflowRun>,
    }
    let list: List = read(response, 200)?;
    let next = response.next_link().and_then(|link| address::at_same_origin(api, link));
    Ok(Runs { runs: list.workflow_runs, next })
}

/// Reads the answer to [`GitHub::run`].
///
/// # Errors
/// Returns [`GithubError`].
pub fn read_run(response: &Response) -> Result<WorkflowRun, GithubError> {
    read(response, 200)
}

/// Reads the answer to [`GitHub::jobs`].
///
/// # Errors
/// Returns [`GithubError`].
pub fn read_jobs(response: &Response) -> Result<Vec<Job>, GithubError> {
    #[derive(Deserialize)]
    struct List {
        jobs: Vec<Job>,
    }
    Ok(read::<List>(response, 200)?.jobs)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::github::tests::github;

    const API: &str = "https://api.github.com";
    const KEY: &str = "01890a5d-ac96-774b-bcce-b302099a8057:A3:orders:1";

    /// A run as GitHub shows it, without what is not read.
    fn item(id: u64, title: &str, status: &str, conclusion: Option<&str>) -> Value {
        json!({"id": id, "name": "Deploy", "head_branch": "main", "head_sha": "0123456789abcdef0123456789abcdef01234567",
            "path": ".github/workflows/deploy.yml", "display_title": title, "run_number": 7, "event": "workflow_dispatch",
            "status": status, "conclusion": conclusion, "run_attempt": 1, "created_at": "2024-05-01T10:00:00Z",
            "updated_at": "2024-05-01T10:00:05Z", "html_url": "https://github.com/team/deploy/actions/runs/7"})
    }

    fn run(status: &str, conclusion: Option<&str>) -> WorkflowRun {
        read_run(&Response::of_json(200, &item(1, "", status, conclusion))).unwrap()
    }

    #[test]
    fn only_success_is_a_success() {
        assert_eq!(run("completed", Some("success")).state(), RunState::Succeeded);
        for conclusion in ["failure", "cancelled", "timed_out", "skipped", "neutral", "stale", "action_required"] {
            assert_eq!(run("completed", Some(conclusion)).state(), RunState::Failed(conclusion.to_owned()));
        }
        for status in ["queued", "in_progress", "waiting", "requested", "pending", "news"] {
            assert_eq!(run(status, None).state(), RunState::UnderWay);
        }
        let again = WorkflowRun { attempt: 2, ..run("completed", Some("success")) };
        assert_eq!(again.state(), RunState::RunAgain(2));
    }

    #[test]
    fn a_run_is_found_by_its_whole_key() {
        let titled = |title: &str| WorkflowRun { title: title.to_owned(), ..run("queued", None) };
        assert!(titled(&format!("Deploy orders v1.4.2-stable [{KEY}]")).carries(KEY));
        assert!(titled(KEY).carries(KEY));
        for other in [format!("{KEY}2"), format!("x{KEY}"), format!("{KEY}:2"), String::new()] {
            assert!(!titled(&other).carries(KEY), "{other}");
        }
        assert!(!titled("").carries(""));
    }

    #[test]
    fn two_runs_of_one_key_are_not_chosen_from() {
        let list = |ids: &[u64]| {
            let items: Vec<_> = ids.iter().map(|id| item(*id, &format!("Deploy {KEY}"), "queued", None)).collect();
            read_runs(&Response::of_json(200, &json!({"total_count": 1, "workflow_runs": items})), API).unwrap().runs
        };
        assert_eq!(find(&list(&[]), KEY), Ok(None));
        assert_eq!(find(&list(&[5, 5]), KEY).unwrap().unwrap().id, 5);
        assert_eq!(find(&list(&[5, 6]), KEY), Err(GithubError::Ambiguous(2)));
    }

    #[test]
    fn pages_are_followed_where_they_came_from() {
        let page = |link: &str| {
            let body = json!({"total_count": 0, "workflow_runs": []}).to_string();
            let link = format!("<{link}>; rel=\"next\"");
            read_runs(&Response::for_test(200, &[("link", link.as_str())], &body), API).unwrap().next
        };
        assert_eq!(page("https://api.github.com/x?page=2").as_deref(), Some("https://api.github.com/x?page=2"));
        assert_eq!(page("https://evil.example/x?page=2"), None);
        let since = "2024-05-01T10:05:00Z".parse().unwrap();
        let request = github().dispatched_since("team/deploy", "deploy.yml", since);
        assert!(request.url.contains("created=%3E%3D2024-05-01T10%3A00%3A00Z"), "{}", request.url);
    }

    #[test]
    fn what_is_kept_reads_back() {
        let kept = run("completed", Some("success"));
        assert_eq!(serde_json::from_value::<WorkflowRun>(serde_json::to_value(&kept).unwrap()).unwrap(), kept);
    }

    #[test]
    fn the_step_that_failed_is_named() {
        let jobs = json!({"total_count": 1, "jobs": [{"id": 1, "name": "deploy", "conclusion": "failure", "steps": [
            {"name": "Check the digest", "status": "completed", "conclusion": "success", "number": 1},
            {"name": "Wait for the rollout", "status": "completed", "conclusion": "failure", "number": 2},
            {"name": "Undo the rollout", "status": "completed", "conclusion": "success", "number": 3}]}]});
        let jobs = read_jobs(&Response::of_json(200, &jobs)).unwrap();
        assert_eq!(failed_step(&jobs), Some("Wait for the rollout"));
        assert_eq!(failed_step(&[]), None);
    }
}
