//! The call of a cluster's own clock.

use std::{thread::sleep, time::Duration};

use chat::{ErrorCode, Refusal};
use function::{Answer, Instance, Request, answer, demand_relay};
use http::{Method, StatusCode};
use store::{Retention, StoreError};

use crate::{Progress, host::Connection, purge};

/// How long a call may take; what is left by then is for the next, and the answer says so: 202, with `Retry-After`.
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
    let outcome = async {
        let progress = purge(|| Connection::open(url), PATIENCE, sleep).await?;
        Ok((progress, store::retention(&Connection::open(url)?).await?))
    };
    let (progress, Retention { due, overdue_seconds }) = outcome.await.map_err(|error: StoreError| {
        eprintln!("{error}");
        Refusal::from(&error)
    })?;
    let answer = Report { progress, due, overdue_seconds };
    Ok(if progress.done { answer::json(StatusCode::OK, &answer) } else { answer::once_more(&answer) })
}

/// What a call has done, and what is left.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    #[serde(flatten)]
    progress: Progress,
    due: i64,
    overdue_seconds: i64,
}
