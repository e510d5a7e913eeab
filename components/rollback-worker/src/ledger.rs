//! The books that the worker keeps: claims, commits, and what is the case.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use rollback::{
    Case, Change, Context, Digest, Incident, Neighbour, Person, Principal, Run, Standing,
    alert::Labels,
    audit::{Event, Record, Subject},
    canonical,
    drill::Drill,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::{Database, DbValue, ParameterValue, StoreError};

use crate::desk::Evidence;

/// What is the case, as it was read.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Now, by the clock of the database.
    pub now: DateTime<Utc>,
    /// The incident and the run.
    pub case: Option<Case>,
    /// When runs of other incidents last changed the environment.
    pub changed_elsewhere_at: Option<DateTime<Utc>>,
    versions: Value,
    halted: bool,
    neighbours: Vec<Neighbour>,
    principals: Vec<Principal>,
    spent_plans: Vec<Digest>,
}

impl Snapshot {
    /// What a move is judged against.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        Context {
            now: self.now,
            principals: &self.principals,
            neighbours: &self.neighbours,
            changed_elsewhere_at: self.changed_elsewhere_at,
            spent_plans: &self.spent_plans,
            halted: self.halted,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct View {
    now: DateTime<Utc>,
    versions: Value,
    halted: Option<bool>,
    incident: Option<Incident>,
    run: Option<Run>,
    neighbours: Vec<Beside>,
    changed_elsewhere_at: Option<DateTime<Utc>>,
    principals: Vec<Principal>,
    spent_plans: Vec<Digest>,
}

#[derive(Deserialize)]
struct Beside {
    run: rollback::RunId,
    kind: rollback::Kind,
    standing: rollback::Standing,
}

impl From<View> for Snapshot {
    fn from(view: View) -> Self {
        let neighbour = |beside: Beside| Neighbour { run: beside.run, kind: beside.kind, standing: beside.standing };
        Self {
            now: view.now,
            case: view.incident.and_then(|incident| Case::new(incident, view.run).ok()),
            changed_elsewhere_at: view.changed_elsewhere_at,
            versions: view.versions,
            halted: view.halted.unwrap_or(false),
            neighbours: view.neighbours.into_iter().map(neighbour).collect(),
            principals: view.principals,
            spent_plans: view.spent_plans,
        }
    }
}

/// A job that was claimed.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Of which kind it is.
    pub kind: String,
    /// What it is about.
    pub payload: Value,
    /// What the turn before has noted.
    pub notes: Value,
    /// What is the case.
    pub snapshot: Snapshot,
    job: i64,
    fence: i64,
}

/// What becomes of a job.
#[derive(Clone, Debug)]
pub enum Then {
    /// Whoever has it goes on with it.
    Keep,
    /// It is due again.
    Again {
        /// In how many seconds.
        seconds: f64,
        /// What the next turn wants to know.
        notes: Option<Value>,
    },
    /// It is done.
    Done,
}

async fn text<D: Database>(
    db: &D,
    statement: &str,
    parameters: Vec<ParameterValue>,
) -> Result<Option<Value>, StoreError> {
    let row = db.one_row(statement, parameters).await?;
    match row.and_then(|row| row.into_iter().next()) {
        Some(DbValue::Str(text)) => {
            serde_json::from_str(&text).map(Some).map_err(|_| StoreError::Unreachable("no JSON".into()))
        }
        _ => Ok(None),
    }
}

fn shape(_: serde_json::Error) -> StoreError {
    StoreError::Unreachable("another shape".into())
}

/// Takes the next job that is due, for so many seconds.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn claim<D: Database>(db: &D, seconds: i64) -> Result<Option<Claim>, StoreError> {
    #[derive(Deserialize)]
    struct Claimed {
        job: i64,
        fence: i64,
        kind: String,
        payload: Value,
        notes: Value,
        snapshot: View,
    }
    let statement = "select operations.claim($1)";
    let Some(value) = text(db, statement, vec![ParameterValue::Int64(seconds)]).await? else { return Ok(None) };
    let Claimed { job, fence, kind, payload, notes, snapshot } = serde_json::from_value(value).map_err(shape)?;
    Ok(Some(Claim { kind, payload, notes, snapshot: snapshot.into(), job, fence }))
}

/// What is the case now.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn snapshot<D: Database>(db: &D, case: &Case) -> Result<Snapshot, StoreError> {
    let id = |text: String| ParameterValue::Str(text);
    let parameters = vec![
        id(case.incident().id().to_string()),
        case.run().map_or(ParameterValue::DbNull, |run| id(run.id().to_string())),
        ParameterValue::DbNull,
        ParameterValue::DbNull,
    ];
    let value = text(db, "select operations.snapshot($1, $2, $3, $4)", parameters).await?.unwrap_or_default();
    serde_json::from_value::<View>(value).map(Snapshot::from).map_err(shape)
}

/// The labels of the alert that an incident is about, as they last came.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn labels<D: Database>(db: &D, case: &Case) -> Result<Option<Labels>, StoreError> {
    let id = ParameterValue::Str(case.incident().id().to_string());
    let file = text(db, "select operations.incident_file($1)", vec![id]).await?.unwrap_or_default();
    let last = file.pointer("/alerts").and_then(Value::as_array).and_then(|alerts| alerts.last());
    let labels = last.and_then(|alert| alert.pointer("/alert/labels")).cloned();
    Ok(labels.and_then(|labels| serde_json::from_value(labels).ok()))
}

