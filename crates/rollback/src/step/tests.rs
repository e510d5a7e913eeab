use super::*;

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn step(code: &str) -> Step {
    Step::new(code.parse().unwrap())
}

fn at(minutes: i64) -> DateTime<Utc> {
    NOW + TimeDelta::minutes(minutes)
}

fn after_events(code: &str, events: &[StepEvent]) -> Step {
    events.iter().fold(step(code), |step, event| step.apply(event, false, NOW).unwrap())
}

fn send() -> StepEvent {
    StepEvent::Send { observed: None }
}

fn succeed() -> StepEvent {
    StepEvent::Succeed { evidence: vec![Digest::of(b"answer")] }
}

fn absent() -> StepEvent {
    StepEvent::Reconcile { finding: Finding::Absent }
}

fn unclear() -> StepEvent {
    StepEvent::Reconcile { finding: Finding::Unclear }
}

#[test]
fn a_read_goes_from_intent_to_done() {
    let step = after_events("A1", &[StepEvent::Intend, send(), succeed()]);
    assert!(step.is_done());
    assert_eq!(step.evidence(), [Digest::of(b"answer")]);
    assert_eq!(step.deadline(), None);
    let again = step.apply(&send(), false, NOW).unwrap_err();
    assert_eq!(again.to_string(), "illegal transition: the step is done and cannot take the event send");
}

#[test]
fn only_a_decision_is_done_without_being_sent() {
    assert!(after_events("A2", &[StepEvent::Intend, succeed()]).is_done());
    let refusal = after_events("A3", &[StepEvent::Intend]).apply(&succeed(), false, NOW).unwrap_err();
    assert!(matches!(refusal, Refusal::NeverSent { .. }), "{refusal}");
}

#[test]
fn a_dispatch_is_sent_again_only_by_a_person_and_only_when_provably_absent() {
    let lost = after_events("A3", &[StepEvent::Intend, send(), StepEvent::Lose]);
    let refused = |step: &Step, by_a_person| {
        let refusal = step.apply(&StepEvent::Repeat, by_a_person, at(5)).unwrap_err();
        assert!(matches!(refusal, Refusal::NotProvenAbsent { .. }), "{refusal}");
    };
    refused(&lost, true);
    let once = lost.apply(&absent(), false, at(1)).unwrap();
    refused(&once, true);
    let nearly = once.apply(&absent(), false, at(3)).unwrap();
    refused(&nearly, true);
    let proven = nearly.apply(&absent(), false, at(4)).unwrap();
    refused(&proven, false);
    let again = proven.apply(&StepEvent::Repeat, true, at(5)).unwrap();
    assert_eq!((again.status(), again.attempt()), (StepStatus::IntentRecorded, 2));
    assert_eq!(again.deadline(), Some(at(15)));
}

#[test]
fn a_doubt_breaks_the_proof_of_absence() {
    let lost = after_events("A3", &[StepEvent::Intend, send(), StepEvent::Lose, absent()]);
    let step = lost.apply(&unclear(), false, at(2)).unwrap().apply(&absent(), false, at(4)).unwrap();
    assert_eq!(step.absence(), Some(Absence { since: at(4), until: at(4) }));
    assert!(step.apply(&StepEvent::Repeat, true, at(5)).is_err());
}

#[test]
fn a_step_with_a_natural_key_is_sent_again_by_itself_until_it_was_tried_too_often() {
    let mut step = after_events("D3", &[StepEvent::Intend]);
    for _ in 0..TRIES {
        assert!(!step.is_beyond_tries());
        step = step.apply(&send(), false, NOW).unwrap().apply(&StepEvent::Lose, false, NOW).unwrap();
        if !step.is_beyond_tries() {
            step = step.apply(&StepEvent::Repeat, false, at(1)).unwrap();
        }
    }
    assert_eq!((step.status(), step.attempt()), (StepStatus::Unknown, TRIES));
    assert_eq!(step.deadline(), Some(at(15)), "the worker's own repeats win no time");
}

#[test]
fn an_apply_is_never_sent_again() {
    let lost = after_events("I6", &[StepEvent::Intend, send(), StepEvent::Lose, absent()]);
    let proven = lost.apply(&absent(), false, at(10)).unwrap();
    let refusal = proven.apply(&StepEvent::Repeat, true, at(11)).unwrap_err();
    assert!(matches!(refusal, Refusal::NeverRepeated { .. }), "{refusal}");
}

#[test]
fn what_was_lost_may_be_found_in_any_state() {
    let lost = after_events("A3", &[StepEvent::Intend, send(), StepEvent::Lose]);
    let operation = Reference::parse("4711").unwrap();
    let accepted = lost.apply(&StepEvent::Accept { operation: operation.clone() }, false, NOW).unwrap();
    assert_eq!((accepted.status(), accepted.operation()), (StepStatus::Awaiting, Some(&operation)));
    assert!(lost.apply(&succeed(), false, NOW).unwrap().is_done());
    let failure = Failure::new(FailureCode::WorkflowFailed, "startup failure");
    let failed = lost.apply(&StepEvent::Fail { failure: failure.clone(), evidence: vec![] }, false, NOW).unwrap();
    assert_eq!((failed.status(), failed.failure()), (StepStatus::Failed, Some(&failure)));
    assert!(!failed.is_done());
}

#[test]
fn it_is_late_only_past_its_deadline() {
    let sent = after_events("A3", &[StepEvent::Intend, send()]);
    assert!(matches!(sent.apply(&StepEvent::RunLate, false, at(9)), Err(Refusal::NotLate { .. })));
    assert_eq!(sent.apply(&StepEvent::RunLate, false, at(10)).unwrap().status(), StepStatus::Unknown);
    assert!(step("A3").apply(&StepEvent::RunLate, false, at(10)).is_err());
}
