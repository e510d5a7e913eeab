//! Who makes the moves: mostly what would come next, often enough anything at all.

use rollback::{
    Command, Digest, DismissalCause, IncidentState, Kind, Report, RunId, RunState, Strategy, ValidationId,
    step::{Failure, FailureCode, Finding, Step, StepEvent, StepName, StepStatus},
    validation::{Check, CheckResult, MandatoryCheck, Policy, Verdict},
};

use crate::{
    chance::Chance,
    input::Input,
    people::NAMES,
    recipes::{self, why},
    world::World,
};

/// The next thing to put in.
pub fn next(world: &mut World, chance: &mut Chance) -> Input {
    match chance.below(20) {
        0 => Input::Wait { seconds: [5, 60, 61, 200, 600, 1_000, 2_000][chance.below(7)] },
        1 => Input::Wait { seconds: 10 },
        2 => Input::Tick { case: chance.below(2) },
        3 if chance.one_in(4) => Input::Revoke { person: chance.one_of(&NAMES), revoked: chance.one_in(3) },
        3 if chance.one_in(4) => Input::Halt { halted: chance.one_in(4) },
        4..=6 => {
            let case = chance.below(2);
            if chance.one_in(2) { any_command(world, case, chance) } else { any_report(world, case, chance) }
        }
        // The second incident joins in less often, so that the first one gets somewhere.
        _ => {
            let case = usize::from(chance.one_in(5));
            sensible(world, case, chance)
        }
    }
}

