//! Incidents, for people to read.

use chrono::{DateTime, Utc};
use rollback::{
    Environment, Incident, IncidentId, IncidentState, Run,
    audit::{Audience, Link},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    alert::FiledAlert,
    sql,
    statement::{ask, ask_maybe, maybe, text, texts},
};
use crate::{Database, ParameterValue, StoreError};

/// Which incidents are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those in these states; none for all.
    pub states: Option<Vec<IncidentState>>,
    /// Those in this environment; none for all.
    pub environment: Option<Environment>,
    /// Those older than this one.
    pub before: Option<IncidentId>,
    /// At most so many, and at most 200.
    pub most: i64,
}

/// Incidents, the newest first.
#[derive(Clone, Debug, Deserialize)]
pub struct Incidents {
    /// Now.
    pub now: DateTime<Utc>,
    /// The incidents.
    pub incidents: Vec<Incident>,
}

/// The incidents, the newest first.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn incidents<D: Database>(db: &D, filter: &Filter) -> Result<Incidents, StoreError> {
    let states = filter.states.as_ref().map_or(ParameterValue::DbNull, texts);
    let most = ParameterValue::Int64(filter.most);
    ask(db, sql::INCIDENTS, vec![states, maybe(filter.environment), maybe(filter.before), most]).await
}

/// Everything about an incident.
#[derive(Clone, Debug, Deserialize)]
pub struct IncidentFile {
    /// Now.
    pub now: DateTime<Utc>,
    /// The incident.
    pub incident: Incident,
    /// What was found out around the alert.
    pub triage: Option<Value>,
    /// Its runs, the oldest first.
    pub runs: Vec<Run>,
    /// The alerts that it is about.
    pub alerts: Vec<FiledAlert>,
    /// What happened, as the audit log has it.
    pub timeline: Vec<Link>,
    /// What people are told of it.
    pub messages: Vec<Message>,
    /// What is to be done.
    pub jobs: Vec<Pending>,
}

/// Something that people are told.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The record that they are told of.
    pub seq: u64,
    /// Who is told.
    pub audience: Audience,
    /// Since when.
    pub at: DateTime<Utc>,
    /// When everybody was told.
    pub sent_at: Option<DateTime<Utc>>,
    /// What came of it.
    pub outcome: Option<Value>,
}

/// Something that is to be done.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// Of which kind it is.
    pub kind: String,
    /// What it is about.
    pub key: String,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// How often it was begun without an end.
    pub tries: u64,
    /// What was noted.
    pub notes: Value,
}

/// Everything about an incident; none when there is none such.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn incident_file<D: Database>(db: &D, incident: IncidentId) -> Result<Option<IncidentFile>, StoreError> {
    ask_maybe(db, sql::INCIDENT_FILE, vec![text(incident)]).await
}
