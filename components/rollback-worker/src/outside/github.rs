//! What GitHub is asked: workflow runs, their artifacts, commits, secrets and variables.

mod vault;

use chrono::{DateTime, TimeDelta, Utc};
use clients::{
    Entropy, Rejection, Request, Response, Secret,
    github::{
        Ancestry, AppKey, Dispatch, Dispatched, GitHub, GithubError, Permissions, Verdict, applied, find,
        installation_token, public_stores, read_ancestry, read_archive, read_archive_location, read_artifacts,
        read_dispatch, read_installation_token, read_jobs, read_review, read_run, read_runs,
    },
};
use rollback::{Commit, Environment, Reference, recipe::Pipeline, step::FailureCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

pub use clients::github::{Artifact, RunState, WorkflowRun};
pub use vault::{put_secret, put_variable, secret_updated_at, variable};

use crate::{
    archive,
    desk::{Call, Desk, Halt, Read},
    fact::{FactName, Part},
    memory::{Purpose, SecretName},
    settings,
    trouble::Trouble,
    turn::Taken,
};

/// The most pages of workflow runs that are read.
const PAGES: usize = 5;

/// How long the address of an archive may be used: GitHub lets it open for a minute.
const ADDRESS: TimeDelta = TimeDelta::seconds(50);

/// The largest archive that is read.
const ARCHIVE: usize = 7 << 20;

fn trouble(error: GithubError) -> Trouble {
    Trouble::of(&error)
}

fn configured<'a>(desk: &Desk<'a>) -> Result<&'a settings::Github, Halt> {
    let unconfigured = || Halt::fail(FailureCode::Refused, "the pipeline is not configured for this environment");
    desk.place.targets.github.as_ref().ok_or_else(unconfigured)
}

/// What a token for a purpose may do.
fn permissions(purpose: Purpose) -> Permissions {
    match purpose {
        Purpose::Reading => Permissions::none().read_runs().read_commits(),
        Purpose::Dispatching => Permissions::none().dispatch(),
        Purpose::Reviewing => Permissions::none().review_deployments(),
        Purpose::WritingSecrets => Permissions::none().write_environment_secrets(),
    }
}

/// 32 random bytes for one use.
fn chance() -> Entropy {
    let mut seed = [0; 32];
    let (a, b) = (Uuid::new_v4(), Uuid::new_v4());
    for (place, byte) in seed.iter_mut().zip(a.as_bytes().iter().chain(b.as_bytes())) {
        *place = *byte;
    }
    Entropy::from(seed)
}

/// GitHub, with a token for one repository and one purpose.
fn github(desk: &Desk<'_>, repository: &str, purpose: Purpose) -> Result<GitHub, Halt> {
    let configured = configured(desk)?;
    let own = &desk.place.credentials.github;
    if let Some(token) = &own.token {
        return Ok(GitHub::new(&configured.api, token.clone()));
    }
    let missing = || Halt::fail(FailureCode::LoginRefused, "github: no credential is configured for this environment");
    let (app, pem) = configured.app.as_ref().zip(own.app_key.as_ref()).ok_or_else(missing)?;
    let asked = permissions(purpose);
    let now = desk.now;
    let token = desk.secret(
        SecretName::Github { purpose, repository: repository.to_owned() },
        || {
            let unusable = |error: clients::github::AppKeyError| {
                Halt::fail(FailureCode::LoginRefused, &format!("github: {error}"))
            };
            let key = AppKey::parse(pem).map_err(unusable)?;
            let app_token = key.token(&app.issuer(), now, chance()).map_err(unusable)?;
            Ok(installation_token(&configured.api, &app_token, app.installation, &[repository], &asked))
        },
        move |response| {
            let granted = read_installation_token(response, &permissions(purpose)).map_err(trouble)?;
            Ok((granted.token, granted.expires_at - now))
        },
    )?;
    Ok(GitHub::new(&configured.api, token))
}

