//! The database of operations, kept in memory: what `claim` and `commit` do, by a clock that the test sets.
//!
//! It answers the store's own statements. What it leaves out is what one worker and no other person can't notice: locks,
//! the audit chain, what people read. The real functions are tested where they are.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use store::{Database, DbValue, ParameterValue, StoreError};

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: i64,
    pub kind: String,
    pub key: String,
    pub incident: Option<String>,
    pub run: Option<String>,
    pub due_at: DateTime<Utc>,
    pub lease_until: Option<DateTime<Utc>>,
    pub fence: i64,
    pub tries: i64,
    pub payload: Value,
    pub notes: Value,
}

#[derive(Clone, Default)]
pub struct Rows {
    pub version: i64,
    pub halted: bool,
    pub incidents: BTreeMap<String, Value>,
    pub runs: BTreeMap<String, Value>,
    pub spent: Vec<String>,
    pub evidence: BTreeMap<String, Vec<u8>>,
    pub triage: Option<Value>,
    pub jobs: Vec<Job>,
    pub principals: Value,
    pub records: Vec<Value>,
    pub told: Vec<Value>,
    pub reminded: BTreeMap<String, DateTime<Utc>>,
    pub alerts: BTreeMap<String, Value>,
}

/// What ends a worker: at this operation, before it is done or when it is done and nobody hears of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Death {
    Before,
    After,
}

/// How many operations are left, and how the worker then dies.
pub struct Fuse {
    left: Cell<Option<(u32, Death)>>,
    pub spent: Cell<u32>,
}

/// What becomes of an operation.
pub enum Fate {
    Lives,
    DiesBefore,
    DiesAfter,
}

impl Fuse {
    pub fn none() -> Self {
        Self { left: Cell::new(None), spent: Cell::new(0) }
    }

    pub fn at(operation: u32, death: Death) -> Self {
        Self { left: Cell::new(Some((operation, death))), spent: Cell::new(0) }
    }

    pub fn burns(&self) -> Fate {
        self.spent.set(self.spent.get() + 1);
        match self.left.get() {
            None => Fate::Lives,
            Some((0, _)) => Fate::DiesBefore,
            Some((1, death)) => {
                self.left.set(Some((0, death)));
                if death == Death::Before { Fate::DiesBefore } else { Fate::DiesAfter }
            }
            Some((left, death)) => {
                self.left.set(Some((left - 1, death)));
                Fate::Lives
            }
        }
    }

    /// Whether the worker is dead.
    pub fn is_burnt(&self) -> bool {
        matches!(self.left.get(), Some((0, _)))
    }
}

/// The database.
#[derive(Clone)]
pub struct Books {
    pub rows: RefCell<Rows>,
    pub now: Cell<DateTime<Utc>>,
}

/// The database as one worker sees it while it lives.
pub struct Session<'a> {
    pub books: &'a Books,
    pub fuse: &'a Fuse,
}

impl Database for Session<'_> {
    async fn one_row(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<Option<Vec<DbValue>>, StoreError> {
        let gone = || StoreError::Unreachable("the worker is dead".into());
        match self.fuse.burns() {
            Fate::DiesBefore => Err(gone()),
            Fate::DiesAfter => {
                drop(self.books.answer(statement, &parameters));
                Err(gone())
            }
            Fate::Lives => Ok(self.books.answer(statement, &parameters)),
        }
    }
}

fn list(parameter: &ParameterValue) -> Option<Vec<String>> {
    match parameter {
        ParameterValue::ArrayStr(texts) => Some(texts.iter().flatten().cloned().collect()),
        _ => None,
    }
}

fn text(parameter: &ParameterValue) -> Option<String> {
    match parameter {
        ParameterValue::Str(text) => Some(text.clone()),
        _ => None,
    }
}

impl Books {
    pub fn new(now: DateTime<Utc>, principals: Value) -> Self {
        Self { rows: RefCell::new(Rows { principals, ..Rows::default() }), now: Cell::new(now) }
    }

    /// Time passes.
    pub fn wait(&self, delta: TimeDelta) {
        self.now.set(self.now.get() + delta);
    }

    /// Puts a job there, or makes it due.
    pub fn enqueue(&self, kind: &str, key: &str, incident: &str, run: Option<&str>, payload: Value) {
        let mut rows = self.rows.borrow_mut();
        let now = self.now.get();
        if let Some(job) = rows.jobs.iter_mut().find(|job| job.key == key) {
            job.due_at = job.due_at.min(now);
            return;
        }
        let id = rows.jobs.iter().map(|job| job.id).max().unwrap_or(0) + 1;
        rows.jobs.push(Job {
            id,
            kind: kind.into(),
            key: key.into(),
            incident: Some(incident.into()),
            run: run.map(str::to_owned),
            due_at: now,
            lease_until: None,
            fence: 0,
            tries: 0,
            payload,
            notes: json!({}),
        });
    }

