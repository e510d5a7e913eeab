//! Joining: a connection of a node follows a service request from now on.

use chat::{
    ErrorCode, FieldError, Refusal, Role, ServiceRequestId,
    wire::{JoinAnswer, JoinRequest},
};
use function::{Answer, Instance, Request, Rings, Shown, answer, body, demand_relay};
use http::StatusCode;
use store::{Join, Joined};
use uuid::Uuid;

/// Registers the user's node and answers what the connection has to catch up with.
pub(crate) async fn join(request: Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    demand_relay(&instance.config, request.headers())?;
    let asked: JoinRequest = body::parse(&body::read_internal(request).await?)?;
    let shown = Shown { token: &asked.token, voucher: asked.voucher.as_deref() };
    let identified = instance.identify_shown(shown).await?;
    let actor = identified.identity.actor();
    let id = check(&asked)?;
    let join = Join {
        node: &asked.node,
        incarnation: asked.incarnation,
        actor: &actor,
        service_request_id: &id,
        after_seq: asked.after_seq,
        epoch: asked.epoch.as_deref().map(named),
    };
    let joined = instance.database(async |db| store::join(db, &join).await).await?;
    match joined {
        Some(Joined { answer: joined, others }) => {
            let mut rings = Rings::default();
            rings.add_presence(&others, &id);
            instance.ring(rings, &joined.epoch);
            Ok(answer::json(StatusCode::OK, &JoinAnswer { voucher: identified.voucher, ..joined }))
        }
        // To the platform nothing is hidden, so it can be told that it may not.
        None if actor.is(Role::Platform) => {
            Err(ErrorCode::Forbidden.refusal("only parties join; the platform reads the history"))
        }
        None => Err(ErrorCode::NotFound.refusal("there is no such service request")),
    }
}

/// Checks what comes from the client.
fn check(asked: &JoinRequest) -> Result<ServiceRequestId, Refusal> {
    let id =
        ServiceRequestId::parse(&asked.service_request_id).map_err(|error| FieldError::new("serviceRequestId", error));
    let after = match asked.after_seq {
        Some(..0) => Err(FieldError::new("afterSeq", "must be at least 0")),
        _ => Ok(()),
    };
    match (id, after) {
        (Ok(id), Ok(())) => Ok(id),
        (id, after) => Err(Refusal::invalid([id.err(), after.err()].into_iter().flatten().collect())),
    }
}

/// The epoch as the database may be asked for it: a text that names none stands for one that never was.
fn named(epoch: &str) -> &str {
    if Uuid::try_parse(epoch).is_ok() { epoch } else { "none" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(id: &str, after_seq: Option<i64>) -> JoinRequest {
        JoinRequest {
            node: "main".parse().unwrap(),
            incarnation: Uuid::nil(),
            token: String::new(),
            voucher: None,
            service_request_id: id.to_owned(),
            after_seq,
            epoch: None,
        }
    }

    #[test]
    fn what_a_client_gives_is_checked() {
        assert_eq!(check(&asked("a", None)).unwrap().as_str(), "a");
        assert!(check(&asked("a", Some(0))).is_ok());
        assert!(check(&asked("a", Some(i64::MAX))).is_ok());
        let fields = |refusal: Refusal| refusal.errors.into_iter().map(|error| error.field).collect::<Vec<_>>();
        assert_eq!(fields(check(&asked("a b", Some(-1))).unwrap_err()), ["serviceRequestId", "afterSeq"]);
    }

    #[test]
    fn an_epoch_is_a_uuid_or_none() {
        let epoch = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
        assert_eq!(named(epoch), epoch);
        for other in ["", "\0", "1", &"x".repeat(10_000)] {
            assert_eq!(named(other), "none");
        }
    }
}
