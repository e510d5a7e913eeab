//! The domain of production rollback: from an alert to a system that is proven stable.
//!
//! Nothing here does input or output, and nothing knows the runtime, the database or the clock: what is the case comes in
//! as a [`Context`], what is to be committed goes out as a [`Change`]. The three state machines each have one function that
//! moves them: [`IncidentState::next`], [`RunState::next`], [`StepStatus::next`](step::StepStatus::next). Everything else
//! guards the way there, and every move comes in through [`Case`].
//!
//! What must hold, whatever is commanded in whatever order: an incident is resolved only when a validation passed after the
//! last change and not long ago; a run begins only with its approvals; a plan is sent to be applied once; and nothing
//! follows a step that failed or whose outcome is unknown.

pub mod alert;
pub mod audit;
pub mod canonical;
pub mod clock;
pub mod commit;
pub mod drill;
pub mod idempotency;
pub mod permission;
pub mod point_in_time;
pub mod preflight;
pub mod principal;
pub mod quorum;
pub mod recipe;
pub mod recommendation;
pub mod restored;
pub mod schema;
pub mod step;
pub mod tag;
pub mod terraform;
pub mod validation;

mod approval;
mod case;
mod context;
mod decision;
mod digest;
mod environment;
mod id;
mod incident;
mod kind;
mod moment;
mod name;
mod preview;
mod refusal;
mod request;
mod role;
mod run;
mod server;
mod spelling;
mod version;

pub use approval::{Approval, LIFETIME as APPROVAL_LIFETIME, Reading};
pub use case::{About, Case, Change, Command, Report};
pub use context::{Context, Neighbour};
pub use decision::{Decision, DismissalCause, Mark, Strategy};
pub use digest::{Digest, DigestError};
pub use environment::{DrillOutsideStaging, Environment, Mode, Target};
pub use id::{DrillId, IncidentId, RunId, ValidationId};
pub use incident::{
    BreakGlass, CurrentRun, Executed, Firing, Incident, IncidentEvent, IncidentState, Loss, NewIncident, Standing,
};
pub use kind::Kind;
pub use name::{
    Address, Application, Commit, NameError, Person, Reason, Reference, Repository, RunbookVersion, TagName,
};
pub use preview::{LIFETIME as PREVIEW_LIFETIME, Preview};
pub use principal::{Actor, Principal};
pub use refusal::{IllegalTransition, Refusal, RefusalClass};
pub use request::{
    ApplicationRequest, Applications, ApplicationsError, DatabaseRequest, InfrastructureRequest, Request,
};
pub use role::{Role, Scope};
pub use run::{Attestation, Left, Run, RunEvent, RunState, Stop};
pub use server::ServerName;
pub use spelling::UnknownWord;
pub use version::Version;
