//! What is shown of incidents and runs.

use chrono::{DateTime, Utc};
use rollback::{
    Actor, Incident, Kind, Run,
    audit::{Link, Record},
    clock::{Clocks, rto},
    point_in_time::RPO,
};
use serde_json::{Value, json};
use store::operations::{IncidentFile, Snapshot};

use crate::{moves, next};

/// An incident as the domain keeps it.
pub(crate) fn incident(incident: &Incident) -> Value {
    json!(incident)
}

/// A run as the domain keeps it.
pub(crate) fn run(run: &Run) -> Value {
    json!(run)
}

/// Exactly what a run would do, with its digest and what has to be acknowledged, and the plan that it would apply; none
/// before it is known.
pub(crate) fn preview(run: &Run, plan: Option<&Value>) -> Option<Value> {
    let preview = run.preview()?;
    let mut shown = json!(preview);
    let members = shown.as_object_mut()?;
    members.insert("hazards".to_owned(), json!(preview.hazards()));
    members.insert("expiresAt".to_owned(), json!(preview.expires_at()));
    if let Some(plan) = plan {
        members.insert("plan".to_owned(), plan.clone());
    }
    Some(shown)
}

/// Everything about an incident, as somebody sees it.
pub(crate) fn file(file: &IncidentFile, snapshot: &Snapshot, actor: &Actor) -> Value {
    let (incident, now) = (&file.incident, file.now);
    let run = file.runs.last();
    let recommendation = file.triage.as_ref().and_then(|triage| triage.get("recommendation"));
    let pending: Vec<Value> = file
        .jobs
        .iter()
        .map(|job| json!({"kind": job.kind, "key": job.key, "dueAt": job.due_at, "tries": job.tries}))
        .collect();
    json!({
        "now": now,
        "incident": incident,
        "alerts": file.alerts,
        "triage": file.triage,
        "recommendation": recommendation,
        "runs": file.runs,
        "validations": incident.validation().into_iter().collect::<Vec<_>>(),
        "clocks": Clocks::read(incident.moments(), now),
        "objectives": objectives(incident, run, now),
        "timeline": file.timeline.iter().map(entry).collect::<Vec<_>>(),
        "messages": file.messages,
        "pending": pending,
        "moves": moves::of(snapshot, actor),
        "next": next::step(incident, run),
    })
}

/// A record of the audit log, in its place, as it was hashed and as it reads.
pub(crate) fn entry(link: &Link) -> Value {
    let record = serde_json::from_str::<Record>(&link.text).ok();
    let mut shown = record.map_or_else(|| json!({}), |record| json!(record));
    if let Some(members) = shown.as_object_mut() {
        members.insert("seq".to_owned(), json!(link.seq));
        members.insert("hash".to_owned(), json!(link.hash));
    }
    shown
}

/// What recovery may take and has taken, and what loss was allowed, asked for and measured.
fn objectives(incident: &Incident, run: Option<&Run>, now: DateTime<Utc>) -> Value {
    let decided = incident.decision().and_then(|decision| decision.strategy.kind());
    let kind: Option<Kind> = incident.executed().map(|executed| executed.kind).or(run.map(Run::kind)).or(decided);
    let recovery = Clocks::read(incident.moments(), now).recovery;
    let loss = incident.loss();
    json!({
        "rto": {
            "allowedSeconds": rto(kind).num_seconds(),
            "takenSeconds": recovery.seconds,
            "running": recovery.running && !incident.state().is_closed(),
        },
        "rpo": {
            "allowedSeconds": RPO.num_seconds(),
            "askedSeconds": loss.asked_seconds,
            "measuredSeconds": loss.measured_seconds,
        },
    })
}
