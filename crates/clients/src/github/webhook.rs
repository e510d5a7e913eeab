//! What GitHub tells us: signed, at most once, and only ever a reason to look.

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use super::WorkflowRun;
use crate::Secret;

/// Whether a body is signed (`X-Hub-Signature-256`) with one of these keys: two while one replaces the other. Compared in
/// constant time, over the bytes as they came in.
#[must_use]
pub fn is_signed(keys: &[Secret], body: &[u8], signature: &str) -> bool {
    let Some(Ok(signature)) = signature.strip_prefix("sha256=").map(hex::decode) else { return false };
    keys.iter().filter(|key| !key.is_empty()).fold(false, |signed, key| {
        let mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes());
        let own = mac.is_ok_and(|mac| mac.chain_update(body).verify_slice(&signature).is_ok());
        signed | own
    })
}

/// What GitHub tells us.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A workflow run has come further.
    WorkflowRun {
        /// The repository.
        repository: String,
        /// What happened: `requested`, `in_progress`, `completed`.
        action: String,
        /// The run.
        run: Box<WorkflowRun>,
    },
    /// A deployment waits at the gate before an environment.
    Protection(ProtectionRequest),
    /// The webhook works.
    Ping,
    /// Something that nothing is done about.
    Other,
}

/// A deployment that waits at the gate before an environment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProtectionRequest {
    /// The repository.
    pub repository: String,
    /// The workflow run that waits.
    pub run: u64,
    /// The environment.
    pub environment: String,
    /// The commit.
    pub sha: String,
}

/// A body that is not what its event's name says.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the body is not what the event's name says")]
pub struct EventError;

#[derive(Deserialize)]
struct Named {
    full_name: String,
}

#[derive(Deserialize)]
struct RunPayload {
    action: String,
    workflow_run: WorkflowRun,
    repository: Named,
}

#[derive(Deserialize)]
struct ProtectionPayload {
    environment: String,
    deployment_callback_url: String,
    #[serde(default)]
    deployment: Option<Deployment>,
    repository: Named,
}

#[derive(Deserialize)]
struct Deployment {
    #[serde(default)]
    sha: String,
}

/// Reads an event by the name that came with it (`X-GitHub-Event`), after its signature was checked.
///
/// # Errors
/// Returns [`EventError`] for a body that is not what the name says.
pub fn read_event(name: &str, body: &[u8]) -> Result<Event, EventError> {
    fn parsed<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, EventError> {
        serde_json::from_slice(body).map_err(|_| EventError)
    }
    match name {
        "workflow_run" => {
            let RunPayload { action, workflow_run, repository } = parsed(body)?;
            Ok(Event::WorkflowRun { repository: repository.full_name, action, run: Box::new(workflow_run) })
        }
        "deployment_protection_rule" => {
            let payload: ProtectionPayload = parsed(body)?;
            Ok(Event::Protection(ProtectionRequest {
                repository: payload.repository.full_name,
                // Of the address only the run is taken: where the answer goes is configured, not told.
                run: run_of(&payload.deployment_callback_url).ok_or(EventError)?,
                environment: payload.environment,
                sha: payload.deployment.map(|deployment| deployment.sha).unwrap_or_default(),
            }))
        }
        "ping" => Ok(Event::Ping),
        _ => Ok(Event::Other),
    }
}

/// The run of `…/actions/runs/{id}/deployment_protection_rule`.
fn run_of(url: &str) -> Option<u64> {
    let rest = url.strip_suffix("/deployment_protection_rule")?;
    rest.rsplit_once("/actions/runs/")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The vector that GitHub publishes with its description of webhooks.
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn published() -> Secret {
        "It's a Secret to Everybody".into()
    }

    #[test]
    fn the_published_test_vector_comes_out() {
        assert!(is_signed(&[published()], b"Hello, World!", SIGNATURE));
        assert!(is_signed(&["older".into(), published()], b"Hello, World!", SIGNATURE), "while a key is replaced");
    }

    #[test]
    fn nothing_else_is_signed() {
        let (good, body) = ([published()], b"Hello, World!");
        assert!(!is_signed(&good, b"Hello, World?", SIGNATURE), "an altered body");
        assert!(!is_signed(&["another key".into()], body, SIGNATURE));
        assert!(!is_signed(&[], body, SIGNATURE));
        for bad in ["", "sha256=", "sha1=757107ea", &SIGNATURE[7..], &SIGNATURE[..70], &SIGNATURE.replace("75", "76")] {
            assert!(!is_signed(&good, body, bad), "{bad}");
        }
        let empty = Hmac::<Sha256>::new_from_slice(b"").unwrap().chain_update(body).finalize().into_bytes();
        assert!(!is_signed(&["".into()], body, &format!("sha256={}", hex::encode(empty))), "no key is no key");
    }

    #[test]
    fn a_workflow_run_is_read() {
        let body = json!({"action": "completed", "repository": {"full_name": "team/deploy"}, "sender": {},
            "workflow_run": {"id": 7, "run_attempt": 1, "status": "completed", "conclusion": "success",
                "display_title": "Deploy", "created_at": "2024-05-01T10:00:00Z"}});
        let event = read_event("workflow_run", body.to_string().as_bytes()).unwrap();
        assert!(
            matches!(event, Event::WorkflowRun { run, repository, .. } if run.id == 7 && repository == "team/deploy")
        );
        assert_eq!(read_event("workflow_run", b"{\"action\": \"comp"), Err(EventError));
        assert_eq!(read_event("ping", b""), Ok(Event::Ping));
        assert_eq!(read_event("star", b"{}"), Ok(Event::Other));
    }

    #[test]
    fn a_deployment_at_the_gate_is_read() {
        let body = |callback: &str| {
            json!({"action": "requested", "environment": "production", "event": "workflow_dispatch",
                "deployment_callback_url": callback, "deployment": {"sha": "abc", "id": 1},
                "repository": {"full_name": "team/deploy"}})
            .to_string()
        };
        let callback = "https://api.github.com/repos/team/deploy/actions/runs/77/deployment_protection_rule";
        let Ok(Event::Protection(request)) = read_event("deployment_protection_rule", body(callback).as_bytes()) else {
            panic!("no request")
        };
        assert_eq!((request.run, request.environment.as_str()), (77, "production"));
        let elsewhere = body("https://evil.example/actions/runs/x/deployment_protection_rule");
        assert_eq!(read_event("deployment_protection_rule", elsewhere.as_bytes()), Err(EventError));
    }
}
