//! Stopping every rollback from going on, and letting them go on again.

use function::{Answer, Instance, Request, answer, body};
use http::StatusCode;
use rollback::{
    Actor, Reason,
    audit::{Event, Record, Subject},
    permission::Move,
};
use serde_json::json;
use store::{
    Database, StoreError,
    operations::{ATTEMPTS, Commit, Outcome, snapshot},
};

use crate::{caller, form::Form, refused::Refused};

/// Whether rollbacks are halted.
pub(crate) async fn get(request: &Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    let now = instance.database(async |db| snapshot(db, None, None, None).await).await?;
    now.context().authorise(&actor, Move::Read)?;
    Ok(answer::json(StatusCode::OK, &json!({"halted": now.halted})))
}

/// Halts them, or lets them go on. It is done again without harm, so it takes no key.
pub(crate) async fn post(request: Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    let mut form = Form::read(&body::read_public(request).await?)?;
    let (halted, reason) = (form.required::<bool>("halted"), form.required::<Reason>("reason"));
    let (halted, reason) = form.finish(halted.zip(reason))?;
    instance.database(async |db| set(db, &actor, halted, &reason).await).await??;
    instance.ring_operations();
    Ok(answer::json(StatusCode::OK, &json!({"halted": halted})))
}

async fn set<D: Database>(
    db: &D,
    actor: &Actor,
    halted: bool,
    reason: &Reason,
) -> Result<Result<(), Refused>, StoreError> {
    for _ in 0..ATTEMPTS {
        let now = snapshot(db, None, None, None).await?;
        if let Err(refusal) = now.context().authorise(actor, Move::Halt) {
            return Ok(Err(refusal.into()));
        }
        let reason = reason.clone();
        let event = if halted { Event::Halted { reason } } else { Event::Released { reason } };
        let mut commit = Commit::new();
        commit.halt(now.reading(), halted);
        let actor = Some(actor.person.clone());
        commit.record(&Record { at: now.now, actor, subject: Subject::default(), event })?;
        match commit.send(db).await? {
            Outcome::Committed(_) => return Ok(Ok(())),
            Outcome::Conflict => {}
            Outcome::Fenced | Outcome::Repeated(_) => {
                return Err(StoreError::Unexpected("the outcome of a commit that a halt does not make".into()));
            }
        }
    }
    Err(StoreError::Busy("somebody else was first, each time".into()))
}
