//! The rules. Written from the procedure, without a look at the guards.

use chrono::{DateTime, TimeDelta, Utc};
use rollback::{Case, Digest, Kind, Role, RunState, Scope, step::StepEvent};

use super::{
    Surroundings,
    ghost::{Ghost, GhostRun, Last},
};

/// The steps that change the environment when they leave.
fn is_effect(code: &str) -> bool {
    matches!(code, "A3" | "D2" | "D3" | "D6" | "D7:thaw" | "I6") || (code.starts_with("D7:") && code.ends_with(":A3"))
}

/// The steps during which the environment may change.
pub fn changes_something(code: &str) -> bool {
    is_effect(code) || matches!(code, "A4" | "D4") || (code.starts_with("D7:") && code.ends_with(":A4"))
}

fn is_preparation(code: &str) -> bool {
    matches!(code, "A1" | "A2" | "D1" | "I1" | "I2" | "I3" | "I4")
}

/// No incident is resolved without a fresh full pass after the last change of the environment.
pub fn resolved(ghosts: &[Ghost], case: usize, changes: &[DateTime<Utc>], now: DateTime<Utc>) -> Result<(), String> {
    let rule = |why: &str| Err(format!("resolved without proof: {why}"));
    let ghost = &ghosts[case];
    let Some(proof) = &ghost.proof else {
        return rule("there was no validation");
    };
    let Some(passed_at) = proof.passed_at else {
        return rule("the last validation did not pass");
    };
    if changes.iter().any(|change| *change >= proof.started_at) {
        return rule("something changed after the validation had begun");
    }
    if now - passed_at > TimeDelta::minutes(15) {
        return rule("the validation is too old");
    }
    if ghosts.iter().flat_map(|ghost| &ghost.runs).any(GhostRun::is_unfinished) {
        return rule("a run is unfinished");
    }
    if ghost.current().is_some_and(|run| !run.over) {
        return rule("the incident has a run that is not over");
    }
    // The alert fired when the incident was opened.
    if ghost.cleared_at.is_none_or(|cleared| ghost.fired_at.is_some_and(|fired| fired >= cleared)) {
        return rule("the alert fires");
    }
    Ok(())
}

/// No run begins without its approvals.
pub fn executed(ghost: &Ghost, digest: Digest, around: &Surroundings<'_>) -> Result<(), String> {
    let rule = |why: &str| Err(format!("executed without its approvals: {why}"));
    let run = ghost.current().expect("there is a run");
    if run.over || run.executed_by.is_some() {
        return rule("the run is over, or has begun before");
    }
    if run.digest != Some(digest) {
        return rule("what begins is not what was approved");
    }
    if around.halted {
        return Err("left while rollbacks are halted".to_owned());
    }
    let row = |name: &str| around.table.iter().find(|row| row.person.as_str() == name && !row.revoked);
    let counts = |name: &str| {
        let approval = &run.approvals[name];
        let may =
            row(name).is_some_and(|row| row.roles.contains(&Role::Approver) || row.roles.contains(&Role::Commander));
        let commands = row(name).is_some_and(|row| row.roles.contains(&Role::Commander));
        let decided = ghost.decided.as_ref().is_some_and(|(decider, _)| decider == name);
        may && name != run.requester
            && approval.digest == digest
            && approval.opened
            && approval.acknowledged.is_superset(&run.hazards)
            && around.now - approval.at < TimeDelta::minutes(30)
            && (run.kind != Kind::Application || !decided || (approval.glass && commands))
    };
    let counted: Vec<&String> = run.approvals.keys().filter(|name| counts(name)).collect();
    let needed = if run.kind == Kind::Application { 1 } else { 2 };
    if counted.len() < needed {
        return rule("too few people approved");
    }
    let trusted = |name: &&String| row(name).is_some_and(|row| row.scopes.contains(&Scope::Infrastructure));
    if run.kind == Kind::Infrastructure && !counted.iter().any(trusted) {
        return rule("nobody trusted with infrastructure approved");
    }
    if ghost.decided.as_ref().is_none_or(|(_, kind)| *kind != Some(run.kind)) {
        return rule("something else was decided");
    }
    Ok(())
}