fn number(reference: &str) -> Result<u64, Halt> {
    reference.parse().map_err(|_| Halt::fail(FailureCode::Garbled, "a workflow run that is no number"))
}

fn of(pipeline: &Pipeline) -> &str {
    pipeline.repository.as_str()
}

/// The call that dispatches a workflow.
pub fn dispatch(
    desk: &Desk<'_>,
    name: FactName,
    pipeline: &Pipeline,
    inputs: &std::collections::BTreeMap<String, String>,
) -> Result<Call, Halt> {
    let request = order(desk, pipeline, inputs)?;
    Ok(Call::shot(name, request, |response| {
        Ok(match read_dispatch(response).map_err(trouble)? {
            Dispatched::Run(id) => Taken { operation: Reference::parse(id.to_string()).ok() },
            Dispatched::Unnamed => Taken { operation: None },
        })
    }))
}

fn order(
    desk: &Desk<'_>,
    pipeline: &Pipeline,
    inputs: &std::collections::BTreeMap<String, String>,
) -> Result<Request, Halt> {
    let details = configured(desk)?.run_details;
    let repository = of(pipeline);
    let dispatch = Dispatch {
        repository,
        workflow: pipeline.workflow.as_str(),
        git_ref: pipeline.git_ref.as_str(),
        inputs,
        details,
    };
    Ok(github(desk, repository, Purpose::Dispatching)?.dispatch(&dispatch))
}

/// Dispatches a workflow that may be dispatched twice, and says which run it is, if GitHub does.
pub fn dispatched(
    desk: &Desk<'_>,
    name: &FactName,
    pipeline: &Pipeline,
    inputs: &std::collections::BTreeMap<String, String>,
) -> Result<Option<u64>, Halt> {
    desk.ask(
        name,
        || order(desk, pipeline, inputs),
        |response| match read_dispatch(response).map_err(trouble)? {
            Dispatched::Run(id) => Ok(Some(id)),
            Dispatched::Unnamed => Ok(None),
        },
    )
}

/// The runs of a workflow, page after page.
fn runs(
    desk: &Desk<'_>,
    name: &FactName,
    repository: &str,
    first: impl Fn(&GitHub) -> Request,
) -> Result<Option<Vec<WorkflowRun>>, Halt> {
    let api = configured(desk)?.api.clone();
    let mut all = Vec::new();
    let mut next: Option<String> = None;
    for page in 0..PAGES {
        let (place, own) = (next.clone(), api.clone());
        let seen: Option<(Vec<WorkflowRun>, Option<String>)> = desk.ask(
            &name.page(page),
            || {
                let github = github(desk, repository, Purpose::Reading)?;
                Ok(place.as_deref().map_or_else(|| first(&github), |page| github.next(page)))
            },
            move |response| {
                let runs = read_runs(response, &own).map_err(trouble)?;
                Ok(Some((runs.runs, runs.next)))
            },
        )?;
        let Some((runs, further)) = seen else { return Ok(None) };
        all.extend(runs);
        match further {
            Some(further) => next = Some(further),
            None => break,
        }
    }
    Ok(Some(all))
}

/// The workflow run that a dispatch since a time has made, known by its key.
pub fn find_run(
    desk: &Desk<'_>,
    name: &FactName,
    pipeline: &Pipeline,
    since: DateTime<Utc>,
    key: &str,
) -> Result<Option<WorkflowRun>, Halt> {
    let (repository, workflow) = (of(pipeline), pipeline.workflow.as_str());
    let runs = runs(desk, name, repository, |github| github.dispatched_since(repository, workflow, since))?;
    let runs = runs.unwrap_or_default();
    let found = find(&runs, key).map_err(|error| Halt::Fail(trouble(error).failure().clone()))?;
    Ok(found.cloned())
}

/// A workflow run.
pub fn run(desk: &Desk<'_>, name: &FactName, repository: &str, id: &str) -> Result<WorkflowRun, Halt> {
    let id = number(id)?;
    desk.ask(
        name,
        || Ok(github(desk, repository, Purpose::Reading)?.run(repository, id)),
        |response| read_run(response).map_err(trouble),
    )
}

