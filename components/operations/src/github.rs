//! What GitHub tells: signed, each delivery once, and only ever a reason to look.

use chat::ErrorCode;
use clients::{
    Secret,
    github::{Event, is_signed, read_event},
};
use function::{Answer, Instance, Request, answer, body};
use http::{HeaderMap, StatusCode};
use rollback::{RunId, idempotency::IdempotencyKey};
use serde_json::json;
use store::operations::deliver;

use crate::refused::Refused;

/// Takes in a delivery, and wakes the run that it is about.
pub(crate) async fn receive(request: Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let keys = function::variable("github_webhook_secret").await?.unwrap_or_default();
    let keys: Vec<Secret> = keys.split(',').map(str::trim).filter(|key| !key.is_empty()).map(Secret::from).collect();
    let headers = request.headers().clone();
    let signature = text(&headers, "x-hub-signature-256").unwrap_or_default().to_owned();
    let body = body::read_internal(request).await?;
    // Over the bytes as they came, before anything of them is read.
    if !is_signed(&keys, &body, &signature) {
        return Err(ErrorCode::Unauthenticated.refusal("the body is not signed with the key of the webhook").into());
    }
    let delivery = text(&headers, "x-github-delivery").and_then(|text| IdempotencyKey::parse(text).ok());
    let delivery = delivery.ok_or_else(|| Refused::invalid("X-GitHub-Delivery", "must name the delivery"))?;
    let event = read_event(text(&headers, "x-github-event").unwrap_or_default(), &body)
        .map_err(|error| ErrorCode::Malformed.refusal(error.to_string()))?;
    let run = match event {
        Event::WorkflowRun { run, .. } => run_of(&run.title),
        Event::Protection(_) => None,
        Event::Ping | Event::Other => return Ok(answer::json(StatusCode::OK, &json!({"woken": false}))),
    };
    let is_new = instance.database(async |db| deliver(db, delivery.as_str(), run).await).await?;
    if is_new {
        instance.ring_operations();
    }
    Ok(answer::json(StatusCode::OK, &json!({"woken": is_new})))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The run whose correlation stands in the name of a workflow run, if one does.
fn run_of(title: &str) -> Option<RunId> {
    title
        .split(|character: char| !(character.is_ascii_hexdigit() || character == '-'))
        .filter(|word| word.len() == 36)
        .find_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_in_the_name_of_a_workflow_run() {
        let run = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(run_of(&format!("Deploy {run}:A3:api:1")), run.parse().ok());
        assert_eq!(run_of("Deploy"), None);
        assert_eq!(run_of("apply sha256:0123456789abcdef0123456789abcdef0123"), None);
    }
}