/// No step leaves before its turn, after a step that failed or can't be told, or without what it needs.
pub fn stepped(
    ghost: &Ghost,
    code: &str,
    event: &StepEvent,
    by_a_person: bool,
    around: &Surroundings<'_>,
) -> Result<(), String> {
    let past = |why: &str| Err(format!("went on past a step: {why}: {code}"));
    let run = ghost.current().expect("there is a run");
    if run.over || run.stopped {
        return past("the run has stopped");
    }
    if run.done.contains(code) {
        return past("it is done already");
    }
    let earlier = run.steps.iter().take_while(|step| **step != code);
    if earlier.clone().count() == run.steps.len() {
        return past("the run has no such step");
    }
    if earlier.into_iter().any(|step| !run.done.contains(*step)) {
        return past("an earlier one is not done");
    }
    if is_preparation(code) == run.executed_by.is_some() {
        return past("it is not its phase");
    }
    let in_turn = match event {
        StepEvent::Intend => run.last.is_none(),
        StepEvent::Send { .. } => run.last == Some(Last::Intended),
        StepEvent::Repeat => run.last == Some(Last::Unknown),
        _ => run.last.is_some(),
    };
    if !in_turn {
        return past("its own turn");
    }
    let leaves = matches!(event, StepEvent::Intend | StepEvent::Send { .. } | StepEvent::Repeat);
    if leaves && is_effect(code) && around.halted {
        return Err(format!("left while rollbacks are halted: {code}"));
    }
    match event {
        StepEvent::Send { observed } if is_effect(code) && *observed != run.digest => {
            Err(format!("sent what was not approved: {code}"))
        }
        StepEvent::Succeed { .. } if run.last == Some(Last::Intended) && !matches!(code, "A2" | "I4") => {
            past("it never left")
        }
        StepEvent::Succeed { .. } if code == "D5" && !(run.accepts_loss || run.loss.is_some_and(|loss| loss < 900)) => {
            Err("connected to a database whose loss nobody accepted".to_owned())
        }
        StepEvent::Succeed { .. } if code == "D5" && run.loss.is_none() => {
            Err("connected to a database whose loss nobody accepted: nor knows".to_owned())
        }
        StepEvent::Repeat => repeated(run, code, by_a_person),
        _ => Ok(()),
    }
}

/// Nothing that may have happened is sent again.
fn repeated(run: &GhostRun, code: &str, by_a_person: bool) -> Result<(), String> {
    let natural = !is_effect(code) && !matches!(code, "I2" | "I7") || matches!(code, "D3" | "D6");
    let absent = run.absence.is_some_and(|(since, until)| until - since >= TimeDelta::minutes(3));
    if natural || (code != "I6" && by_a_person && absent) {
        Ok(())
    } else {
        Err(format!("sent again what may have happened: {code}"))
    }
}

/// Nobody attests to what they started.
pub fn attested(ghost: &Ghost, by: &str) -> Result<(), String> {
    let run = ghost.current().expect("there is a run");
    if run.requester == by || run.executed_by.as_deref() == Some(by) {
        return Err("attested by who started it".to_owned());
    }
    if run.stopped && !run.over { Ok(()) } else { Err("attested to what has not stopped".to_owned()) }
}

/// One run of a kind holds the environment, and a database is restored alone.
pub fn environment(cases: &[Case]) -> Result<(), String> {
    let holding: Vec<Kind> = cases
        .iter()
        .filter_map(Case::run)
        .filter(|run| {
            let live = ["draft", "previewed", "awaiting_approval", "approved", "executing", "verifying"];
            let stopped =
                matches!(run.state(), RunState::Failed | RunState::NeedsManual) && run.executed_at().is_some();
            live.contains(&run.state().as_str()) || stopped
        })
        .map(|run| run.kind())
        .collect();
    match holding.as_slice() {
        [one, other] if one == other || [one, other].contains(&&Kind::Database) => {
            Err(format!("two runs hold the environment: {one} and {other}"))
        }
        _ => Ok(()),
    }
}
