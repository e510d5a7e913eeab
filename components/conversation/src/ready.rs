//! Whether anybody could join now.

use chat::Refusal;
use function::{Answer, Instance, Request, answer, demand_relay};

/// Does for nobody what a client's join does, and answers nothing when it went well.
pub(crate) async fn ready(request: &Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    demand_relay(&instance.config, request.headers())?;
    instance.database(async |db| store::ready(db).await).await?;
    Ok(answer::nothing())
}
