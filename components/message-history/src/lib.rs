//! Messages out: `GET /internal/service-requests/{id}/messages`, for relays that catch up and, by way of `message-send`,
//! for clients of the public API. Either shows a user's own token.

mod query;

use chat::{ErrorCode, Refusal};
use function::{Answer, Instance, Request, answer, bearer, in_time, path, steady};
use http::{Method, StatusCode};

function::serve!(crate::handle);
function::exchange!(crate::handle);

/// Answers a request.
pub async fn handle(request: Request) -> Answer {
    steady(in_time(route(request))).await.into()
}

async fn route(request: Request) -> Result<Answer, Refusal> {
    match (path::segments(request.uri().path()).as_slice(), request.method()) {
        (["internal", "service-requests", id, "messages"], &Method::GET) => page(id, &request).await,
        (["internal", "service-requests", _, "messages"], _) => Ok(answer::method_not_allowed("GET")),
        _ => Err(ErrorCode::NotFound.refusal("there is nothing at this address")),
    }
}

async fn page(id: &str, request: &Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    let actor = instance.identify(bearer(request.headers())?).await?.actor();
    let id = path::service_request_id(id)?;
    let page = query::page(request.uri().query())?;
    let found = instance.database(async |db| store::history(db, &id, &actor, page).await).await?;
    let found = found.ok_or_else(|| ErrorCode::NotFound.refusal("there is no such service request"))?;
    Ok(answer::json(StatusCode::OK, &found))
}
