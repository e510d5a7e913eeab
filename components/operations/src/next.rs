//! What a person does next, in words.

use rollback::{
    Incident, IncidentState, Run, RunState,
    step::{Absence, StepStatus},
};

/// What a person does next about an incident whose latest run is this one.
pub(crate) fn step(incident: &Incident, run: Option<&Run>) -> String {
    let current = run.filter(|run| incident.run().is_some_and(|current| current.id == run.id()));
    if let Some(text) = current.and_then(|run| stopped(run).or_else(|| unclear(run)).or_else(|| under_way(run))) {
        return text;
    }
    match incident.state() {
        IncidentState::Open => "acknowledge the incident".to_owned(),
        IncidentState::Acknowledged | IncidentState::RollingBack | IncidentState::Blocked => {
            // A preparation that has come to nothing, until it was decided what is done instead.
            let undecided = |run: &&Run| incident.decision().is_none_or(|decision| decision.at < run.opened_at());
            run.filter(undecided).and_then(stopped).unwrap_or_else(|| decided(incident).to_owned())
        }
        IncidentState::MitigatedUnvalidated => "have the incident validated".to_owned(),
        IncidentState::Validating => "wait: the validation is under way".to_owned(),
        IncidentState::Validated => "resolve the incident while the proof is fresh".to_owned(),
        IncidentState::Resolved => "file the review".to_owned(),
        IncidentState::Reviewed | IncidentState::Dismissed => "nothing: it is over".to_owned(),
    }
}

/// Where a run has stopped, and what it takes.
fn stopped(run: &Run) -> Option<String> {
    if !matches!(run.state(), RunState::Failed | RunState::NeedsManual | RunState::Rejected) {
        return None;
    }
    let step = run.steps().iter().find(|step| !matches!(step.status(), StepStatus::Pending | StepStatus::Done))?;
    let name = step.name();
    let unknown = || {
        format!(
            "find out whether step {name} has happened, put right what is wrong by the runbook, then have a second person \
             attest"
        )
    };
    let failure = step.failure();
    Some(failure.map_or_else(unknown, |failure| {
        format!("step {name} has stopped with {}: {}", failure.code, failure.code.advice())
    }))
}

/// Of which step it is not known whether it has happened, while that is being found out.
fn unclear(run: &Run) -> Option<String> {
    let step = run.current_step().filter(|step| step.status() == StepStatus::Unknown)?;
    let name = step.name();
    let absent = step.absence().is_some_and(Absence::is_proof);
    Some(if absent {
        format!("step {name} has left no trace: let it be sent again, or have it stop at its deadline")
    } else {
        format!("wait: it is being found out whether step {name} has happened")
    })
}

fn under_way(run: &Run) -> Option<String> {
    let text = match run.state() {
        RunState::Draft => "wait: it is being found out what would run",
        RunState::Previewed => "open the preview and submit it",
        RunState::AwaitingApproval => "the approvers open the preview and approve it",
        RunState::Approved => "execute the run before its approvals expire",
        RunState::Executing | RunState::Verifying => "wait: the steps are being taken",
        _ => return None,
    };
    Some(text.to_owned())
}

fn decided(incident: &Incident) -> &'static str {
    match incident.decision().map(|decision| decision.strategy.kind()) {
        None => "decide what is done, or escalate",
        Some(Some(_)) => "ask for the rollback that was decided, or decide anew",
        Some(None) => "have the incident validated",
    }
}
