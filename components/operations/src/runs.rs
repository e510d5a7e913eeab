//! Runs, for people to read.

use function::{Answer, Instance, Request, answer};
use http::StatusCode;
use rollback::{Actor, Case, Command, Refusal, Run, RunId, permission::Move};
use store::operations::snapshot;

use crate::{
    caller,
    order::Order,
    perform::{Ordered, Target, perform},
    plan::plan,
    refused::Refused,
    version::with_version,
    view,
};

/// A run.
pub(crate) async fn get(id: &str, request: &Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    let run = find(&instance, &actor, id).await?;
    Ok(with_version(answer::json(StatusCode::OK, &view::run(&run)), Some(run.version())))
}

/// Exactly what a run would do. That it was opened is put on record when all of it can be shown; it is made once and stays
/// what it is.
pub(crate) async fn preview(id: &str, request: &Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    let run = find(&instance, &actor, id).await?;
    let plan = instance.database(async |db| plan(db, &run).await).await?;
    let shown = view::preview(&run, plan.as_ref()).ok_or(Refusal::NotPreviewed)?;
    let (target, order) = (Target::Run(run.id()), Order::Command(Command::OpenPreview));
    let ordered = Ordered { actor, target, order, expected: None, key: None };
    let done = instance.database(async |db| perform(db, &ordered).await).await??;
    Ok(with_version(answer::json(StatusCode::OK, &shown), done.version))
}

/// A run that somebody may read.
async fn find(instance: &Instance, actor: &Actor, id: &str) -> Result<Run, Refused> {
    let id = id.parse::<RunId>().ok();
    let now = instance.database(async |db| snapshot(db, None, id, None).await).await?;
    now.context().authorise(actor, Move::Read)?;
    let run = now.case.as_ref().filter(|_| id.is_some()).and_then(Case::run);
    run.cloned().ok_or_else(|| Refused::not_found("run"))
}
