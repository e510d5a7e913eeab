//! Drills: what is due, and starting one.

use function::{Answer, Instance, Request, answer, body};
use http::StatusCode;
use rollback::{
    Actor, Case, DrillId, Environment, IncidentId, IncidentState, Kind, NewIncident, Refusal,
    alert::{AlertName, Fingerprint},
    audit::{Event, Record, Subject},
    drill::{Drill, Quarter, standing},
    idempotency::IdempotencyKey,
    permission::Move,
};
use serde_json::{Value, json};
use store::{
    Database, StoreError,
    operations::{ATTEMPTS, Commit, Filter, Outcome, drills, incidents, snapshot},
};
use uuid::Uuid;

use crate::{
    caller::{self, authorise},
    form::Form,
    idempotency::{Head, kept, key},
    refused::Refused,
    replay::replay,
};

/// How the drill of each kind stands this quarter, and the drills of the last two years.
pub(crate) async fn list(request: &Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    authorise(&instance, &actor, Move::Drill).await?;
    let found = instance.database(async |db| drills(db).await).await?;
    let standings: Vec<Value> = Kind::ALL
        .iter()
        .map(|kind| {
            let mut shown = json!(standing(*kind, &found.drills, found.installed_at, found.now));
            if let Some(members) = shown.as_object_mut() {
                members.insert("kind".to_owned(), json!(kind));
            }
            shown
        })
        .collect();
    let told = json!({"now": found.now, "drills": standings, "history": found.drills});
    Ok(answer::json(StatusCode::OK, &told))
}

/// Starts a drill: opens an incident in staging, which goes the way of every other.
pub(crate) async fn start(request: Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    let (head, key) = (Head::of(&request), key(request.headers())?);
    let body = body::read_public(request).await?;
    let mut form = Form::read(&body)?;
    let kind = form.required::<Kind>("kind");
    let kind = form.finish(kind)?;
    let digest = head.digest(&actor.person, &body);
    let ordered = New { actor, kind, key, digest, drill: Uuid::now_v7(), incident: Uuid::now_v7() };
    let (status, body, ring) = instance.database(async |db| open(db, &ordered).await).await??;
    if ring {
        instance.ring_operations();
    }
    Ok(kept(status, body))
}

struct New {
    actor: Actor,
    kind: Kind,
    key: IdempotencyKey,
    digest: rollback::Digest,
    drill: Uuid,
    incident: Uuid,
}

type Told = (u16, String, bool);

async fn open<D: Database>(db: &D, new: &New) -> Result<Result<Told, Refused>, StoreError> {
    let broken = |what: &dyn std::fmt::Display| StoreError::Unexpected(what.to_string());
    let fingerprint: Fingerprint = format!("drill-{}", new.kind).parse().map_err(|error| broken(&error))?;
    let name: AlertName = format!("Drill: {} rollback", new.kind).parse().map_err(|error| broken(&error))?;
    for _ in 0..ATTEMPTS {
        let now = snapshot(db, None, None, Some((&new.actor.person, &new.key))).await?;
        if let Err(refusal) = now.context().authorise(&new.actor, Move::Drill) {
            return Ok(Err(refusal.into()));
        }
        if let Some(first) = &now.answer {
            return Ok(repeated(new, first));
        }
        if now.halted {
            return Ok(Err(Refusal::Halted.into()));
        }
        let open = Filter {
            states: Some(IncidentState::ALL.iter().copied().filter(|state| !state.is_closed()).collect()),
            environment: Some(Environment::Staging),
            before: None,
            most: 200,
        };
        if incidents(db, &open).await?.incidents.iter().any(|incident| *incident.fingerprint() == fingerprint) {
            return Ok(Err(Refused::DrillRunning));
        }
        let drill = Drill {
            id: DrillId::new(new.drill),
            kind: new.kind,
            incident: IncidentId::new(new.incident),
            started_at: now.now,
            done_at: None,
            recovery_seconds: None,
        };
        let opened = NewIncident {
            id: drill.incident,
            target: drill.target(),
            fingerprint: fingerprint.clone(),
            name: name.clone(),
            alerted_at: now.now,
            firing: false,
            previous: None,
            drill: Some(drill.id),
        };
        let change = Case::open(opened, Some(&new.actor.person), now.now);
        let body = json!({"drill": drill, "incident": change.case.incident()}).to_string();
        let answer = store::operations::Answer { request: new.digest, status: 201, body };
        let mut commit = Commit::new();
        commit.decide(now.reading(), std::slice::from_ref(&change))?;
        commit.drill(&drill)?;
        let subject = Subject { incident: Some(drill.incident), run: None, drill: Some(drill.id) };
        let event = Event::DrillStarted { kind: new.kind, quarter: Quarter::of(now.now) };
        commit.record(&Record { at: now.now, actor: Some(new.actor.person.clone()), subject, event })?;
        commit.answer(&new.actor.person, &new.key, &answer);
        match commit.send(db).await? {
            Outcome::Committed(_) => return Ok(Ok((201, answer.body, true))),
            Outcome::Repeated(first) => return Ok(repeated(new, &first)),
            Outcome::Conflict => {}
            Outcome::Fenced => return Err(broken(&"a person's command has no fence")),
        }
    }
    Err(StoreError::Busy("somebody else was first, each time".into()))
}

fn repeated(new: &New, first: &store::operations::Answer) -> Result<Told, Refused> {
    let first = replay(first, new.digest)?;
    Ok((first.status, first.body, false))
}
