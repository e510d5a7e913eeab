//! Incidents, for people to read.

use function::{Answer, Instance, Request, answer};
use http::StatusCode;
use rollback::{IncidentId, permission::Move};
use serde_json::json;
use store::operations::{incident_file, incidents, snapshot};

use crate::{
    caller::{self, authorise},
    query,
    refused::Refused,
    version::with_version,
    view,
};

/// The incidents, the newest first.
pub(crate) async fn list(request: &Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    authorise(&instance, &actor, Move::Read).await?;
    let filter = query::incidents(request.uri().query())?;
    let found = instance.database(async |db| incidents(db, &filter).await).await?;
    Ok(answer::json(StatusCode::OK, &json!({"now": found.now, "incidents": found.incidents})))
}

/// Everything about an incident.
pub(crate) async fn get(id: &str, request: &Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    let id = id.parse::<IncidentId>().ok();
    let now = instance.database(async |db| snapshot(db, id, None, None).await).await?;
    now.context().authorise(&actor, Move::Read)?;
    let missing = || Refused::not_found("incident");
    let id = id.ok_or_else(missing)?;
    let file = instance.database(async |db| incident_file(db, id).await).await?.ok_or_else(missing)?;
    let shown = answer::json(StatusCode::OK, &view::file(&file, &now, &actor));
    Ok(with_version(shown, Some(file.incident.version())))
}
