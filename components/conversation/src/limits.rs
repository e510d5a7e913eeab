//! Limits that nodes share: what users and addresses have taken of them, counted together.

use chat::{
    ErrorCode, Refusal,
    wire::{LimitsAnswer, LimitsRequest},
};
use function::{Answer, Instance, Request, answer, body, demand_relay};
use http::StatusCode;

/// Takes what was taken on a node from what all nodes share, and answers when it is whole again.
pub(crate) async fn limits(request: Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    demand_relay(&instance.config, request.headers())?;
    let LimitsRequest { taken } = body::parse(&body::read_internal(request).await?)?;
    if taken.len() > LimitsRequest::MOST {
        return Err(ErrorCode::Malformed.refusal(format!("at most {} are counted at once", LimitsRequest::MOST)));
    }
    Ok(answer::json(StatusCode::OK, &LimitsAnswer { lacks: instance.share_limits(&taken).await }))
}
