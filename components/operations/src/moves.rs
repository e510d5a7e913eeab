//! Which moves somebody may make now.

use rollback::{
    Actor, ApplicationRequest, Applications, Case, Command, DatabaseRequest, Digest, DismissalCause,
    InfrastructureRequest, Kind, Reason, Refusal, Request, RunId, RunbookVersion, Strategy, ValidationId,
    permission::Move, validation::Policy,
};
use store::operations::Snapshot;
use uuid::Uuid;

/// The moves that somebody may make now: each is tried on what is the case, and nothing is kept.
pub(crate) fn of(snapshot: &Snapshot, actor: &Actor) -> Vec<Move> {
    let Some(case) = &snapshot.case else { return Vec::new() };
    let context = snapshot.context();
    let allowed = |command: &Command| match case.command(command.clone(), actor, None, &context) {
        // Whoever has not opened the preview opens it.
        Ok(_) | Err(Refusal::NotOpened) => true,
        Err(_) => false,
    };
    let mut moves: Vec<Move> =
        commands(case).iter().filter(|command| allowed(command)).map(Command::movement).collect();
    moves.sort_unstable();
    moves.dedup();
    moves
}

/// Every command that might be made, with what it would take.
fn commands(case: &Case) -> Vec<Command> {
    let Ok(reason) = Reason::parse("-") else { return Vec::new() };
    let (incident, run) = (case.incident(), case.run());
    let mut commands = vec![
        Command::Acknowledge,
        Command::Escalate { reason: reason.clone() },
        Command::Decide { strategy: Strategy::NoRollback, reason: reason.clone() },
        Command::Dismiss { cause: DismissalCause::Expected, reason: reason.clone() },
        // The only one while the alert fires.
        Command::Dismiss { cause: DismissalCause::FalsePositive, reason: reason.clone() },
        Command::Validate { id: ValidationId::new(Uuid::nil()), policy: Policy::default() },
        Command::Resolve,
        Command::Review {
            review: reason.clone(),
            broken_glass: incident.break_glass().iter().map(|glass| glass.run).collect(),
        },
        Command::Reject { reason: reason.clone() },
        Command::Cancel { reason: reason.clone() },
        Command::Attest { statement: reason.clone(), evidence: vec![Digest::of(b"")] },
    ];
    let kind = incident.decision().and_then(|decision| decision.strategy.kind());
    if let (Some(request), Ok(runbook)) = (kind.and_then(request), RunbookVersion::parse("1")) {
        commands.push(Command::OpenRun { id: RunId::new(Uuid::nil()), request, runbook });
    }
    if let Some(preview) = run.and_then(|run| run.preview()) {
        let (digest, acknowledged) = (preview.digest(), preview.hazards());
        commands.push(Command::Submit { digest, acknowledged: acknowledged.clone() });
        // With a reason to break the glass, which counts only where it has to be broken and may be.
        commands.push(Command::Approve { digest, acknowledged, break_glass: Some(reason) });
        commands.push(Command::Execute { digest });
    }
    if let Some(step) = run.and_then(|run| run.current_step()) {
        commands.push(Command::Retry { step: step.name().clone() });
    }
    commands
}

/// Any request of a kind: whether one may be made does not depend on what it names.
fn request(kind: Kind) -> Option<Request> {
    let application = || "-".parse::<rollback::Application>().ok();
    Some(match kind {
        Kind::Application => Request::Application(ApplicationRequest { application: application()?, tag: None }),
        Kind::Database => Request::Database(DatabaseRequest {
            server: "server".parse().ok()?,
            point_in_time: None,
            waive_freeze: None,
            accept_loss: None,
            applications: Applications::try_from(vec![application()?]).ok()?,
        }),
        Kind::Infrastructure => Request::Infrastructure(InfrastructureRequest {
            commit: "0".repeat(40).parse().ok()?,
            exceptions: std::collections::BTreeSet::new(),
        }),
    })
}
