//! Which address is answered by what.

use chat::ErrorCode;
use function::{Answer, Instance, Request, answer, body, path};
use http::Method;
use rollback::{IncidentId, RunId, ValidationId};
use uuid::Uuid;

use crate::{
    audit, caller, drills, evidence,
    form::Form,
    github, halt,
    idempotency::{Head, kept, key},
    incidents, order,
    order::Order,
    perform::{Ordered, Target, perform},
    policies::Policies,
    refused::Refused,
    runs,
    version::{expected, with_version},
};

const MOVES_OF_INCIDENTS: [&str; 8] =
    ["acknowledge", "decision", "dismiss", "escalate", "resolve", "review", "runs", "validations"];
const MOVES_OF_RUNS: [&str; 7] = ["approvals", "attestations", "cancel", "execute", "reject", "retry", "submit"];

pub(crate) async fn route(request: Request) -> Result<Answer, Refused> {
    let (address, method) = (request.uri().path().to_owned(), request.method().clone());
    let segments = path::segments(&address);
    match (segments.as_slice(), &method) {
        (["ops", "incidents"], &Method::GET) => incidents::list(&request).await,
        (["ops", "incidents", id], &Method::GET) => incidents::get(id, &request).await,
        (["ops", "incidents", id, movement], &Method::POST) if MOVES_OF_INCIDENTS.contains(movement) => {
            move_incident(id, movement, request).await
        }
        (["ops", "runs", id], &Method::GET) => runs::get(id, &request).await,
        (["ops", "runs", id, "preview"], &Method::GET) => runs::preview(id, &request).await,
        (["ops", "runs", id, movement], &Method::POST) if MOVES_OF_RUNS.contains(movement) => {
            move_run(id, movement, request).await
        }
        (["ops", "audit"], &Method::GET) => audit::page(&request).await,
        (["ops", "audit", "verify"], &Method::GET) => audit::verify(&request).await,
        (["ops", "drills"], &Method::GET) => drills::list(&request).await,
        (["ops", "drills"], &Method::POST) => drills::start(request).await,
        (["ops", "evidence", digest], &Method::GET) => evidence::get(digest, &request).await,
        (["ops", "halt"], &Method::GET) => halt::get(&request).await,
        (["ops", "halt"], &Method::POST) => halt::post(request).await,
        (["ops", "github"], &Method::POST) => github::receive(request).await,
        (segments, _) => match allowed(segments) {
            Some(methods) => Ok(answer::method_not_allowed(methods)),
            None => Err(ErrorCode::NotFound.refusal("there is nothing at this address").into()),
        },
    }
}

/// The methods of an address; none where nothing is.
fn allowed(segments: &[&str]) -> Option<&'static str> {
    match segments {
        ["ops", "drills" | "halt"] => Some("GET, POST"),
        ["ops", "incidents" | "audit"]
        | ["ops", "incidents" | "runs" | "evidence", _]
        | ["ops", "audit", "verify"]
        | ["ops", "runs", _, "preview"] => Some("GET"),
        ["ops", "github"] => Some("POST"),
        ["ops", "incidents", _, movement] if MOVES_OF_INCIDENTS.contains(movement) => Some("POST"),
        ["ops", "runs", _, movement] if MOVES_OF_RUNS.contains(movement) => Some("POST"),
        _ => None,
    }
}

async fn move_incident(id: &str, movement: &str, request: Request) -> Result<Answer, Refused> {
    let target = id.parse::<IncidentId>().ok().map(Target::Incident);
    let movement = movement.to_owned();
    command(target, "incident", request, async |body| match movement.as_str() {
        "validations" => {
            Form::read(body)?.finish(Some(()))?;
            Ok(Order::Validate(ValidationId::new(Uuid::now_v7()), Policies::read().await?))
        }
        movement => order::about_incident(movement, body, Uuid::now_v7()).unwrap_or_else(nowhere),
    })
    .await
}

async fn move_run(id: &str, movement: &str, request: Request) -> Result<Answer, Refused> {
    let target = id.parse::<RunId>().ok().map(Target::Run);
    let movement = movement.to_owned();
    command(target, "run", request, async |body| order::about_run(&movement, body).unwrap_or_else(nowhere)).await
}

fn nowhere() -> Result<Order, Refused> {
    Err(Refused::not_found("move"))
}

/// Does what is ordered, once for each key.
async fn command(
    target: Option<Target>,
    what: &str,
    request: Request,
    read: impl AsyncFnOnce(&[u8]) -> Result<Order, Refused>,
) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    let (head, expected, key) = (Head::of(&request), expected(request.headers())?, key(request.headers())?);
    let body = body::read_public(request).await?;
    let order = read(&body).await?;
    let Some(target) = target else {
        caller::authorise(&instance, &actor, order.movement()).await?;
        return Err(Refused::not_found(what));
    };
    let key = Some((key, head.digest(&actor.person, &body)));
    let ordered = Ordered { actor, target, order, expected, key };
    let done = instance.database(async |db| perform(db, &ordered).await).await??;
    if done.committed {
        instance.ring_operations();
    }
    Ok(with_version(kept(done.answer.status, done.answer.body), done.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_knows_its_methods() {
        assert_eq!(allowed(&["ops", "incidents"]), Some("GET"));
        assert_eq!(allowed(&["ops", "incidents", "x", "resolve"]), Some("POST"));
        assert_eq!(allowed(&["ops", "runs", "x", "preview"]), Some("GET"));
        assert_eq!(allowed(&["ops", "runs", "x", "delete"]), None);
        assert_eq!(allowed(&["ops", "runs"]), None);
        assert_eq!(allowed(&["ops", "alerts"]), None);
    }
}
