//! Doing what a person orders: read, decide, commit; and again when somebody else was first.

use std::slice;

use rollback::{About, Actor, Case, Digest, IncidentId, RunId, Version, idempotency::IdempotencyKey};
use serde_json::Value;
use store::{
    Database, StoreError,
    operations::{ATTEMPTS, Answer, Commit, Outcome, snapshot},
};

use crate::{order::Order, refused::Refused, replay::replay, view};

/// Of which incident or run it is ordered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Incident(IncidentId),
    Run(RunId),
}

/// An order, with what came along.
#[derive(Debug)]
pub(crate) struct Ordered {
    /// Who orders.
    pub(crate) actor: Actor,
    /// Of what.
    pub(crate) target: Target,
    /// What.
    pub(crate) order: Order,
    /// The version that they have seen.
    pub(crate) expected: Option<Version>,
    /// The key under which it is done once, and what it is known again by.
    pub(crate) key: Option<(IdempotencyKey, Digest)>,
}

/// What came of an order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Done {
    /// The answer.
    pub(crate) answer: Answer,
    /// The version that is the case now; none for an answer that was given before.
    pub(crate) version: Option<Version>,
    /// Whether something was committed.
    pub(crate) committed: bool,
}

/// Does what is ordered. What is refused has changed nothing, and is not kept under the key.
pub(crate) async fn perform<D: Database>(db: &D, ordered: &Ordered) -> Result<Result<Done, Refused>, StoreError> {
    let (incident, run) = match ordered.target {
        Target::Incident(id) => (Some(id), None),
        Target::Run(id) => (None, Some(id)),
    };
    let person = &ordered.actor.person;
    for _ in 0..ATTEMPTS {
        let key = ordered.key.as_ref().map(|(key, _)| (person, key));
        let snapshot = snapshot(db, incident, run, key).await?;
        let context = snapshot.context();
        if let Err(refusal) = context.authorise(&ordered.actor, ordered.order.movement()) {
            return Ok(Err(refusal.into()));
        }
        if let Some(first) = &snapshot.answer {
            return Ok(repeated(ordered, first));
        }
        let Some(case) = &snapshot.case else {
            return Ok(Err(Refused::not_found(if run.is_some() { "run" } else { "incident" })));
        };
        let change = ordered
            .order
            .command(case)
            .and_then(|command| case.command(command, &ordered.actor, ordered.expected, &context));
        let change = match change {
            Ok(change) => change,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let (status, body, version) = shown(&ordered.order, &change.case);
        let request = ordered.key.as_ref().map_or(Digest::of(b""), |(_, request)| *request);
        let answer = Answer { request, status, body: body.to_string() };
        if change.events.is_empty() {
            return Ok(Ok(Done { answer, version, committed: false }));
        }
        let mut commit = Commit::new();
        commit.decide(snapshot.reading(), slice::from_ref(&change))?;
        if let Some((key, _)) = &ordered.key {
            commit.answer(person, key, &answer);
        }
        match commit.send(db).await? {
            Outcome::Committed(_) => return Ok(Ok(Done { answer, version, committed: true })),
            Outcome::Repeated(first) => return Ok(repeated(ordered, &first)),
            Outcome::Conflict => {}
            Outcome::Fenced => return Err(StoreError::Unexpected("a person's command has no fence".into())),
        }
    }
    Err(StoreError::Busy("somebody else was first, each time".into()))
}

fn repeated(ordered: &Ordered, first: &Answer) -> Result<Done, Refused> {
    let Some((_, request)) = ordered.key else { return Err(Refused::KeyTaken) };
    Ok(Done { answer: replay(first, request)?, version: None, committed: false })
}

/// What an order is answered with: what it was about, as it is now.
fn shown(order: &Order, case: &Case) -> (u16, Value, Option<Version>) {
    use rollback::Command::OpenRun;

    let run = case.run();
    match (order, order.about()) {
        (Order::Command(OpenRun { .. }), _) => {
            (201, run.map(view::run).unwrap_or_default(), run.map(rollback::Run::version))
        }
        (_, About::Run) => (200, run.map(view::run).unwrap_or_default(), run.map(rollback::Run::version)),
        (_, About::Incident) => (200, view::incident(case.incident()), Some(case.incident().version())),
    }
}
