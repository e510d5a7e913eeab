//! The issuer's keys, for relays: they let in whose token holds, and the functions say by which keys it does.

use chat::{Refusal, wire::KeysRequest};
use function::{Answer, Instance, Request, answer, body, demand_relay};
use http::StatusCode;

/// Answers what is known of the issuer's keys, after asking the issuer if it is time.
pub(crate) async fn keys(request: Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    demand_relay(&instance.config, request.headers())?;
    let asked: KeysRequest = body::parse(&body::read_internal(request).await?)?;
    Ok(answer::json(StatusCode::OK, &instance.issuer_keys(asked.unknown).await?))
}