fn someone(chance: &mut Chance, usual: &[&'static str]) -> &'static str {
    if chance.one_in(8) { chance.one_of(&NAMES) } else { chance.one_of(usual) }
}

/// What would come next, by somebody who usually does it.
fn sensible(world: &mut World, case: usize, chance: &mut Chance) -> Input {
    let operators = ["olaf", "otto", "cleo"];
    let command = |by, command| Input::Command { case, by, command };
    let state = world.cases[case].incident().state();
    if let Some(input) = sensible_for_run(world, case, chance) {
        return input;
    }
    let operator = someone(chance, &operators);
    match state {
        IncidentState::Open | IncidentState::Acknowledged if chance.one_in(12) => {
            let command = Command::Dismiss { cause: DismissalCause::FalsePositive, reason: why() };
            Input::Command { case, by: chance.one_of(&["cleo", "carl"]), command }
        }
        IncidentState::Open => command(operator, Command::Acknowledge),
        IncidentState::Validating => finish_validation(world, case, chance),
        IncidentState::Validated if chance.one_in(2) => command(operator, Command::Resolve),
        IncidentState::Resolved => command("cleo", Command::Review { review: why(), broken_glass: [].into() }),
        IncidentState::Acknowledged | IncidentState::MitigatedUnvalidated | IncidentState::Validated => {
            let decided = world.cases[case].incident().decision().and_then(|decision| decision.strategy.kind());
            let executed = world.cases[case].incident().executed().is_some();
            let failed = world.cases[case].run().is_some_and(|run| run.state() == RunState::Attested);
            match decided {
                Some(_) if executed && !failed && !chance.one_in(3) => validate(world, case, operator),
                Some(kind) if !chance.one_in(6) => open_run(world, case, operator, kind, chance),
                _ if chance.one_in(3) => validate(world, case, operator),
                _ => {
                    // Plans, of which there are few, have to come back to be seen refused.
                    let strategies = [Strategy::ALL, &[Strategy::Infrastructure; 3]].concat();
                    command(operator, Command::Decide { strategy: chance.one_of(&strategies), reason: why() })
                }
            }
        }
        _ => Input::Tick { case },
    }
}

fn sensible_for_run(world: &World, case: usize, chance: &mut Chance) -> Option<Input> {
    let (now, incident) = (world.now, world.cases[case].incident());
    let run = world.cases[case].run().filter(|run| incident.run().is_some_and(|current| current.id == run.id()))?;
    let command = |by, command| Some(Input::Command { case, by, command });
    let digest = run.preview().map(rollback::Preview::digest);
    let acknowledged = run.preview().map(rollback::Preview::hazards).unwrap_or_default();
    match (run.state(), digest) {
        (RunState::Draft, _) if run.current_step().is_none() => {
            let recipe = recipes::recipe(run.request(), now, chance);
            Some(Input::Report { case, report: Report::Preview { recipe, policy: Digest::of(b"policy") } })
        }
        (RunState::Draft | RunState::Executing | RunState::Verifying, _) => {
            let step = run.current_step()?;
            Some(sensible_for_step(case, step, digest, chance))
        }
        (RunState::Previewed, Some(digest)) => {
            command(someone(chance, &["olaf", "otto"]), Command::Submit { digest, acknowledged })
        }
        (RunState::AwaitingApproval, Some(digest)) => {
            let by = someone(chance, &["ada", "bob", "cleo"]);
            let has_opened = run.readings().iter().any(|reading| reading.person.as_str() == by);
            if !has_opened && !chance.one_in(6) {
                return command(by, Command::OpenPreview);
            }
            let break_glass = chance.one_in(2).then(why);
            command(by, Command::Approve { digest, acknowledged, break_glass })
        }
        (RunState::Approved, Some(_)) if chance.one_in(10) => {
            // Somebody who may have approved decides after all.
            let strategy = Strategy::from(run.kind());
            command(chance.one_of(&["cleo", "carl", "bob"]), Command::Decide { strategy, reason: why() })
        }
        (RunState::Approved, Some(digest)) => command(someone(chance, &["olaf", "otto"]), Command::Execute { digest }),
        (RunState::Failed | RunState::NeedsManual, _) => {
            let evidence = if chance.one_in(6) { vec![] } else { vec![Digest::of(b"seen")] };
            command(someone(chance, &["ada", "bob", "cleo"]), Command::Attest { statement: why(), evidence })
        }
        _ => None,
    }
}

fn sensible_for_step(case: usize, step: &Step, digest: Option<Digest>, chance: &mut Chance) -> Input {
    let report = |event| Input::Report { case, report: Report::Step { step: step.name().clone(), event } };
    match step.status() {
        StepStatus::Pending => report(StepEvent::Intend),
        StepStatus::IntentRecorded if matches!(step.name().to_string().as_str(), "A2" | "I4") => report(succeed()),
        StepStatus::IntentRecorded if chance.one_in(10) => {
            report(StepEvent::Send { observed: Some(Digest::of(b"something else")) })
        }
        StepStatus::IntentRecorded => report(StepEvent::Send { observed: digest }),
        StepStatus::Sent | StepStatus::Awaiting if step.name().to_string() == "D5" && chance.one_in(2) => {
            Input::Report { case, report: Report::Loss { seconds: [0, 100, 899, 900, 5_000][chance.below(5)] } }
        }
        StepStatus::Sent | StepStatus::Awaiting => match chance.below(14) {
            0 => report(StepEvent::Lose),
            1 => report(fail(chance)),
            2..=4 => report(StepEvent::Accept { operation: "4711".parse().unwrap() }),
            _ => report(succeed()),
        },
        StepStatus::Unknown => match chance.below(8) {
            0 => report(StepEvent::Repeat),
            1 => Input::Command { case, by: "olaf", command: Command::Retry { step: step.name().clone() } },
            2 => report(StepEvent::Reconcile { finding: Finding::Unclear }),
            3 => report(succeed()),
            4 => Input::Wait { seconds: 100 },
            _ => report(StepEvent::Reconcile { finding: Finding::Absent }),
        },
        StepStatus::Done | StepStatus::Failed => Input::Tick { case },
    }
}

fn succeed() -> StepEvent {
    StepEvent::Succeed { evidence: vec![] }
}

fn fail(chance: &mut Chance) -> StepEvent {
    StepEvent::Fail { failure: Failure::new(chance.one_of(FailureCode::ALL), ""), evidence: vec![] }
}

fn validate(world: &mut World, case: usize, by: &'static str) -> Input {
    let id = ValidationId::new(world.id());
    Input::Command { case, by, command: Command::Validate { id, policy: Policy::default() } }
}

fn open_run(world: &mut World, case: usize, by: &'static str, kind: Kind, chance: &mut Chance) -> Input {
    let id = RunId::new(world.id());
    let request = recipes::request(kind, chance);
    Input::Command { case, by, command: Command::OpenRun { id, request, runbook: "1".parse().unwrap() } }
}

/// The validation that is under way ends: mostly well, at times with a check that fails, says nothing, or is missing.
fn finish_validation(world: &World, case: usize, chance: &mut Chance) -> Input {
    let id = world.cases[case].incident().validation().unwrap().id();
    let result = |check: &MandatoryCheck, verdict| CheckResult::new(Check::Mandatory(*check), verdict, "", None);
    let mut results: Vec<_> = MandatoryCheck::ALL.iter().map(|check| result(check, Verdict::Pass)).collect();
    match chance.below(5) {
        0 => {
            let index = chance.below(results.len());
            results[index].verdict = chance.one_of(Verdict::ALL);
        }
        1 if chance.one_in(2) => {
            results.remove(chance.below(MandatoryCheck::ALL.len()));
        }
        _ => {}
    }
    Input::Report { case, report: Report::Validated { id, results } }
}

/// Any command, by anybody, with any digest.
fn any_command(world: &mut World, case: usize, chance: &mut Chance) -> Input {
    let run = world.cases[case].run();
    let preview = run.and_then(|run| run.preview());
    let digests = [preview.map_or(Digest::of(b"none"), rollback::Preview::digest), Digest::of(b"swapped")];
    let digest = chance.one_of(&digests);
    let acknowledged = preview.filter(|_| !chance.one_in(3)).map(rollback::Preview::hazards).unwrap_or_default();
    let steps: Vec<StepName> =
        run.map_or(vec!["A3".parse().unwrap()], |run| run.steps().iter().map(|step| step.name().clone()).collect());
    let broken_glass = world.cases[case].incident().break_glass().iter().map(|glass| glass.run).collect();
    let by = chance.one_of(&NAMES);
    let command = match chance.below(17) {
        0 => Command::Acknowledge,
        1 => Command::Escalate { reason: why() },
        2 => Command::Decide { strategy: chance.one_of(Strategy::ALL), reason: why() },
        3 => Command::Dismiss { cause: chance.one_of(DismissalCause::ALL), reason: why() },
        4 => return validate(world, case, by),
        5 | 6 => Command::Resolve,
        7 => Command::Review { review: why(), broken_glass },
        8 => {
            let kind = chance.one_of(Kind::ALL);
            return open_run(world, case, by, kind, chance);
        }
        9 => Command::OpenPreview,
        10 => Command::Submit { digest, acknowledged },
        11 | 12 => Command::Approve { digest, acknowledged, break_glass: chance.one_in(3).then(why) },
        13 if chance.one_in(3) => Command::Reject { reason: why() },
        13 if chance.one_in(2) => Command::Cancel { reason: why() },
        13 | 14 => Command::Execute { digest },
        15 => Command::Retry { step: chance.one_of(&steps) },
        _ => Command::Attest { statement: why(), evidence: vec![digest] },
    };
    Input::Command { case, by, command }
}

/// Any report about any step.
fn any_report(world: &mut World, case: usize, chance: &mut Chance) -> Input {
    let run = world.cases[case].run();
    let steps: Vec<StepName> =
        run.map_or(vec!["A3".parse().unwrap()], |run| run.steps().iter().map(|step| step.name().clone()).collect());
    let digests =
        [run.and_then(|run| run.preview()).map(rollback::Preview::digest), None, Some(Digest::of(b"swapped"))];
    let report = match chance.below(20) {
        0 => Report::Fire,
        1..=3 => Report::Clear,
        5 => Report::Loss { seconds: 10 },
        6 => {
            let request = recipes::request(chance.one_of(Kind::ALL), chance);
            Report::Preview { recipe: recipes::recipe(&request, world.now, chance), policy: Digest::of(b"policy") }
        }
        7 => Report::Validated { id: ValidationId::new(world.id()), results: vec![] },
        _ => {
            let event = match chance.below(9) {
                0 | 1 => StepEvent::Intend,
                2 | 3 => StepEvent::Send { observed: chance.one_of(&digests) },
                4 => StepEvent::Accept { operation: "4712".parse().unwrap() },
                5 => succeed(),
                6 => StepEvent::Repeat,
                7 => StepEvent::Reconcile { finding: chance.one_of(Finding::ALL) },
                _ if chance.one_in(4) => fail(chance),
                _ => StepEvent::RunLate,
            };
            Report::Step { step: chance.one_of(&steps), event }
        }
    };
    Input::Report { case, report }
}
