//! The service request: what its owner reports of it, and which node holds it for whom.
//!
//! Public: `PUT` and `GET /v1/service-requests/{id}`. For relays: `POST /internal/join`, `/internal/leave`,
//! `/internal/sweep`, `/internal/limits` and `/internal/keys`, and `GET /internal/ready`.

mod join;
mod keys;
mod leave;
mod limits;
mod ready;
mod service_request;
mod sweep;

use chat::{ErrorCode, Refusal};
use function::{Answer, Request, answer, in_time, path, steady};
use http::Method;

function::serve!(crate::handle);

/// Answers a request.
pub async fn handle(request: Request) -> Answer {
    steady(in_time(route(request))).await.into()
}

async fn route(request: Request) -> Result<Answer, Refusal> {
    let address = request.uri().path().to_owned();
    match (path::segments(&address).as_slice(), request.method()) {
        (["v1", "service-requests", id], &Method::PUT) => service_request::put(id, request).await,
        (["v1", "service-requests", id], &Method::GET) => service_request::get(id, &request).await,
        (["v1", "service-requests", _], _) => Ok(answer::method_not_allowed("GET, PUT")),
        (["internal", "join"], &Method::POST) => join::join(request).await,
        (["internal", "leave"], &Method::POST) => leave::leave(request).await,
        (["internal", "sweep"], &Method::POST) => sweep::sweep(request).await,
        (["internal", "limits"], &Method::POST) => limits::limits(request).await,
        (["internal", "keys"], &Method::POST) => keys::keys(request).await,
        (["internal", "ready"], &Method::GET) => ready::ready(&request).await,
        (["internal", "ready"], _) => Ok(answer::method_not_allowed("GET")),
        (["internal", "join" | "keys" | "leave" | "limits" | "sweep"], _) => Ok(answer::method_not_allowed("POST")),
        _ => Err(ErrorCode::NotFound.refusal("there is nothing at this address")),
    }
}