/// Lets a workflow run through the gate before the environment: whether GitHub has taken it.
pub fn let_through(desk: &Desk<'_>, name: &FactName, repository: &str, id: &str, comment: &str) -> Result<bool, Halt> {
    let (id, place) = (number(id)?, desk.place.environment.as_str());
    desk.ask(
        name,
        || Ok(github(desk, repository, Purpose::Reviewing)?.review(repository, id, place, Verdict::Approved, comment)),
        |response| match read_review(response) {
            Ok(()) => Ok(true),
            // Nothing waits for us there any more: it has been let through already, or waits for somebody else.
            Err(GithubError::Rejected(Rejection::Invalid { .. } | Rejection::NotFound(_))) => Ok(false),
            Err(error) => Err(trouble(error)),
        },
    )
}

/// The step at which a workflow run failed.
pub fn failed_step(desk: &Desk<'_>, name: &FactName, repository: &str, id: &str) -> Result<Option<String>, Halt> {
    let id = number(id)?;
    desk.ask(
        name,
        || Ok(github(desk, repository, Purpose::Reading)?.jobs(repository, id, 1)),
        |response| {
            let jobs = read_jobs(response).map_err(trouble)?;
            Ok(clients::github::failed_step(&jobs).map(str::to_owned))
        },
    )
}

/// The artifact of a workflow run that has a name.
pub fn artifact(
    desk: &Desk<'_>,
    name: &FactName,
    repository: &str,
    id: &str,
    artifact: &str,
) -> Result<Option<Artifact>, Halt> {
    let (id, wanted) = (number(id)?, artifact.to_owned());
    desk.ask(
        name,
        || Ok(github(desk, repository, Purpose::Reading)?.artifacts(repository, id, artifact)),
        move |response| {
            let found = read_artifacts(response).map_err(trouble)?;
            Ok(found.into_iter().find(|artifact| artifact.name == wanted))
        },
    )
}

/// What is read from the archive of an artifact, whose digest must be the announced one.
pub fn archive<T: DeserializeOwned>(
    desk: &Desk<'_>,
    name: &FactName,
    repository: &str,
    artifact: &Artifact,
    read: impl Fn(&[u8]) -> Result<Read, Trouble> + 'static,
) -> Result<T, Halt> {
    if let Some(known) = desk.known(name) {
        return Ok(known);
    }
    let unannounced = || Halt::fail(FailureCode::PlanAltered, "GitHub announces no digest of the artifact");
    let announced = artifact.digest.ok_or_else(unannounced)?;
    let configured = configured(desk)?;
    let (origin, api) = (configured.artifacts.clone(), configured.api.clone());
    let address: Secret = desk.secret(
        SecretName::Archive(artifact.id),
        || Ok(github(desk, repository, Purpose::Reading)?.archive(repository, artifact.id)),
        move |response| {
            let stores = origin.clone().map_or_else(public_stores, |origin| vec![origin]);
            let origins: Vec<&str> = stores.iter().map(String::as_str).chain([api.as_str()]).collect();
            let request = read_archive_location(response, &origins).map_err(trouble)?;
            Ok((request.url.clone().into(), ADDRESS))
        },
    )?;
    desk.ask_with_evidence(
        name,
        || Ok(Request::get(address.expose().to_owned()).with_secret_address().at_most(ARCHIVE)),
        move |response| read(read_archive(response, announced).map_err(trouble)?),
    )
}

/// What the pipeline has found in a restored database, and in its source.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// The last heartbeat on the restored server.
    pub heartbeat: Option<DateTime<Utc>>,
    /// The last heartbeat on the source.
    pub source_heartbeat: DateTime<Utc>,
    /// The version of the schema on the restored server.
    pub schema_version: Option<u32>,
    /// The rows of the tables.
    #[serde(default)]
    pub row_counts: std::collections::BTreeMap<String, Rows>,
    /// In what the servers differ beyond what the cloud tells, in words.
    #[serde(default)]
    pub differences: Vec<String>,
}

