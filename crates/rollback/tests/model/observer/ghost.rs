//! What the observer remembers of one incident.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rollback::{Digest, Kind, Request, RunId, ValidationId};

/// What the observer remembers of one incident.
#[derive(Default)]
pub struct Ghost {
    pub decided: Option<(String, Option<Kind>)>,
    pub fired_at: Option<DateTime<Utc>>,
    pub cleared_at: Option<DateTime<Utc>>,
    pub proof: Option<Proof>,
    pub runs: Vec<GhostRun>,
}

/// A validation.
pub struct Proof {
    pub id: ValidationId,
    pub started_at: DateTime<Utc>,
    pub passed_at: Option<DateTime<Utc>>,
}

/// An approval.
pub struct Approval {
    pub digest: Digest,
    pub at: DateTime<Utc>,
    pub acknowledged: BTreeSet<String>,
    pub opened: bool,
    pub glass: bool,
}

/// What was last heard of the step that is under way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Last {
    Intended,
    Sent,
    Awaiting,
    Unknown,
}

/// A run.
pub struct GhostRun {
    pub id: RunId,
    pub kind: Kind,
    pub requester: String,
    pub steps: Vec<&'static str>,
    pub digest: Option<Digest>,
    pub hazards: BTreeSet<String>,
    pub plan: Option<Digest>,
    pub accepts_loss: bool,
    pub loss: Option<i64>,
    pub opened: BTreeSet<(String, Digest)>,
    pub approvals: BTreeMap<String, Approval>,
    pub executed_by: Option<String>,
    pub done: BTreeSet<String>,
    pub last: Option<Last>,
    pub absence: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// A step has failed, or can't be told.
    pub stopped: bool,
    /// Nothing more may come of it.
    pub over: bool,
}

impl GhostRun {
    pub fn new(id: RunId, requester: String, request: &Request) -> Self {
        let (steps, accepts_loss): (&[&str], bool) = match request {
            Request::Application(_) => (&["A1", "A2", "A3", "A4", "A5"], false),
            Request::Infrastructure(_) => (&["I1", "I2", "I3", "I4", "I5", "I6", "I7"], false),
            Request::Database(request) => {
                let steps: &[&str] = if request.waive_freeze.is_some() {
                    &["D1", "D3", "D4", "D5", "D6", "D7:orders:A3", "D7:orders:A4", "D7:orders:A5"]
                } else {
                    &["D1", "D2", "D3", "D4", "D5", "D6", "D7:orders:A3", "D7:orders:A4", "D7:orders:A5", "D7:thaw"]
                };
                (steps, request.accept_loss.is_some())
            }
        };
        Self {
            id,
            kind: request.kind(),
            requester,
            steps: steps.to_vec(),
            digest: None,
            hazards: BTreeSet::new(),
            plan: None,
            accepts_loss,
            loss: None,
            opened: BTreeSet::new(),
            approvals: BTreeMap::new(),
            executed_by: None,
            done: BTreeSet::new(),
            last: None,
            absence: None,
            stopped: false,
            over: false,
        }
    }

    /// Whether it is changing the environment, or has stopped half-way.
    pub fn is_unfinished(&self) -> bool {
        self.executed_by.is_some() && !self.over
    }
}

impl Ghost {
    pub fn current(&self) -> Option<&GhostRun> {
        self.runs.last()
    }

    pub fn current_mut(&mut self) -> Option<&mut GhostRun> {
        self.runs.last_mut()
    }
}
