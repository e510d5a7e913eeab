//! Writing what was decided, whole or not at all.

mod standing;

use std::collections::BTreeMap;

use rollback::{
    Change, Digest, DrillId, Environment, IncidentId, Kind, Person, Run,
    audit::{Event, Record, Subject},
    canonical,
    clock::Clocks,
    drill::Drill,
    idempotency::IdempotencyKey,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    answer::Answer,
    claim::{Claim, Then},
    evidence::Evidence,
    job::{Job, JobKind},
    snapshot::Reading,
    sql,
    statement::{ask, text},
};
use crate::{Database, StoreError};

/// What came of a commit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is committed; with the number of the last record of the audit log, when it has records.
    Committed(Option<i64>),
    /// Somebody else was first: what was decided on is not the case any more.
    Conflict,
    /// Somebody else has the job by now.
    Fenced,
    /// The person has used the key before, and this is what they got. Nothing is committed.
    Repeated(Answer),
}

/// What is to be committed.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    versions: BTreeMap<String, i64>,
    members: Map<String, Value>,
    lists: BTreeMap<&'static str, Vec<Value>>,
    // One each, however often they are named: the last one counts.
    incidents: BTreeMap<String, Value>,
    runs: BTreeMap<String, Value>,
    jobs: BTreeMap<String, Value>,
    alerts: BTreeMap<String, Value>,
}

impl Commit {
    /// A commit of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The commit holds only while the environment is as it was read. Changes and halts demand it by themselves.
    pub fn demand(&mut self, reading: &Reading, environment: Environment) {
        // Without a version there is no such environment, and nothing to be written about it.
        let name = environment.as_str();
        self.versions.insert(name.to_owned(), reading.version(name).unwrap_or(-1));
    }

    /// Changes that follow one another: what is the case after the last one, every event as a record, the plans that are
    /// spent, the drill that is done, and what is to be done now.
    ///
    /// # Errors
    /// Returns [`StoreError`] for a record that JSON can't hold, which none is.
    pub fn decide(&mut self, reading: &Reading, changes: &[Change]) -> Result<(), StoreError> {
        for change in changes {
            let (incident, run) = (change.case.incident(), change.case.run());
            self.demand(reading, incident.target().environment());
            let open = !incident.state().is_closed();
            self.incidents.insert(incident.id().to_string(), json!({"document": incident, "open": open}));
            if let Some(run) = run {
                let standing = standing::of(run);
                let document = json!({"document": run, "kind": run.kind(), "standing": standing});
                self.runs.insert(run.id().to_string(), document);
                if let Some(digest) = change.spent_plan {
                    self.push("plans", json!({"digest": digest, "run": run.id()}));
                }
            }
            for job in Job::after(change) {
                self.job(job);
            }
            let subject = Subject { incident: Some(incident.id()), run: run.map(Run::id), drill: incident.drill() };
            for event in &change.events {
                self.record(&Record { at: reading.now, actor: change.actor.clone(), subject, event: event.clone() })?;
                if let (Event::Resolved, Some(drill), Some(executed)) = (event, incident.drill(), incident.executed()) {
                    let seconds = Clocks::read(incident.moments(), reading.now).recovery.seconds;
                    self.drill_done(drill, executed.kind, reading, seconds);
                }
            }
        }
        Ok(())
    }

    /// It is made under a claim, of which this becomes.
    pub fn under(&mut self, claim: &Claim, then: Then) {
        let then = match then {
            Then::Keep => json!({"do": "keep"}),
            Then::Done => json!({"do": "done"}),
            Then::Again { seconds, notes: Some(notes) } => json!({"do": "again", "seconds": seconds, "notes": notes}),
            Then::Again { seconds, notes: None } => json!({"do": "again", "seconds": seconds}),
        };
        for (name, value) in [("job", claim.job.into()), ("fence", claim.fence.into()), ("then", then)] {
            self.members.insert(name.to_owned(), value);
        }
    }

    /// The same command gets this answer when it comes again.
    pub fn answer(&mut self, person: &Person, key: &IdempotencyKey, answer: &Answer) {
        let Answer { request, status, body } = answer;
        let answer = json!({"person": person, "key": key, "request": request, "status": status, "body": body});
        self.members.insert("answer".to_owned(), answer);
    }

    /// Something is to be done.
    pub fn job(&mut self, job: Job) {
        self.jobs.insert(job.key(), job.to_json());
    }