/// The rows of a table.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Rows {
    /// On the source.
    pub source: u64,
    /// On the restored server; none when the table is not there.
    pub restored: Option<u64>,
}

/// What a verification has found.
pub fn verification(
    desk: &Desk<'_>,
    name: &FactName,
    repository: &str,
    id: &str,
    wanted: &str,
) -> Result<Verification, Halt> {
    if let Some(known) = desk.known(name) {
        return Ok(known);
    }
    let missing = || Halt::fail(FailureCode::DataMismatch, "the verification has left no artifact");
    let found = artifact(desk, &name.part(Part::Artifact), repository, id, wanted)?.ok_or_else(missing)?;
    archive(desk, name, repository, &found, |zip| {
        let unreadable = || Trouble::decided(FailureCode::DataMismatch, "the verification can't be read");
        let file = archive::file(zip, "verification.json").map_err(|_| unreadable())?;
        let verification: Verification = serde_json::from_slice(&file).map_err(|_| unreadable())?;
        let value = serde_json::to_value(&verification).map_err(|_| unreadable())?;
        Ok(Read { value, lasts: TimeDelta::zero(), evidence: None })
    })
}

/// Whether a commit is one of the branch.
pub fn is_on_branch(desk: &Desk<'_>, name: &FactName, commit: &Commit) -> Result<bool, Halt> {
    let configured = configured(desk)?;
    let repository = configured.repository.as_str();
    let on_branch: Option<bool> = desk.ask(
        name,
        || Ok(github(desk, repository, Purpose::Reading)?.ancestry(repository, commit, &configured.git_ref)),
        |response: &Response| match read_ancestry(response) {
            Ok(ancestry) => Ok(Some(ancestry == Ancestry::Ancestor)),
            Err(error) => Err(trouble(error)),
        },
    )?;
    Ok(on_branch == Some(true))
}

/// Whether a commit was applied to this environment, and that ended well.
pub fn was_applied(desk: &Desk<'_>, name: &FactName, commit: &Commit) -> Result<bool, Halt> {
    let runs = applies(desk, name)?.unwrap_or_default();
    Ok(applied(&runs, commit).is_some())
}

fn applies(desk: &Desk<'_>, name: &FactName) -> Result<Option<Vec<WorkflowRun>>, Halt> {
    let configured = configured(desk)?;
    let (repository, workflow) = (configured.repository.as_str(), configured.workflows.apply.as_str());
    let runs = runs(desk, name, repository, |github| github.successes(repository, workflow))?;
    // The name of a dispatched apply says where it was; what names no place is everywhere.
    let elsewhere = |run: &WorkflowRun| {
        let mut others = Environment::ALL.iter().filter(|place| **place != desk.place.environment);
        others.any(|place| run.carries(place.as_str()))
    };
    Ok(runs.map(|runs| runs.into_iter().filter(|run| !elsewhere(run)).collect()))
}

/// A commit that was applied.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AppliedCommit {
    /// The commit.
    pub commit: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What was applied to this environment since a time; nothing when it can't be told.
pub fn applies_since(
    desk: &Desk<'_>,
    name: &FactName,
    since: DateTime<Utc>,
) -> Result<Option<Vec<AppliedCommit>>, Halt> {
    if desk.place.targets.github.is_none() {
        return Ok(None);
    }
    let Some(runs) = applies(desk, name)? else { return Ok(None) };
    let lately = runs.into_iter().filter_map(|run| {
        let at = run.updated_at.filter(|at| *at >= since)?;
        let named = run.title.split(|c: char| !c.is_ascii_hexdigit()).find(|word| word.len() == 40);
        Some(AppliedCommit { commit: named.unwrap_or(&run.head_sha).to_owned(), at })
    });
    Ok(Some(lately.collect()))
}
