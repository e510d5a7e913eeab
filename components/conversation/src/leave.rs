//! Leaving: users of a node follow service requests no longer.

use chat::{
    Refusal,
    wire::{LeaveAnswer, LeaveRequest},
};
use function::{Answer, Instance, Request, answer, body, demand_relay};
use http::StatusCode;

/// Takes back the registrations of users of a node.
pub(crate) async fn leave(request: Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    demand_relay(&instance.config, request.headers())?;
    let LeaveRequest { node, incarnation, left } = body::read_internal(request).await?;
    instance.database(async |db| store::leave(db, &node, incarnation, &left).await).await?;
    Ok(answer::json(StatusCode::OK, &LeaveAnswer {}))
}
