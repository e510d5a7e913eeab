//! What is the case, as it was read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rollback::{
    Case, Context, Digest, Environment, Incident, IncidentId, Kind, Neighbour, Person, Principal, Run, RunId, Standing,
    idempotency::IdempotencyKey,
};
use serde::Deserialize;

use super::{
    answer::Answer,
    sql,
    statement::{ask, maybe},
};
use crate::{Database, StoreError};

/// When something was read, and at which versions: what a commit is decided on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Reading {
    /// Now, by the clock of the database.
    pub now: DateTime<Utc>,
    versions: BTreeMap<String, i64>,
}

impl Reading {
    /// The version of an environment.
    pub(super) fn version(&self, environment: &str) -> Option<i64> {
        self.versions.get(environment).copied()
    }

    /// The environments that there are.
    pub(super) fn environments(&self) -> impl Iterator<Item = Environment> + '_ {
        self.versions.keys().filter_map(|name| name.parse().ok())
    }
}

/// What is the case, as it was read.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Now, by the clock of the database.
    pub now: DateTime<Utc>,
    /// The incident and the run; none when there is no such incident.
    pub case: Option<Case>,
    /// When runs of other incidents last changed the environment.
    pub changed_elsewhere_at: Option<DateTime<Utc>>,
    /// What the person got who used the key before.
    pub answer: Option<Answer>,
    /// Whether rollbacks are halted; when nothing was asked about, whether they are anywhere.
    pub halted: bool,
    /// The people who may be something.
    pub principals: Vec<Principal>,
    reading: Reading,
    neighbours: Vec<Neighbour>,
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

    /// What a commit is decided on.
    #[must_use]
    pub const fn reading(&self) -> &Reading {
        &self.reading
    }
}

/// The same as it is answered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
    #[serde(flatten)]
    reading: Reading,
    halted: Option<bool>,
    incident: Option<Incident>,
    run: Option<Run>,
    neighbours: Vec<Beside>,
    changed_elsewhere_at: Option<DateTime<Utc>>,
    principals: Vec<Principal>,
    spent_plans: Vec<Digest>,
    #[serde(default)]
    answer: Option<Answer>,
}

#[derive(Deserialize)]
struct Beside {
    run: RunId,
    kind: Kind,
    standing: Standing,
}

impl From<View> for Snapshot {
    fn from(view: View) -> Self {
        let neighbour = |beside: Beside| Neighbour { run: beside.run, kind: beside.kind, standing: beside.standing };
        Self {
            now: view.reading.now,
            case: view.incident.and_then(|incident| Case::new(incident, view.run).ok()),
            changed_elsewhere_at: view.changed_elsewhere_at,
            answer: view.answer,
            halted: view.halted.unwrap_or(false),
            principals: view.principals,
            reading: view.reading,
            neighbours: view.neighbours.into_iter().map(neighbour).collect(),
            spent_plans: view.spent_plans,
        }
    }
}

/// What is the case around an incident, or around a run, of which the incident comes along; and what the person got who
/// used the key before.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn snapshot<D: Database>(
    db: &D,
    incident: Option<IncidentId>,
    run: Option<RunId>,
    key: Option<(&Person, &IdempotencyKey)>,
) -> Result<Snapshot, StoreError> {
    let (person, key) = key.unzip();
    let parameters = vec![maybe(incident), maybe(run), maybe(person), maybe(key)];
    ask::<_, View>(db, sql::SNAPSHOT, parameters).await.map(Snapshot::from)
}
