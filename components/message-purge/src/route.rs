//! The call of a cluster's own clock.

use std::time::Duration;

use chat::{ErrorCode, Refusal};
use function::{Answer, Instance, Request, answer, demand_relay};
use http::{Method, StatusCode};

use crate::{host::Connection, purge};

/// How long a call may take; the answer says whether to call again.
const PATIENCE: Duration = Duration::from_secs(5);

function::serve!(crate::route::handle);

/// Answers a request.
pub(crate) async fn handle(request: Request) -> Answer {
    route(&request).await.into()
}

async fn route(request: &Request) -> Result<Answer, Refusal> {
    match (request.uri().path(), request.method()) {
        ("/internal/purge", &Method::POST) => run(request).await,
        ("/internal/purge", _) => Ok(answer::method_not_allowed("POST")),
        _ => Err(ErrorCode::NotFound.refusal("there is nothing at this address")),
    }
}

async fn run(request: &Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    demand_relay(&instance.config, request.headers())?;
    let url = instance.config.purge_database_url.as_deref();
    let url = url.ok_or_else(|| ErrorCode::Unavailable.refusal("purge_database_url is not set"))?;
    let outcome = async { purge(&Connection::open(url)?, PATIENCE).await }.await;
    let progress = outcome.map_err(|error| {
        eprintln!("{error}");
        Refusal::from(&error)
    })?;
    Ok(answer::json(StatusCode::OK, &progress))
}
