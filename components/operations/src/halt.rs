//! Stopping every rollback from going on, and letting them go on again.

use function::{Answer, Instance, Request, answer, body};
use http::StatusCode;
use rollback::{
    Actor, Digest, Reason,
    audit::{Event, Record, Subject},
    idempotency::IdempotencyKey,
    permission::Move,
};
use serde_json::json;
use store::{
    Database, StoreError,
    operations::{ATTEMPTS, Answer as Kept, Commit, Outcome, snapshot},
};

use crate::{
    caller,
    form::Form,
    idempotency::{Head, kept, key},
    refused::Refused,
    replay::replay,
};

/// Whether rollbacks are halted.
pub(crate) async fn get(request: &Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    let now = instance.database(async |db| snapshot(db, None, None, None).await).await?;
    now.context().authorise(&actor, Move::Read)?;
    Ok(answer::json(StatusCode::OK, &json!({"halted": now.halted})))
}

/// Halts them, or lets them go on. A release that comes again, late, does not undo a halt that was ordered in between: its key
/// is known.
pub(crate) async fn post(request: Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    let (head, key) = (Head::of(&request), key(request.headers())?);
    let body = body::read_public(request).await?;
    let mut form = Form::read(&body)?;
    let (halted, reason) = (form.required::<bool>("halted"), form.required::<Reason>("reason"));
    let (halted, reason) = form.finish(halted.zip(reason))?;
    let request = head.digest(&actor.person, &body);
    let ordered = Ordered { actor, halted, reason, key, request };
    let (answer, committed) = instance.database(async |db| set(db, &ordered).await).await??;
    if committed {
        instance.ring_operations();
    }
    Ok(kept(answer.status, answer.body))
}

struct Ordered {
    actor: Actor,
    halted: bool,
    reason: Reason,
    key: IdempotencyKey,
    request: Digest,
}

/// The answer, and whether something was committed.
async fn set<D: Database>(db: &D, ordered: &Ordered) -> Result<Result<(Kept, bool), Refused>, StoreError> {
    let Ordered { actor, halted, reason, key, request } = ordered;
    for _ in 0..ATTEMPTS {
        let now = snapshot(db, None, None, Some((&actor.person, key))).await?;
        if let Err(refusal) = now.context().authorise(actor, Move::Halt) {
            return Ok(Err(refusal.into()));
        }
        if let Some(first) = &now.answer {
            return Ok(replay(first, *request).map(|first| (first, false)));
        }
        let reason = reason.clone();
        let event = if *halted { Event::Halted { reason } } else { Event::Released { reason } };
        let body = json!({"halted": halted}).to_string();
        let answer = Kept { request: *request, status: 200, body };
        let mut commit = Commit::new();
        commit.halt(now.reading(), *halted);
        commit.answer(&actor.person, key, &answer);
        let person = Some(actor.person.clone());
        commit.record(&Record { at: now.now, actor: person, subject: Subject::default(), event })?;
        match commit.send(db).await? {
            Outcome::Committed(_) => return Ok(Ok((answer, true))),
            Outcome::Repeated(first) => return Ok(replay(&first, *request).map(|first| (first, false))),
            Outcome::Conflict => {}
            Outcome::Fenced => return Err(StoreError::Unexpected("a person's command has no fence".into())),
        }
    }
    Err(StoreError::Busy("somebody else was first, each time".into()))
}
