//! The next thing to do for a run, and what comes of an answer.
//!
//! Nothing here does anything: [`next`] says what is to be done, and [`sent`], [`told`] and [`untold`] say what an answer
//! comes to. The worker does it, and commits.
//!
//! Steps are of three makes. A *decision* is made on what is known. A *script* asks, once or many times, and may be gone
//! through again from any point: reads, waiting, and the one effect that is the same when it is repeated part by part. A
//! *shot* is one call that is not the same when it is made twice, or must not be: it is on record that it leaves before it
//! does, and when nothing is on record about how it ended it is looked for and never assumed.

use chrono::TimeDelta;
use rollback::{
    Case, Digest, Reference, Report, Run, RunState,
    step::{
        Absence, ApplicationStep as A, DatabaseStep as D, Failure, FailureCode, Finding, InfrastructureStep as I,
        Phase, Repeat, Rollout, Step, StepEvent, StepName, StepStatus,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    desk::{Call, Desk, Evidence, Halt},
    fact::{Facts, Group},
    steps,
    trace::Trace,
    trouble::Trouble,
};

/// How often a question may go unanswered before the preparation of a run fails.
const TRIES: u32 = 5;

/// The longest pause between two tries.
const LONGEST_PAUSE: i64 = 30;

/// What is kept of a run between its turns.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Notes {
    /// What is on record.
    #[serde(default)]
    pub facts: Facts,
    /// How often the question at hand has gone unanswered.
    #[serde(default)]
    pub tries: u32,
    /// Whether new tokens have been fetched because the old ones were refused.
    #[serde(default)]
    pub renewed: bool,
    /// What the facts are about, where a job is about one thing after another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<uuid::Uuid>,
}

impl Notes {
    /// Forgets facts.
    pub fn forget(&mut self, groups: &[Group]) {
        self.facts.retain(|name, _| !groups.iter().any(|group| group.has(name)));
    }
}

/// What is to be done.
#[derive(Debug)]
pub enum Action {
    /// These are to be reported, in order, with this evidence.
    Report(Vec<Report>, Vec<Evidence>),
    /// This is to be asked.
    Ask(Box<Call>),
    /// It is to be put on record that the step leaves, with the digest of what is there now where it touches the
    /// environment, and then this is to be sent.
    Send(Box<Call>, Option<Digest>),
    /// It is to be looked at again, with these facts forgotten.
    Wait(TimeDelta, Vec<Group>),
    /// Nothing: the run waits for people, or is over.
    Rest,
}

/// How a step is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Make {
    Decision,
    Script,
    Shot,
}

const fn make(step: &StepName) -> Make {
    match step {
        StepName::Application(A::Choose) | StepName::Infrastructure(I::Classify | I::Approve) => Make::Decision,
        StepName::Application(A::Dispatch)
        | StepName::Database(D::Freeze | D::Thaw | D::Restore | D::Redeploy(_, Rollout::Dispatch))
        | StepName::Infrastructure(I::Plan | I::Apply | I::Converge) => Make::Shot,
        _ => Make::Script,
    }
}

/// What a shot's answer says: what the other side calls what it has begun.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Taken {
    /// Its name, where the answer says it.
    pub operation: Option<Reference>,
}

/// What is to be done next for the run of a case.
#[must_use]
pub fn next(case: &Case, desk: &Desk<'_>) -> Action {
    let Some(run) = case.run() else { return Action::Rest };
    let Some(step) = run.current_step() else { return preview(case, run, desk) };
    let scene = steps::Scene { incident: case.incident(), run, step, desk };
    match (make(step.name()), step.status()) {
        (_, StepStatus::Done | StepStatus::Failed) => Action::Rest,
        (_, StepStatus::Pending) => report(step, StepEvent::Intend),
        (Make::Decision, StepStatus::Sent | StepStatus::Awaiting) | (Make::Shot, StepStatus::Sent) => {
            report(step, StepEvent::Lose)
        }
        (Make::Decision | Make::Script, StepStatus::Unknown) => report(step, StepEvent::Repeat),
        (Make::Decision, StepStatus::IntentRecorded) => ended(step, desk, scene.decide()),
        (Make::Script, StepStatus::IntentRecorded) => match scene.ready() {
            Ok(observed) => report(step, StepEvent::Send { observed }),
            Err(halt) => halted(step, desk, halt),
        },
        (Make::Script, StepStatus::Sent | StepStatus::Awaiting) | (Make::Shot, StepStatus::Awaiting) => {
            ended(step, desk, scene.settle())
        }
        (Make::Shot, StepStatus::IntentRecorded) => match scene.ready().and_then(|seen| Ok((scene.shot()?, seen))) {
            Ok((call, observed)) => Action::Send(Box::new(call), observed),
            Err(halt) => halted(step, desk, halt),
        },
        (Make::Shot, StepStatus::Unknown) => match scene.trace() {
            Ok(trace) => traced(step, desk, trace),
            Err(halt) => halted(step, desk, halt),
        },
    }
}

/// The preview is due when every step of the preparation is done.
fn preview(case: &Case, run: &Run, desk: &Desk<'_>) -> Action {
    if run.state() != RunState::Draft {
        return Action::Rest;
    }
    match steps::recipe(case.incident(), run, desk).and_then(|recipe| Ok((recipe, steps::policy(desk)?))) {
        Ok((recipe, policy)) => Action::Report(vec![Report::Preview { recipe, policy }], Vec::new()),
        Err(Halt::Ask(call)) => Action::Ask(call),
        Err(Halt::Wait { after, forget }) => Action::Wait(after, forget),
        // The last step of the preparation has made the recipe once already: only a change of configuration brings this.
        Err(Halt::Fail(failure)) => {
            eprintln!("the run {} can't be previewed: {}", run.id(), failure.detail);
            Action::Wait(TimeDelta::seconds(LONGEST_PAUSE), Vec::new())
        }
    }
}

