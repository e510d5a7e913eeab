//! What the owner of a service request reports, and what its parties read of it.

use chat::{ErrorCode, FieldError, Refusal, ReportForm, Role};
use function::{Answer, Instance, Request, Rings, answer, bearer, body, path};
use http::StatusCode;
use store::Put;

/// Creates or replaces, and rings the nodes that hold it when something is different now.
pub(crate) async fn put(id: &str, request: Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    let identity = instance.identify(bearer(request.headers())?).await?;
    if !identity.roles.contains(&Role::Platform) {
        return Err(ErrorCode::Forbidden.refusal("the platform alone reports service requests"));
    }
    let id = path::service_request_id(id)?;
    let report = ReportForm::from_json(&body::read_public(request).await?)?.check()?;
    let put = instance.database(async |db| store::put_service_request(db, &id, &report).await).await?;
    match put {
        Put::Stored { created, changed, service_request, conversation } => {
            if changed {
                let mut rings = Rings::default();
                rings.add(&conversation.nodes, &conversation.event(Vec::new()));
                instance.ring(rings, &service_request.epoch);
            }
            let status = if created { StatusCode::CREATED } else { StatusCode::OK };
            Ok(answer::json(status, &service_request))
        }
        Put::ClosedInFuture => Err(Refusal::invalid(vec![FieldError::new("closedAt", "must not be in the future")])),
    }
}

/// For parties and the platform.
pub(crate) async fn get(id: &str, request: &Request) -> Result<Answer, Refusal> {
    let instance = Instance::get().await?;
    let actor = instance.identify(bearer(request.headers())?).await?.actor();
    let id = path::service_request_id(id)?;
    let found = instance.database(async |db| store::service_request(db, &id, &actor).await).await?;
    let found = found.ok_or_else(|| ErrorCode::NotFound.refusal("there is no such service request"))?;
    Ok(answer::json(StatusCode::OK, &found))
}
