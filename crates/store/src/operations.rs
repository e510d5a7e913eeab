//! The database of operations: what is the case, what is decided, and what is to be done.
//!
//! What is decided is decided by the crate `rollback`, on a [`Snapshot`], and goes back as a [`Commit`] that says which
//! versions it was decided on. When somebody else has committed in between, the answer is [`Outcome::Conflict`]: read again,
//! decide again, up to [`ATTEMPTS`] times. So a decision and its commit are as good as one transaction, without a lock.
//!
//! Work is done under a [`Claim`], and a commit under a claim that was overtaken is [`Outcome::Fenced`]. A person's command
//! has no claim; with a key of its own it is done once, however often it comes ([`Commit::answer`]).

mod alert;
mod answer;
mod audit;
mod claim;
mod commit;
mod delivery;
mod drill;
mod evidence;
mod figures;
mod incident;
mod intake;
mod job;
mod principal;
mod snapshot;
mod statement;

pub mod sql;

pub use alert::{EarlierEvent, FiledAlert, KnownAlert, KnownAlerts, Rest, known_alerts, labels, recorded_alerts};
pub use answer::Answer;
pub use audit::{AuditPage, audit_page};
pub use claim::{Claim, Then, claim, claim_of};
pub use commit::{Commit, Outcome};
pub use delivery::deliver;
pub use drill::{Drills, drills};
pub use evidence::{Evidence, EvidenceFile, evidence_file};
pub use figures::{Figures, IncidentCount, Open, Resolved, RunCount, figures};
pub use incident::{Filter, IncidentFile, Incidents, Message, Pending, incident_file, incidents};
pub use intake::{Attached, take_in};
pub use job::{Job, JobKind};
pub use principal::principals;
pub use snapshot::{Reading, Snapshot, snapshot};

/// How often a decision is made again when somebody else has committed in between: each time one of those who are at it has
/// got through, so this is how many may be at one environment at once.
pub const ATTEMPTS: u32 = 12;
