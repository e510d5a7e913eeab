//! Leaving: users of a node follow service requests no longer.

use chat::{
    Refusal,
    wire::{LeaveAnswer, LeaveRequest},
};
use function::{Answer, Instance, Request, Rings, answer, body, demand_relay};
use http::StatusCode;

/// Takes back the registrations of users of a node, and rings the others that have them in sight.
pub(crate) async fn leave(request: Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    demand_relay(&instance.config, request.headers())?;
    let LeaveRequest { node, incarnation, left } = body::parse(&body::read_internal(request).await?)?;
    let gone = instance.database(async |db| store::leave(db, &node, incarnation, &left).await).await?;
    let mut rings = Rings::default();
    for departure in &gone.departures {
        rings.add_presence(&departure.nodes, &departure.id);
    }
    instance.ring(rings, &gone.epoch);
    Ok(answer::json(StatusCode::OK, &LeaveAnswer {}))
}