    /// Something is to be done about a thing that is no run or incident.
    pub(super) fn job_about(&mut self, kind: &JobKind, thing: &Digest, incident: Option<IncidentId>, payload: Value) {
        let key = format!("{kind}:{thing}");
        let job = json!({
            "kind": kind.as_str(), "incident": incident, "run": null, "key": key, "seconds": 0, "payload": payload,
            "wake": true,
        });
        self.jobs.insert(key, job);
    }

    /// Something proves something.
    pub fn evidence(&mut self, evidence: &Evidence) {
        self.push("evidence", evidence.to_json());
    }

    /// A record of the audit log. Whoever it is told to is told.
    ///
    /// # Errors
    /// Returns [`StoreError`] for a record that JSON can't hold, which none is.
    pub fn record(&mut self, record: &Record) -> Result<(), StoreError> {
        let text = canonical::text(record).map_err(|error| StoreError::Unexpected(error.to_string()))?;
        self.push("records", json!({"text": text, "audience": record.event.audience()}));
        Ok(())
    }

    /// Rollbacks are halted, or go on again, in every environment.
    pub fn halt(&mut self, reading: &Reading, halted: bool) {
        reading.environments().for_each(|environment| self.demand(reading, environment));
        self.members.insert("halted".to_owned(), halted.into());
    }

    /// A drill was started. It is reported with the change that opens its incident.
    ///
    /// # Errors
    /// Returns [`StoreError`] for a drill that JSON can't hold, which none is.
    pub fn drill(&mut self, drill: &Drill) -> Result<(), StoreError> {
        let drill = serde_json::to_value(drill).map_err(|error| StoreError::Unexpected(error.to_string()))?;
        self.push("drills", drill);
        Ok(())
    }

    /// People were reminded of the drill of a kind.
    pub fn reminded(&mut self, kind: Kind) {
        self.push("reminded", json!(kind));
    }

    /// People were told of a record, or could not be, with what came of each channel.
    pub fn told(&mut self, seq: i64, outcome: &Value) {
        self.push("told", json!({"seq": seq, "outcome": outcome}));
    }

    /// What was found around the alert of an incident.
    ///
    /// # Errors
    /// Returns [`StoreError`] for what JSON can't hold, which nothing is.
    pub fn triage(&mut self, incident: IncidentId, found: &impl Serialize) -> Result<(), StoreError> {
        let found = serde_json::to_value(found).map_err(|error| StoreError::Unexpected(error.to_string()))?;
        self.push("triages", json!({"incident": incident, "document": found}));
        Ok(())
    }

    /// Commits. After an error it is not known whether it is committed; the same again does no harm to what is decided on
    /// versions, under a claim or with a key.
    ///
    /// # Errors
    /// Returns [`StoreError`] when the database can't say.
    pub async fn send<D: Database>(&self, db: &D) -> Result<Outcome, StoreError> {
        #[derive(Deserialize)]
        #[serde(tag = "outcome", rename_all = "snake_case")]
        enum Told {
            Committed { seq: Option<i64> },
            Conflict,
            Fenced,
            Repeated { answer: Answer },
        }
        Ok(match ask(db, sql::COMMIT, vec![text(self.to_json())]).await? {
            Told::Committed { seq } => Outcome::Committed(seq),
            Told::Conflict => Outcome::Conflict,
            Told::Fenced => Outcome::Fenced,
            Told::Repeated { answer } => Outcome::Repeated(answer),
        })
    }

    pub(super) fn alert(&mut self, key: String, alert: Value) {
        self.alerts.insert(key, alert);
    }

    fn drill_done(&mut self, drill: DrillId, kind: Kind, reading: &Reading, seconds: i64) {
        self.push("drillsDone", json!({"id": drill, "kind": kind, "at": reading.now, "seconds": seconds}));
    }

    fn push(&mut self, list: &'static str, value: Value) {
        self.lists.entry(list).or_default().push(value);
    }

    pub(super) fn to_json(&self) -> Value {
        let mut document = self.members.clone();
        if !self.versions.is_empty() {
            document.insert("versions".to_owned(), json!(self.versions));
        }
        for (list, values) in &self.lists {
            document.insert((*list).to_owned(), values.clone().into());
        }
        let sets =
            [("incidents", &self.incidents), ("runs", &self.runs), ("jobs", &self.jobs), ("alerts", &self.alerts)];
        for (name, set) in sets.into_iter().filter(|(_, set)| !set.is_empty()) {
            document.insert(name.to_owned(), set.values().cloned().collect());
        }
        document.into()
    }
}
