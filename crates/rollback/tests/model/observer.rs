//! Keeps the rules by itself: it sees what was put in and whether it was taken, and never asks the domain what it thinks.

mod ghost;
mod rules;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rollback::{
    Case, Change, Command, IncidentState, Kind, Principal, Report, RunState,
    audit::Event,
    step::{Finding, StepEvent, StepStatus},
    validation::{Check, CheckResult, MandatoryCheck, Verdict},
};

use crate::input::Input;
use ghost::{Approval, Ghost, GhostRun, Last, Proof};

/// What was the case when something was put in.
pub struct Surroundings<'a> {
    pub now: DateTime<Utc>,
    pub table: &'a [Principal],
    pub halted: bool,
}

/// What the observer remembers of all incidents of the environment.
pub struct Observer {
    ghosts: Vec<Ghost>,
    /// When the environment was changed.
    changes: Vec<DateTime<Utc>>,
    /// The plans that left, in order.
    applied: Vec<rollback::Digest>,
    seen: BTreeMap<&'static str, u64>,
}

impl Observer {
    pub fn new(cases: usize) -> Self {
        Self {
            ghosts: (0..cases).map(|_| Ghost::default()).collect(),
            changes: Vec::new(),
            applied: Vec::new(),
            seen: BTreeMap::new(),
        }
    }