    /// When something is due next; none when there is nothing to do.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        let free_at = |job: &Job| job.lease_until.map_or(job.due_at, |lease| lease.max(job.due_at));
        self.rows.borrow().jobs.iter().map(free_at).min()
    }

    fn answer(&self, statement: &str, parameters: &[ParameterValue]) -> Option<Vec<DbValue>> {
        let first = parameters.first();
        let value = if statement.contains("operations.claim") {
            let seconds = match first {
                Some(ParameterValue::Int64(seconds)) => *seconds,
                other => panic!("a lease of {other:?}"),
            };
            self.claim(seconds, parameters.get(1).and_then(list))
        } else if statement.contains("operations.commit") {
            let change = text(first.expect("a change")).expect("a text");
            Some(self.commit(&serde_json::from_str(&change).unwrap()))
        } else if statement.contains("operations.snapshot") {
            let id = |at: usize| parameters.get(at).and_then(text);
            let mut view = self.view(id(0).as_deref(), id(1).as_deref());
            view["answer"] = Value::Null;
            Some(view)
        } else if statement.contains("operations.drills") {
            Some(json!({
                "now": self.now.get(), "installedAt": "2023-01-01T00:00:00Z", "reminded": self.rows.borrow().reminded,
                "drills": [],
            }))
        } else if statement.contains("operations.known_alerts") {
            let lists: Vec<_> = parameters.iter().map(|parameter| list(parameter).unwrap()).collect();
            Some(self.known_alerts(&lists[0], &lists[1]))
        } else if statement.contains("operations.incident_file") {
            let id = first.and_then(text).unwrap();
            let rows = self.rows.borrow();
            rows.incidents.get(&id).map(|incident| {
                json!({
                    "now": self.now.get(), "incident": incident, "triage": rows.triage,
                    "runs": rows.runs.values().collect::<Vec<_>>(),
                    "alerts": [], "timeline": [], "messages": [], "jobs": [],
                })
            })
        } else {
            panic!("no such statement is known here: {statement}")
        };
        Some(vec![value.map_or(DbValue::DbNull, |value| DbValue::Str(value.to_string()))])
    }

    fn view(&self, incident: Option<&str>, run: Option<&str>) -> Value {
        let rows = self.rows.borrow();
        let of_run = run.and_then(|run| rows.runs.get(run)).and_then(|run| run["incident"].as_str());
        let incident = incident.or(of_run).and_then(|id| rows.incidents.get(id));
        let current = incident.and_then(|incident| incident["run"]["id"].as_str());
        let run = run.or(current).and_then(|run| rows.runs.get(run));
        json!({
            "now": self.now.get(),
            "versions": {"production": rows.version, "staging": 0},
            "halted": rows.halted,
            "incident": incident,
            "run": run,
            "neighbours": [],
            "changedElsewhereAt": null,
            "principals": rows.principals,
            "spentPlans": rows.spent,
        })
    }

    /// The incidents of the tests are all in one environment.
    fn known_alerts(&self, keys: &[String], fingerprints: &[String]) -> Value {
        let rows = self.rows.borrow();
        let events: BTreeMap<_, _> = keys
            .iter()
            .filter_map(|key| Some((key, rows.alerts.get(key)?)))
            .map(|(key, alert)| (key, json!({"id": alert["incident"], "state": null, "fingerprint": null})))
            .collect();
        let known: Vec<_> = fingerprints
            .iter()
            .map(|name| {
                let open = rows.incidents.values().find(|incident| incident["fingerprint"] == json!(name));
                json!({"open": open, "lastClosed": null})
            })
            .collect();
        let versions = json!({"production": rows.version, "staging": 0});
        json!({"now": self.now.get(), "versions": versions, "events": events, "known": known})
    }

    fn claim(&self, seconds: i64, kinds: Option<Vec<String>>) -> Option<Value> {
        let now = self.now.get();
        let taken = {
            let mut rows = self.rows.borrow_mut();
            let free = |job: &&mut Job| {
                let is_meant = kinds.as_ref().is_none_or(|kinds| kinds.contains(&job.kind));
                is_meant && job.due_at <= now && job.lease_until.is_none_or(|lease| lease <= now)
            };
            let turn = |job: &Job| match job.kind.as_str() {
                "notify" if job.notes["later"].as_object().is_none_or(serde_json::Map::is_empty) => 0,
                "alerts" | "triage" if job.notes["tries"].as_u64().unwrap_or(0) == 0 => 1,
                _ => 2,
            };
            let job = rows.jobs.iter_mut().filter(free).min_by_key(|job| (turn(job), job.due_at, job.id))?;
            job.fence += 1;
            job.tries += 1;
            job.lease_until = Some(now + TimeDelta::seconds(seconds));
            job.clone()
        };
        Some(json!({
            "job": taken.id, "fence": taken.fence, "kind": taken.kind, "key": taken.key, "tries": taken.tries,
            "payload": taken.payload, "notes": taken.notes,
            "snapshot": self.view(taken.incident.as_deref(), taken.run.as_deref()),
        }))
    }

    /// Commits, whole or not at all.
    pub fn commit(&self, change: &Value) -> Value {
        let now = self.now.get();
        let mut rows = self.rows.borrow_mut();
        if let Some(versions) = change["versions"].as_object() {
            for (name, expected) in versions {
                let actual = if name == "production" { rows.version } else { 0 };
                if expected.as_i64() != Some(actual) {
                    return json!({"outcome": "conflict"});
                }
            }
        }
        let own = change["job"].as_i64();
        let fenced = |fence: i64| !rows.jobs.iter().any(|job| Some(job.id) == own && job.fence == fence);
        if change["fence"].as_i64().is_some_and(fenced) {
            return json!({"outcome": "fenced"});
        }
        let list = |name: &str| change[name].as_array().cloned().unwrap_or_default();
        let plans: Vec<String> = list("plans").iter().map(|plan| plan["digest"].as_str().unwrap().into()).collect();
        if plans.iter().any(|plan| rows.spent.contains(plan)) {
            return json!({"outcome": "conflict"});
        }
        rows.spent.extend(plans);
        rows.version += i64::from(change["versions"].is_object());
        for item in list("incidents") {
            rows.incidents.insert(item["document"]["id"].as_str().unwrap().into(), item["document"].clone());
        }
        for item in list("runs") {
            rows.runs.insert(item["document"]["id"].as_str().unwrap().into(), item["document"].clone());
        }
        for item in list("triages") {
            rows.triage = Some(item["document"].clone());
        }
        for item in list("evidence") {
            let bytes = item["base64"].as_str().unwrap().as_bytes().to_vec();
            rows.evidence.insert(item["digest"].as_str().unwrap().into(), bytes);
        }
        rows.records.extend(list("records"));
        for item in list("alerts") {
            rows.alerts.insert(item["key"].as_str().unwrap().into(), item);
        }
        rows.told.extend(list("told"));
        for kind in list("reminded") {
            rows.reminded.insert(kind.as_str().unwrap().to_owned(), now);
        }
        for item in list("jobs") {
            let key = item["key"].as_str().unwrap();
            let is_own = rows.jobs.iter().any(|job| job.key == key && Some(job.id) == own);
            let known = rows.jobs.iter().any(|job| job.key == key);
            if !is_own && !known {
                let id = rows.jobs.iter().map(|job| job.id).max().unwrap_or(0) + 1;
                let name = |name: &str| item[name].as_str().map(str::to_owned);
                rows.jobs.push(Job {
                    id,
                    kind: name("kind").unwrap(),
                    key: key.into(),
                    incident: name("incident"),
                    run: name("run"),
                    due_at: now + seconds(&item["seconds"]),
                    lease_until: None,
                    fence: 0,
                    tries: 0,
                    payload: item["payload"].clone(),
                    notes: json!({}),
                });
            }
        }
        if let Some(then) = change["then"].as_object() {
            let what = then["do"].as_str().unwrap().to_owned();
            if what == "done" {
                rows.jobs.retain(|job| Some(job.id) != own);
            }
            if let Some(job) = rows.jobs.iter_mut().find(|job| Some(job.id) == own) {
                if let Some(notes) = then.get("notes").filter(|notes| !notes.is_null()) {
                    job.notes = notes.clone();
                }
                if what == "again" {
                    job.due_at = now + seconds(&then["seconds"]);
                    job.lease_until = None;
                    job.tries = 0;
                }
            }
        }
        json!({"outcome": "committed", "seq": rows.records.len()})
    }
}

fn seconds(value: &Value) -> TimeDelta {
    let seconds = value.as_f64().unwrap_or(0.0);
    TimeDelta::milliseconds((seconds * 1e3) as i64)
}
