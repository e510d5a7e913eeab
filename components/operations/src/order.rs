//! What a person orders: a command as far as their request says it.

use std::collections::BTreeSet;

use rollback::{
    About, ApplicationRequest, Case, Command, DatabaseRequest, Digest, InfrastructureRequest, Kind, Refusal, Request,
    RunId, ValidationId, permission::Move,
};
use uuid::Uuid;

use crate::{form::Form, policies::Policies, refused::Refused, runbook};

/// What a person orders.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    /// A command that is complete.
    Command(Command),
    /// To validate: by which policy depends on the incident's environment.
    Validate(ValidationId, Policies),
    /// To execute: the preview that they name, or the one that was approved. That it is what would run now is checked by each
    /// step that touches the environment, before it leaves.
    Execute(Option<Digest>),
}

impl Order {
    /// Which move it is.
    pub(crate) fn movement(&self) -> Move {
        match self {
            Self::Command(command) => command.movement(),
            Self::Validate(..) => Move::Validate,
            Self::Execute(_) => Move::Execute,
        }
    }

    /// What it is about.
    pub(crate) fn about(&self) -> About {
        match self {
            Self::Command(command) => command.about(),
            Self::Validate(..) => About::Incident,
            Self::Execute(_) => About::Run,
        }
    }

    /// The command, now that it is known what is the case.
    pub(crate) fn command(&self, case: &Case) -> Result<Command, Refusal> {
        match self {
            Self::Command(command) => Ok(command.clone()),
            Self::Validate(id, policies) => {
                let policy = policies.of(case.incident().target().environment()).clone();
                Ok(Command::Validate { id: *id, policy })
            }
            Self::Execute(digest) => {
                let preview = case.run().and_then(|run| run.preview());
                let digest = digest.or_else(|| preview.map(rollback::Preview::digest));
                Ok(Command::Execute { digest: digest.ok_or(Refusal::NotPreviewed)? })
            }
        }
    }
}

/// Reads what is ordered about an incident; none for a move that there is not. `new` names what the order makes.
pub(crate) fn about_incident(movement: &str, body: &[u8], new: Uuid) -> Option<Result<Order, Refused>> {
    let read: fn(&mut Form, Uuid) -> Option<Command> = match movement {
        "acknowledge" => |_, _| Some(Command::Acknowledge),
        "escalate" => |form, _| Some(Command::Escalate { reason: form.required("reason")? }),
        "decision" => |form, _| {
            let (strategy, reason) = (form.required("strategy"), form.required("reason"));
            Some(Command::Decide { strategy: strategy?, reason: reason? })
        },
        "dismiss" => |form, _| {
            let (cause, reason) = (form.required("cause"), form.required("reason"));
            Some(Command::Dismiss { cause: cause?, reason: reason? })
        },
        "resolve" => |_, _| Some(Command::Resolve),
        "review" => |form, _| {
            let (review, broken) = (form.required("review"), form.optional::<BTreeSet<RunId>>("brokenGlass"));
            Some(Command::Review { review: review?, broken_glass: broken.unwrap_or_default() })
        },
        "runs" => |form, new| {
            let request = request(form)?;
            Some(Command::OpenRun { id: RunId::new(new), runbook: runbook::version(request.kind())?, request })
        },
        _ => return None,
    };
    Some(complete(body, new, read))
}

/// Reads what is ordered about a run; none for a move that there is not.
pub(crate) fn about_run(movement: &str, body: &[u8]) -> Option<Result<Order, Refused>> {
    let read: fn(&mut Form, Uuid) -> Option<Command> = match movement {
        "submit" => |form, _| {
            let (digest, acknowledged) = (form.required("digest"), form.optional("acknowledged"));
            Some(Command::Submit { digest: digest?, acknowledged: acknowledged.unwrap_or_default() })
        },
        "approvals" => |form, _| {
            let (digest, acknowledged) = (form.required("digest"), form.optional("acknowledged"));
            let break_glass = form.optional("breakGlass");
            Some(Command::Approve { digest: digest?, acknowledged: acknowledged.unwrap_or_default(), break_glass })
        },
        "reject" => |form, _| Some(Command::Reject { reason: form.required("reason")? }),
        "cancel" => |form, _| Some(Command::Cancel { reason: form.required("reason")? }),
        "retry" => |form, _| Some(Command::Retry { step: form.required("step")? }),
        "attestations" => |form, _| {
            let (statement, evidence) = (form.required("statement"), form.required("evidence"));
            Some(Command::Attest { statement: statement?, evidence: evidence? })
        },
        "execute" => return Some(execute(body)),
        _ => return None,
    };
    Some(complete(body, Uuid::nil(), read))
}

fn complete(body: &[u8], new: Uuid, read: fn(&mut Form, Uuid) -> Option<Command>) -> Result<Order, Refused> {
    let mut form = Form::read(body)?;
    let command = read(&mut form, new);
    Ok(Order::Command(form.finish(command)?))
}

fn execute(body: &[u8]) -> Result<Order, Refused> {
    let mut form = Form::read(body)?;
    let digest = form.optional("digest");
    Ok(Order::Execute(form.finish(Some(digest))?))
}

