//! Sweeping: a node asks what has changed of what it holds.

use chat::{Refusal, wire::SweepRequest};
use function::{Answer, Instance, Request, answer, body, demand_relay};
use http::StatusCode;

/// Counts the node as alive, and answers what differs from what it knows.
pub(crate) async fn sweep(request: Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    demand_relay(&instance.config, request.headers())?;
    let asked: SweepRequest = body::parse(&body::read_internal(request).await?)?;
    let changed = instance.database(async |db| store::sweep(db, &asked).await).await?;
    Ok(answer::json(StatusCode::OK, &changed))
}
