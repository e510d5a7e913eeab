//! Runs, for people to read.

use function::{Answer, Instance, Request, answer};
use http::StatusCode;
use rollback::{RunId, permission::Move};
use store::operations::snapshot;

use crate::{caller, refused::Refused, routes::with_version, view};

/// A run.
pub(crate) async fn get(id: &str, request: &Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    let id = id.parse::<RunId>().ok();
    let now = instance.database(async |db| snapshot(db, None, id, None).await).await?;
    now.context().authorise(&actor, Move::Read)?;
    let run = now.case.as_ref().filter(|_| id.is_some()).and_then(rollback::Case::run);
    let run = run.ok_or_else(|| Refused::not_found("run"))?;
    Ok(with_version(answer::json(StatusCode::OK, &view::run(run)), Some(run.version())))
}
