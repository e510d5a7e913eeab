//! What people command and see in operations: incidents, runs, approvals, drills, the audit log; and what GitHub tells.
//!
//! Nothing is decided here. A command is read ([`order`]), judged by the crate `rollback` on what the database says now, and
//! committed with its answer ([`perform`]). The table of people who may be something is read again each time.

mod audit;
mod caller;
mod drills;
mod evidence;
mod form;
mod github;
mod halt;
mod idempotency;
mod incidents;
mod moves;
mod next;
mod order;
mod perform;
mod plan;
mod policies;
mod query;
mod refused;
mod replay;
mod routes;
mod runbook;
mod runs;
mod version;
mod view;

use function::{Answer, Request};

function::serve!(crate::handle);

/// Answers a request.
pub async fn handle(request: Request) -> Answer {
    routes::route(request).await.unwrap_or_else(refused::Refused::answer)
}