fn report(step: &Step, event: StepEvent) -> Action {
    reports(step, vec![event], Vec::new())
}

fn reports(step: &Step, events: Vec<StepEvent>, evidence: Vec<Evidence>) -> Action {
    let report = |event| Report::Step { step: step.name().clone(), event };
    Action::Report(events.into_iter().map(report).collect(), evidence)
}

/// What a step comes to that was gone through: to its end, or to where it breaks off.
fn ended(step: &Step, desk: &Desk<'_>, outcome: Result<Vec<Report>, Halt>) -> Action {
    match outcome {
        Ok(mut before) => {
            let evidence = desk.proof();
            let event = StepEvent::Succeed { evidence: digests(&evidence) };
            before.push(Report::Step { step: step.name().clone(), event });
            Action::Report(before, evidence)
        }
        Err(halt) => halted(step, desk, halt),
    }
}

fn halted(step: &Step, desk: &Desk<'_>, halt: Halt) -> Action {
    match halt {
        Halt::Ask(call) => Action::Ask(call),
        Halt::Wait { after, forget } => Action::Wait(after, forget),
        Halt::Fail(failure) => failed(step, failure, desk.proof()),
    }
}

fn failed(step: &Step, failure: Failure, evidence: Vec<Evidence>) -> Action {
    let event = StepEvent::Fail { failure, evidence: digests(&evidence) };
    reports(step, vec![event], evidence)
}

fn digests(evidence: &[Evidence]) -> Vec<Digest> {
    evidence.iter().map(|evidence| evidence.digest).collect()
}

/// What a shot comes to that was looked for.
fn traced(step: &Step, desk: &Desk<'_>, trace: Trace) -> Action {
    match trace {
        Trace::Found(operation) => reports(step, accepted(step, operation, desk.proof()), desk.proof()),
        Trace::Absent if step.name().character().repeat == Repeat::Freely => report(step, StepEvent::Repeat),
        Trace::Absent => {
            let proven = step.absence().is_some_and(Absence::is_proof);
            if proven && step.name().character().repeat == Repeat::Never {
                let detail = "it left no trace, and what may have begun once is never begun again";
                return failed(step, Failure::new(FailureCode::ApplyFailed, detail), desk.proof());
            }
            report(step, StepEvent::Reconcile { finding: Finding::Absent })
        }
    }
}

/// The events of a shot that has arrived. Some are done then; the others are followed to their end.
fn accepted(step: &Step, operation: Reference, evidence: Vec<Evidence>) -> Vec<StepEvent> {
    let mut events = vec![StepEvent::Accept { operation }];
    let followed_by_another = matches!(
        step.name(),
        StepName::Application(A::Dispatch) | StepName::Database(D::Restore | D::Redeploy(_, Rollout::Dispatch))
    );
    if followed_by_another {
        events.push(StepEvent::Succeed { evidence: digests(&evidence) });
    }
    events
}

/// What a shot comes to whose answer was read.
#[must_use]
pub fn sent(step: &Step, taken: Taken, evidence: Vec<Evidence>) -> Action {
    match taken.operation {
        Some(operation) => reports(step, accepted(step, operation, evidence.clone()), evidence),
        None => reports(step, vec![StepEvent::Lose], evidence),
    }
}

/// What a shot comes to that met with trouble. What was decided is decided; of everything else it is not known how it
/// ended, whatever the other side may have meant.
#[must_use]
pub fn missed(step: &Step, trouble: &Trouble) -> Action {
    match trouble {
        Trouble::Passing { .. } => report(step, StepEvent::Lose),
        Trouble::Refused(failure) | Trouble::Final(failure) => failed(step, failure.clone(), Vec::new()),
    }
}

/// What is to be done when a question met with trouble.
#[derive(Debug)]
pub enum Setback {
    /// It is asked again after a while.
    Again(TimeDelta),
    /// This is to be reported, and the run to be looked at again after a while.
    Report(StepEvent, TimeDelta),
}

/// What a question comes to that met with trouble. `forget_secrets` forgets the tokens of the environment, and says
/// whether there were any.
#[must_use]
pub fn troubled(step: &Step, notes: &mut Notes, trouble: Trouble, forget_secrets: impl FnOnce() -> bool) -> Setback {
    notes.tries = notes.tries.saturating_add(1);
    let pause = TimeDelta::seconds(1_i64.checked_shl(notes.tries).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE));
    let preparing = step.name().character().phase == Phase::Preparation;
    match trouble {
        Trouble::Passing { retry_after, .. } if step.status() == StepStatus::Unknown => {
            let unclear = StepEvent::Reconcile { finding: Finding::Unclear };
            // As long as is told, but never so soon that the tries are over before the trouble is.
            Setback::Report(unclear, retry_after.map_or(pause, |after| after.max(pause)))
        }
        // What has begun is followed until its deadline, however badly that goes.
        Trouble::Passing { retry_after, .. } if !preparing || notes.tries < TRIES => {
            Setback::Again(retry_after.unwrap_or(pause))
        }
        Trouble::Refused(_) if !notes.renewed && forget_secrets() => {
            notes.renewed = true;
            Setback::Again(TimeDelta::zero())
        }
        Trouble::Passing { failure, .. } | Trouble::Refused(failure) | Trouble::Final(failure) => {
            Setback::Report(StepEvent::Fail { failure, evidence: Vec::new() }, TimeDelta::zero())
        }
    }
}
