//! What has happened, in words.

use rollback::{audit::Event, clock::Warning, step::Failure, validation::Verdict};

/// An event in words. Those that nobody is told of are named by what they are.
pub(super) fn of(event: &Event) -> String {
    match event {
        Event::IncidentOpened { .. } => "an incident is open".into(),
        Event::AlertsLeftOut { group, count, why } => {
            format!("{count} alerts of the group {group} are not known here: look at Alertmanager. {why}")
        }
        Event::Acknowledged => "somebody has taken the incident up".into(),
        Event::Escalated { reason } => format!("the incident is escalated to the commander: {reason}"),
        Event::Decided { strategy, reason } => format!("decided: {strategy}. {reason}"),
        Event::DismissalProposed { cause, reason } => {
            format!("to be dismissed as {cause}, which takes another commander: {reason}")
        }
        Event::Dismissed { cause, reason } => format!("dismissed as {cause}: {reason}"),
        Event::Warned { warning } => warned(*warning).into(),
        Event::Submitted { .. } => "a rollback waits for approval".into(),
        Event::GlassBroken { reason, .. } => format!("who decided has approved, by breaking the glass: {reason}"),
        Event::ApprovalsLapsed => "the approvals have lapsed; the rollback waits for new ones".into(),
        Event::Rejected { reason } => format!("the rollback was rejected: {reason}"),
        Event::Expired => "the preview of the rollback has expired".into(),
        Event::Executed { .. } => "the rollback has begun".into(),
        Event::Cancelled { reason } => format!("the rollback was cancelled: {reason}"),
        Event::RunSucceeded { kind } => format!("the rollback ({kind}) has succeeded; it is not validated yet"),
        Event::RunFailed { step, failure, executed } => {
            let stop = if *executed { "the rollback has failed and waits for an attestation" } else { "no rollback" };
            format!("{stop}: {step}, {}", explained(failure))
        }
        Event::RunBlocked { step, failure } => format!("the plan is blocked: {step}, {}", explained(failure)),
        Event::ManualNeeded { step, failure } => match failure {
            Some(failure) => format!("a person must look: {step}, {}", explained(failure)),
            None => format!("a person must look: how {step} ended is not known"),
        },
        Event::Attested { statement, .. } => format!("attested: {statement}"),
        Event::ValidationFinished { verdict, results, .. } => {
            let open = results.iter().filter(|result| result.verdict != Verdict::Pass);
            let open: Vec<_> = open.map(|result| format!("{}: {}", result.check, result.detail)).collect();
            let open = if open.is_empty() { String::new() } else { format!(" ({})", open.join("; ")) };
            format!("the validation came to {verdict}{open}")
        }
        Event::Resolved => "resolved".into(),
        Event::DrillOverdue { kind, quarter } => {
            format!("the drill of the kind {kind} is overdue: {quarter} passed without one")
        }
        Event::Halted { reason } => format!("rollbacks are halted: {reason}"),
        Event::Released { reason } => format!("rollbacks may go on again: {reason}"),
        other => {
            let named = serde_json::to_value(other).ok();
            let name = named.as_ref().and_then(|value| value.get("type")).and_then(serde_json::Value::as_str);
            name.map_or_else(String::new, |name| name.replace('_', " "))
        }
    }
}

const fn warned(warning: Warning) -> &'static str {
    match warning {
        Warning::Undecided => "nothing is decided ten minutes after the alert",
        Warning::RtoHalf => "half of the time for recovery is over",
        Warning::RtoMost => "80 % of the time for recovery is over",
        Warning::RtoBreached => "the time for recovery is over, and the system is not back",
        Warning::RpoHalf => "half of the loss of data that is allowed is reached",
        Warning::RpoMost => "80 % of the loss of data that is allowed is reached",
        Warning::RpoBreached => "more data is lost than is allowed",
    }
}

fn explained(failure: &Failure) -> String {
    format!("{} ({}). Next: {}", failure.code, failure.detail, failure.code.advice())
}
