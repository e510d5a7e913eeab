//! Leaving: users of a node follow service requests no longer.

use chat::{
    Refusal,
    wire::{EventConversation, LeaveAnswer, LeaveRequest, Presence},
};
use function::{Answer, Instance, Request, Rings, answer, body, demand_relay};
use http::StatusCode;
use store::Departures;

/// Takes back the registrations of users of a node.
pub(crate) async fn leave(request: Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    demand_relay(&instance.config, request.headers())?;
    let LeaveRequest { node, incarnation, left } = body::parse(&body::read_internal(request).await?)?;
    let gone = instance.database(async |db| store::leave(db, &node, incarnation, &left).await).await?;
    instance.ring(departures(&gone), &gone.epoch);
    Ok(answer::json(StatusCode::OK, &LeaveAnswer {}))
}

/// Tells other nodes who is there no longer.
fn departures(gone: &Departures) -> Rings {
    let mut rings = Rings::default();
    for departure in &gone.departures {
        let presence = vec![Presence { user_id: departure.user.clone(), online: false }];
        let conversation = EventConversation { presence, ..departure.conversation.event(Vec::new()) };
        rings.add(&departure.conversation.nodes, &conversation);
    }
    rings
}