fn request(form: &mut Form) -> Option<Request> {
    match form.required("kind")? {
        Kind::Application => {
            let (application, tag) = (form.required("application"), form.optional("tag"));
            Some(Request::Application(ApplicationRequest { application: application?, tag }))
        }
        Kind::Database => {
            let (server, applications) = (form.required("server"), form.required("applications"));
            let point_in_time = form.time("pointInTime");
            let (waive_freeze, accept_loss) = (form.optional("waiveFreeze"), form.optional("acceptLoss"));
            Some(Request::Database(DatabaseRequest {
                server: server?,
                point_in_time,
                waive_freeze,
                accept_loss,
                applications: applications?,
            }))
        }
        Kind::Infrastructure => {
            let (commit, exceptions) = (form.required("commit"), form.optional("exceptions"));
            let exceptions = exceptions.unwrap_or_default();
            Some(Request::Infrastructure(InfrastructureRequest { commit: commit?, exceptions }))
        }
    }
}

#[cfg(test)]
mod tests {
    use rollback::{DismissalCause, Strategy};
    use serde_json::{Value, json};

    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn incident(movement: &str, body: &Value) -> Result<Command, Refused> {
        match about_incident(movement, body.to_string().as_bytes(), Uuid::nil()).unwrap()? {
            Order::Command(command) => Ok(command),
            other => panic!("{other:?}"),
        }
    }

    fn run(movement: &str, body: &Value) -> Result<Order, Refused> {
        about_run(movement, body.to_string().as_bytes()).unwrap()
    }

    fn fields(outcome: Result<impl std::fmt::Debug, Refused>) -> Vec<String> {
        match outcome.unwrap_err() {
            Refused::Plain(refusal) => refusal.errors.into_iter().map(|error| error.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_move_of_an_incident_is_read() {
        assert_eq!(incident("acknowledge", &json!({})).unwrap(), Command::Acknowledge);
        assert_eq!(incident("resolve", &json!({})).unwrap(), Command::Resolve);
        let reason = "two changes at once".parse().unwrap();
        assert_eq!(
            incident("decision", &json!({"strategy": "no_rollback", "reason": "two changes at once"})).unwrap(),
            Command::Decide { strategy: Strategy::NoRollback, reason }
        );
        let dismissed = incident("dismiss", &json!({"cause": "expected", "reason": "a test"})).unwrap();
        assert!(matches!(dismissed, Command::Dismiss { cause: DismissalCause::Expected, .. }));
        assert!(about_incident("approvals", b"{}", Uuid::nil()).is_none());
    }

    #[test]
    fn a_rollback_is_asked_for_by_kind() {
        let opened = incident("runs", &json!({"kind": "application", "application": "api", "tag": "v1"})).unwrap();
        assert!(matches!(opened, Command::OpenRun { request: Request::Application(_), .. }));
        let database = json!({"kind": "database", "server": "db-1", "applications": ["api", "web"],
            "pointInTime": "2024-05-01T10:00:00Z", "acceptLoss": "the damage is older"});
        let Command::OpenRun { request: Request::Database(request), .. } = incident("runs", &database).unwrap() else {
            panic!("another command")
        };
        assert!(request.point_in_time.is_some() && request.accept_loss.is_some() && request.waive_freeze.is_none());
        let commit = json!({"kind": "infrastructure", "commit": "0123456789abcdef0123456789abcdef01234567"});
        assert!(incident("runs", &commit).is_ok());
    }

    #[test]
    fn a_rollback_that_is_wrong_names_what() {
        for (body, wrong) in [
            (json!({}), vec!["kind"]),
            (json!({"kind": "network"}), vec!["kind"]),
            (json!({"kind": "application"}), vec!["application"]),
            (json!({"kind": "application", "application": "api", "tag": "-x"}), vec!["tag"]),
            (json!({"kind": "database"}), vec!["server", "applications"]),
            (json!({"kind": "database", "server": "db-1", "applications": ["a", "a"]}), vec!["applications"]),
            (
                json!({"kind": "database", "server": "db-1", "applications": ["a"], "pointInTime": "noon"}),
                vec!["pointInTime"],
            ),
            (json!({"kind": "infrastructure", "commit": "main"}), vec!["commit"]),
            (json!({"kind": "application", "application": "api", "delete": true}), vec!["delete"]),
        ] {
            assert_eq!(fields(incident("runs", &body)), wrong, "{body}");
        }
    }

    #[test]
    fn each_move_of_a_run_is_read() {
        let Order::Command(Command::Approve { acknowledged, break_glass, .. }) =
            run("approvals", &json!({"digest": DIGEST, "acknowledged": ["terraform_data.x"]})).unwrap()
        else {
            panic!("another order")
        };
        assert_eq!((acknowledged.len(), break_glass), (1, None));
        assert_eq!(run("execute", &json!({})).unwrap(), Order::Execute(None));
        assert_eq!(run("execute", &json!({"digest": DIGEST})).unwrap(), Order::Execute(Some(DIGEST.parse().unwrap())));
        assert!(run("retry", &json!({"step": "A3"})).is_ok());
        assert!(run("cancel", &json!({"reason": "not needed"})).is_ok());
        assert_eq!(fields(run("retry", &json!({"step": "Z9"}))), ["step"]);
        assert_eq!(fields(run("submit", &json!({"digest": "sha256:00"}))), ["digest"]);
        assert_eq!(fields(run("attestations", &json!({"statement": "looked"}))), ["evidence"]);
        assert!(about_run("acknowledge", b"{}").is_none());
    }
}