    pub fn seen(&self) -> &BTreeMap<&'static str, u64> {
        &self.seen
    }

    fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// Something was refused.
    pub fn refused(&mut self, input: &Input, code: &str) {
        if let Input::Command { command: Command::Execute { .. }, .. } = input {
            self.saw("executions refused");
        }
        if code == "plan_spent" {
            self.saw("applies refused as spent");
        }
    }

    /// Something was taken. Says which rule that breaks, if one.
    pub fn taken(
        &mut self,
        input: &Input,
        before: &Case,
        change: &Change,
        around: &Surroundings<'_>,
    ) -> Result<(), String> {
        let was_over = before.incident().state().is_closed();
        let is_review = matches!(input, Input::Command { command: Command::Review { .. } | Command::OpenPreview, .. });
        if was_over && !is_review {
            return Err("moved after its end".to_owned());
        }
        let resolves = matches!(input, Input::Command { command: Command::Resolve, .. });
        let is_resolved = change.case.incident().state() == IncidentState::Resolved;
        if is_resolved && !resolves && before.incident().state() != IncidentState::Resolved {
            return Err("resolved without proof: nobody resolved it".to_owned());
        }
        match input {
            Input::Command { case, by, command } => self.commanded(*case, by, command, change, around)?,
            Input::Report { case, report } => self.reported(*case, report, change, around)?,
            Input::Tick { .. } => self.passed(change, around),
            Input::Wait { .. } | Input::Revoke { .. } | Input::Halt { .. } => {}
        }
        self.note_ends(change);
        Ok(())
    }

    fn commanded(
        &mut self,
        case: usize,
        by: &str,
        command: &Command,
        change: &Change,
        around: &Surroundings<'_>,
    ) -> Result<(), String> {
        let now = around.now;
        let person = by.to_owned();
        match command {
            Command::Decide { strategy, .. } => self.ghosts[case].decided = Some((person, strategy.kind())),
            Command::Validate { id, .. } => {
                self.ghosts[case].proof = Some(Proof { id: *id, started_at: now, passed_at: None });
            }
            Command::Resolve => {
                rules::resolved(&self.ghosts, case, &self.changes, now)?;
                self.saw("resolved");
            }
            Command::Dismiss { .. } if change.case.incident().state() == IncidentState::Dismissed => {
                self.saw("dismissed");
            }
            Command::OpenRun { id, request, .. } => {
                let ghost = &mut self.ghosts[case];
                if ghost.current().is_some_and(|run| !run.over) {
                    return Err("two runs hold the environment: of one incident".to_owned());
                }
                ghost.runs.push(GhostRun::new(*id, person, request));
            }
            Command::OpenPreview => {
                if let Some(run) = self.ghosts[case].current_mut() {
                    run.opened.insert((person, run.digest.expect("there is a preview")));
                }
            }
            Command::Approve { digest, acknowledged, break_glass } => {
                let run = self.ghosts[case].current_mut().expect("there is a run");
                let acknowledged = acknowledged.iter().map(ToString::to_string).collect();
                let opened = run.opened.contains(&(person.clone(), *digest));
                let glass = break_glass.is_some();
                run.approvals.insert(person, Approval { digest: *digest, at: now, acknowledged, opened, glass });
            }
            Command::Execute { digest } => {
                rules::executed(&self.ghosts[case], *digest, around)?;
                let run = self.ghosts[case].current_mut().expect("there is a run");
                run.executed_by = Some(person);
                run.done.extend((run.kind == Kind::Infrastructure).then(|| "I5".to_owned()));
                let kind = run.kind;
                self.saw(match kind {
                    Kind::Application => "applications executed",
                    Kind::Database => "databases executed",
                    Kind::Infrastructure => "infrastructures executed",
                });
            }
            Command::Retry { step } => {
                self.stepped(case, &step.to_string(), &StepEvent::Repeat, true, around)?;
                self.saw("retried by a person");
            }
            Command::Attest { .. } => {
                rules::attested(&self.ghosts[case], by)?;
                let run = self.ghosts[case].current_mut().expect("there is a run");
                run.over = true;
                self.changes.push(now);
                self.saw("attested");
            }
            _ => {}
        }
        if change.events.iter().any(|event| matches!(event, Event::GlassBroken { .. })) {
            self.saw("glass broken");
        }
        Ok(())
    }

    fn reported(
        &mut self,
        case: usize,
        report: &Report,
        change: &Change,
        around: &Surroundings<'_>,
    ) -> Result<(), String> {
        let now = around.now;
        match report {
            Report::Fire => self.ghosts[case].fired_at = Some(now),
            Report::Clear => self.ghosts[case].cleared_at = Some(now),
            Report::Preview { recipe, .. } => {
                let run = self.ghosts[case].current_mut().expect("there is a run");
                run.digest = change.case.run().and_then(|run| run.preview()).map(rollback::Preview::digest);
                run.hazards = recipe.hazards().iter().map(ToString::to_string).collect();
                run.plan = recipe.plan();
            }
            Report::Loss { seconds } => {
                self.ghosts[case].current_mut().expect("there is a run").loss = Some(*seconds);
            }
            Report::Step { step, event } => self.stepped(case, &step.to_string(), event, false, around)?,
            Report::Validated { id, results } => self.validated(case, *id, results, now),
        }
        Ok(())
    }

    fn validated(&mut self, case: usize, id: rollback::ValidationId, results: &[CheckResult], now: DateTime<Utc>) {
        let verdicts = |check: MandatoryCheck| {
            results.iter().filter(move |result| result.check == Check::Mandatory(check)).map(|result| result.verdict)
        };
        let passes = |check: &MandatoryCheck| {
            verdicts(*check).count() > 0 && verdicts(*check).all(|verdict| verdict == Verdict::Pass)
        };
        let all = MandatoryCheck::ALL.iter().all(passes);
        let quiet = passes(&MandatoryCheck::Alert);
        let ghost = &mut self.ghosts[case];
        let Some(proof) = ghost.proof.as_mut().filter(|proof| proof.id == id) else {
            return;
        };
        proof.passed_at = all.then_some(now);
        let started_at = proof.started_at;
        if quiet && ghost.fired_at.is_none_or(|fired| fired < started_at) {
            ghost.cleared_at = Some(now);
        }
        if all {
            self.saw("validated");
        }
    }

    fn stepped(
        &mut self,
        case: usize,
        code: &str,
        event: &StepEvent,
        by_a_person: bool,
        around: &Surroundings<'_>,
    ) -> Result<(), String> {
        let now = around.now;
        let ghost = &mut self.ghosts[case];
        rules::stepped(ghost, code, event, by_a_person, around)?;
        let run = ghost.current_mut().expect("there is a run");
        let left = run.last != Some(Last::Intended) || matches!(event, StepEvent::Send { .. });
        let plan = run.plan;
        run.last = match event {
            StepEvent::Intend | StepEvent::Repeat => Some(Last::Intended),
            StepEvent::Send { .. } => Some(Last::Sent),
            StepEvent::Accept { .. } => Some(Last::Awaiting),
            StepEvent::Lose | StepEvent::Reconcile { .. } | StepEvent::RunLate => Some(Last::Unknown),
            StepEvent::Succeed { .. } => {
                run.done.insert(code.to_owned());
                None
            }
            StepEvent::Fail { .. } => {
                run.stopped = true;
                run.over = run.executed_by.is_none();
                None
            }
        };
        run.absence = match event {
            StepEvent::Reconcile { finding: Finding::Absent } => {
                Some(run.absence.map_or((now, now), |(since, _)| (since, now)))
            }
            _ => None,
        };
        match event {
            StepEvent::Fail { .. } => self.saw("failed"),
            StepEvent::Repeat => self.saw("sent again"),
            _ => {}
        }
        let quiet = matches!(event, StepEvent::Reconcile { .. } | StepEvent::Repeat | StepEvent::Intend);
        if left && !quiet && rules::changes_something(code) {
            self.changes.push(now);
        }
        if code == "I6" && matches!(event, StepEvent::Send { .. }) {
            let plan = plan.expect("there is a plan");
            if self.applied.contains(&plan) {
                return Err("applied one plan twice".to_owned());
            }
            self.applied.push(plan);
            self.saw("applied");
        }
        Ok(())
    }

    /// Time passed, and something came of it.
    fn passed(&mut self, change: &Change, around: &Surroundings<'_>) {
        for event in &change.events {
            match event {
                Event::StepMoved { step, from, to: StepStatus::Unknown, .. }
                    if *from != StepStatus::IntentRecorded && rules::changes_something(&step.to_string()) =>
                {
                    self.changes.push(around.now);
                }
                Event::Expired => self.saw("expired"),
                _ => {}
            }
        }
    }

    /// Takes note of the runs that ended.
    fn note_ends(&mut self, change: &Change) {
        let Some(run) = change.case.run() else {
            return;
        };
        let ghost = self.ghosts.iter_mut().find_map(|ghost| ghost.runs.iter_mut().find(|known| known.id == run.id()));
        let Some(known) = ghost.filter(|known| !known.over) else {
            return;
        };
        let what = match run.state() {
            RunState::Succeeded => "succeeded",
            RunState::Cancelled => "cancelled",
            RunState::Rejected | RunState::Expired => "refused",
            RunState::Failed if known.executed_by.is_none() => "failed before it began",
            RunState::Failed | RunState::NeedsManual if !known.stopped => {
                known.stopped = true;
                self.saw("stopped for a person");
                return;
            }
            _ => return,
        };
        known.over = true;
        self.saw(what);
    }

    /// Looks at where everything stands.
    pub fn look_at(&self, cases: &[Case]) -> Result<(), String> {
        rules::environment(cases)
    }
}