/// The drills, and when people were last reminded of which.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drills {
    /// Now.
    pub now: DateTime<Utc>,
    /// Since when there is a Hubline here.
    pub installed_at: DateTime<Utc>,
    /// When people were last reminded, by kind.
    pub reminded: BTreeMap<String, DateTime<Utc>>,
    /// The drills.
    pub drills: Vec<Drill>,
}

/// The drills, and when people were last reminded of which.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn drills<D: Database>(db: &D) -> Result<Drills, StoreError> {
    let value = text(db, "select operations.drills()", Vec::new()).await?.unwrap_or_default();
    serde_json::from_value(value).map_err(shape)
}

/// What came of a commit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is committed.
    Committed,
    /// Somebody else was first: what was decided on is not the case any more.
    Conflict,
    /// Somebody else has the job by now.
    Fenced,
}

/// Commits what was decided under a claim, whole or not at all. `decided` are the changes, one after the other, with what
/// they were decided on; `more` are further members of the commit.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say; then it is not known whether it is committed.
pub async fn commit<D: Database>(
    db: &D,
    claim: &Claim,
    decided: Option<(&Snapshot, &[Change])>,
    evidence: &[Evidence],
    more: Map<String, Value>,
    then: Then,
) -> Result<Outcome, StoreError> {
    let mut document = more;
    if let Some((snapshot, changes)) = decided {
        document.extend(changed(snapshot, changes)?);
    }
    let piece = |piece: &Evidence| {
        json!({
            "digest": piece.digest,
            "mediaType": piece.media_type,
            "base64": BASE64_STANDARD.encode(&piece.bytes),
            "source": piece.source,
        })
    };
    document.insert("evidence".to_owned(), evidence.iter().map(piece).collect());
    document.insert("job".to_owned(), claim.job.into());
    document.insert("fence".to_owned(), claim.fence.into());
    let then = match then {
        Then::Keep => json!({"do": "keep"}),
        Then::Done => json!({"do": "done"}),
        Then::Again { seconds, notes: Some(notes) } => json!({"do": "again", "seconds": seconds, "notes": notes}),
        Then::Again { seconds, notes: None } => json!({"do": "again", "seconds": seconds}),
    };
    document.insert("then".to_owned(), then);
    let change = ParameterValue::Str(Value::from(document).to_string());
    let answer = text(db, "select operations.commit($1)", vec![change]).await?;
    match answer.as_ref().and_then(|answer| answer.get("outcome")).and_then(Value::as_str) {
        Some("committed") => Ok(Outcome::Committed),
        Some("conflict") => Ok(Outcome::Conflict),
        Some("fenced") => Ok(Outcome::Fenced),
        _ => Err(StoreError::Unreachable("an outcome that is not known".into())),
    }
}

/// What changes come to, as members of a commit.
fn changed(snapshot: &Snapshot, changes: &[Change]) -> Result<Map<String, Value>, StoreError> {
    let mut document = Map::new();
    let Some(last) = changes.last() else { return Ok(document) };
    let (incident, run) = (last.case.incident(), last.case.run());
    let environment = incident.target().environment().to_string();
    let version = snapshot.versions.get(&environment).cloned().unwrap_or_default();
    document.insert("versions".to_owned(), json!({environment: version}));
    let open = !incident.state().is_closed();
    document.insert("incidents".to_owned(), json!([{"document": incident, "open": open}]));
    let runs: Vec<Value> =
        run.map(|run| json!({"document": run, "kind": run.kind(), "standing": standing(run)})).into_iter().collect();
    document.insert("runs".to_owned(), runs.into());
    let plans = changes.iter().filter_map(|change| change.spent_plan.zip(run));
    let plans: Vec<Value> = plans.map(|(digest, run)| json!({"digest": digest, "run": run.id()})).collect();
    document.insert("plans".to_owned(), plans.into());
    let subject = Subject { incident: Some(incident.id()), run: run.map(Run::id), drill: incident.drill() };
    let mut records = Vec::new();
    for change in changes {
        for event in &change.events {
            records.push(record(snapshot.now, change.actor.clone(), subject, event.clone())?);
        }
    }
    document.insert("records".to_owned(), records.into());
    Ok(document)
}

/// A record of the audit log, with whom it is told to.
///
/// # Errors
/// Returns [`StoreError`] for a record that JSON can't hold, which none is.
pub fn record(at: DateTime<Utc>, actor: Option<Person>, subject: Subject, event: Event) -> Result<Value, StoreError> {
    let audience = event.audience();
    let text = canonical::text(&Record { at, actor, subject, event });
    let text = text.map_err(|_| StoreError::Unreachable("no canonical form".into()))?;
    Ok(json!({"text": text, "audience": audience}))
}

/// How far a run has come, while it holds its environment.
fn standing(run: &Run) -> Option<Standing> {
    if run.is_stopped() {
        Some(Standing::Stopped)
    } else if !run.state().is_live() {
        None
    } else if run.executed_at().is_some() {
        Some(Standing::Executing)
    } else {
        Some(Standing::Preparing)
    }
}
