//! The call of a cluster's own clock, and of whoever can't wait.

use chat::{ErrorCode, Refusal};
use function::{Answer, Instance, Request, answer, demand_relay};
use http::{Method, StatusCode};

use super::shift;

function::serve!(crate::host::route::handle);

/// Answers a request.
pub(crate) async fn handle(request: Request) -> Answer {
    route(&request).await.into()
}

async fn route(request: &Request) -> Result<Answer, Refusal> {
    match (request.uri().path(), request.method()) {
        ("/internal/work", &Method::POST) => {
            let instance = Instance::get().await?;
            demand_relay(&instance.config, request.headers())?;
            let progress = shift::work(shift::SHORT).map_err(|error| {
                eprintln!("{error}");
                ErrorCode::Unavailable.refusal("the worker can't work now")
            })?;
            Ok(answer::json(StatusCode::OK, &progress))
        }
        ("/internal/work", _) => Ok(answer::method_not_allowed("POST")),
        _ => Err(ErrorCode::NotFound.refusal("there is nothing at this address")),
    }
}
