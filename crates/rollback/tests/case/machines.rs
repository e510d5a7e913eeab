//! The three state machines, exhaustively: every pair of a state and an event, against the tables of the documentation.

use rollback::{
    IncidentEvent, IncidentState, Left, RunEvent, RunState, Stop,
    step::{Failure, FailureCode, Finding, StepEvent, StepStatus},
    validation::Verdict,
};

/// A row of a table: from, event, to.
pub type Row = (String, String, String);

fn rows<S: Copy + std::fmt::Display, E: Clone>(
    states: &[S],
    events: &[(E, String)],
    next: impl Fn(S, &E) -> Option<S>,
) -> Vec<Row> {
    let pairs = states.iter().flat_map(|from| events.iter().map(move |event| (*from, event)));
    pairs
        .filter_map(|(from, (event, word))| Some((from.to_string(), word.clone(), next(from, event)?.to_string())))
        .collect()
}

pub fn incident() -> Vec<Row> {
    use IncidentEvent as E;
    let mut events: Vec<E> = vec![
        E::Acknowledge,
        E::Escalate,
        E::Decide,
        E::ProposeDismissal,
        E::Dismiss,
        E::OpenRun,
        E::CloseRun,
        E::ExecuteRun,
        E::FinishRun,
        E::StopRun,
        E::Attest,
        E::Fire,
        E::Clear,
        E::StartValidation,
    ];
    events.extend(Verdict::ALL.iter().copied().map(E::FinishValidation));
    events.extend([E::Lapse, E::Resolve, E::Review]);
    let named = |event: E| match event {
        E::FinishValidation(verdict) => (event, format!("{} ({verdict})", event.as_str())),
        event => (event, event.as_str().to_owned()),
    };
    let events: Vec<_> = events.into_iter().map(named).collect();
    rows(IncidentState::ALL, &events, |from, event| from.next(*event).ok())
}

pub fn run() -> Vec<Row> {
    use RunEvent as E;
    let named = |event: E, detail: &str| (event, format!("{}{detail}", event.as_str()));
    let events = [
        named(E::Preview, ""),
        named(E::Submit, ""),
        named(E::Approve { enough: false }, " (not enough)"),
        named(E::Approve { enough: true }, " (enough)"),
        named(E::Lapse, ""),
        named(E::Reject, ""),
        named(E::Expire, ""),
        named(E::Execute, ""),
        named(E::Cancel, ""),
        named(E::MoveStep, ""),
        named(E::FinishStep { left: Left::Effects }, " (effects left)"),
        named(E::FinishStep { left: Left::Checks }, " (checks left)"),
        named(E::FinishStep { left: Left::Nothing }, " (nothing left)"),
        named(E::Stop(Stop::Failed), " (failed)"),
        named(E::Stop(Stop::Unclear), " (unclear)"),
        named(E::Stop(Stop::Blocked), " (blocked)"),
        named(E::Attest, ""),
    ];
    rows(RunState::ALL, &events, |from, event| from.next(*event).ok())
}

pub fn step() -> Vec<Row> {
    let failure = Failure::new(FailureCode::Refused, "");
    let events = [
        StepEvent::Intend,
        StepEvent::Send { observed: None },
        StepEvent::Accept { operation: "1".parse().unwrap() },
        StepEvent::Succeed { evidence: vec![] },
        StepEvent::Fail { failure, evidence: vec![] },
        StepEvent::Lose,
        StepEvent::Reconcile { finding: Finding::Unclear },
        StepEvent::Repeat,
        StepEvent::RunLate,
    ];
    let events: Vec<_> = events.into_iter().map(|event| (event.clone(), event.as_str().to_owned())).collect();
    rows(StepStatus::ALL, &events, |from, event| from.next(event).ok())
}

#[test]
fn what_is_over_stays_over() {
    let leaving = |rows: Vec<Row>, state: &str| rows.into_iter().filter(|(from, _, _)| from == state).count();
    for state in ["reviewed", "dismissed"] {
        assert_eq!(leaving(incident(), state), 0, "{state}");
    }
    assert_eq!(leaving(incident(), "resolved"), 1, "it is reviewed");
    for state in ["succeeded", "rejected", "expired", "cancelled", "attested"] {
        assert_eq!(leaving(run(), state), 0, "{state}");
    }
    for state in ["done", "failed"] {
        assert_eq!(leaving(step(), state), 0, "{state}");
    }
}

#[test]
fn only_one_way_leads_to_each_end() {
    let into = |rows: Vec<Row>, state: &str| -> Vec<(String, String)> {
        rows.into_iter().filter(|(_, _, to)| to == state).map(|(from, event, _)| (from, event)).collect()
    };
    assert_eq!(into(incident(), "resolved"), [("validated".to_owned(), "resolve".to_owned())]);
    let validated = into(incident(), "validated");
    let entering: Vec<_> = validated.iter().filter(|(from, _)| from != "validated").collect();
    assert_eq!(entering, [&("validating".to_owned(), "finish_validation (pass)".to_owned())]);
    let executing = into(run(), "executing");
    assert!(executing.iter().all(|(from, _)| from == "approved" || from == "executing"), "{executing:?}");
    assert!(into(step(), "sent").iter().all(|(from, _)| from == "intent_recorded"));
}

#[test]
fn an_illegal_pair_is_an_error_with_both_sides() {
    let error = IncidentState::Open.next(IncidentEvent::Resolve).unwrap_err();
    assert_eq!((error.machine, error.from, error.event), ("incident", "open", "resolve"));
    let error = RunState::Draft.next(RunEvent::Execute).unwrap_err();
    assert_eq!((error.machine, error.from, error.event), ("run", "draft", "execute"));
    let error = StepStatus::Done.next(&StepEvent::Send { observed: None }).unwrap_err();
    assert_eq!((error.machine, error.from, error.event), ("step", "done", "send"));
}
