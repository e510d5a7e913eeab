//! The proof, and the end that only it lets through.

use std::collections::BTreeSet;

use super::turn::Turn;
use crate::{
    Actor, IncidentEvent, Reason, Refusal, RunId, ValidationId,
    audit::Event,
    validation::{Check, CheckResult, MandatoryCheck, Policy, Validation, Verdict},
};

impl Turn<'_> {
    /// Begins a validation. Guard: the incident has no run that is not over.
    pub(super) fn validate(&mut self, by: &Actor, id: ValidationId, policy: &Policy) -> Result<(), Refusal> {
        self.move_incident(IncidentEvent::StartValidation)?;
        self.guard_run_over()?;
        let digest = policy.digest()?;
        self.incident.validation = Some(Validation::start(id, policy, digest, by.person.clone(), self.now()));
        self.happened(Event::ValidationStarted { id, policy: digest });
        Ok(())
    }

    /// Ends a validation. Guard: it is the one that is under way. It passes only if nothing has changed since it began and
    /// the alert does not fire.
    pub(super) fn finish_validation(&mut self, id: ValidationId, results: Vec<CheckResult>) -> Result<(), Refusal> {
        let now = self.now();
        // Whether it passed is known below; that one can end at all is known here.
        self.incident.state().next(IncidentEvent::FinishValidation(Verdict::Inconclusive))?;
        let validation = self.incident.validation.take().filter(|validation| validation.id() == id);
        let validation = validation.ok_or(Refusal::AnotherValidation)?;
        let started_at = validation.started_at();

        self.note_quiet_alert(&results, &validation);
        let unchanged = self.last_change().is_none_or(|change| change < started_at);
        let passable = unchanged && !self.incident.firing().fires();
        let validation = validation.finish(results.clone(), passable, now);
        let verdict = validation.verdict().unwrap_or(Verdict::Inconclusive);
        if verdict == Verdict::Pass {
            self.incident.moments.validated_at.get_or_insert(now);
        }
        self.incident.validation = Some(validation);
        self.move_incident(IncidentEvent::FinishValidation(verdict))?;
        self.happened(Event::ValidationFinished { id, verdict, results });
        Ok(())
    }

    /// A validation that saw the alert quiet counts as news that it has cleared, unless it fired since: Alertmanager may
    /// be late with that news, or never send it.
    fn note_quiet_alert(&mut self, results: &[CheckResult], validation: &Validation) {
        let quiet = results
            .iter()
            .any(|result| result.check == Check::Mandatory(MandatoryCheck::Alert) && result.verdict == Verdict::Pass);
        let firing = self.incident.firing();
        if quiet && firing.fires() && firing.fired_at.is_some_and(|fired| fired < validation.started_at()) {
            self.incident.firing.cleared_at = Some(self.now());
            self.happened(Event::AlertCleared);
        }
    }

    /// Closes the incident. Guards: it has no run that is not over, no other incident's run is changing the environment,
    /// the alert does not fire, and a validation proves that the system is stable now.
    pub(super) fn resolve(&mut self) -> Result<(), Refusal> {
        let now = self.now();
        self.move_incident(IncidentEvent::Resolve)?;
        self.guard_run_over()?;
        if self.incident.firing().fires() {
            return Err(Refusal::AlertFires);
        }
        self.context.guard_still()?;
        let last_change = self.last_change();
        if !self.incident.validation().is_some_and(|validation| validation.is_proof(last_change, now)) {
            return Err(Refusal::NotProven);
        }
        self.incident.moments.resolved_at = Some(now);
        self.happened(Event::Resolved);
        Ok(())
    }

    /// Files the review. Guard: it names every rule that was broken on purpose.
    pub(super) fn review(&mut self, review: Reason, broken_glass: &BTreeSet<RunId>) -> Result<(), Refusal> {
        self.move_incident(IncidentEvent::Review)?;
        for glass in &mut self.incident.break_glass {
            if !broken_glass.contains(&glass.run) {
                return Err(Refusal::GlassNotReviewed { run: glass.run });
            }
            glass.reviewed = true;
        }
        self.happened(Event::Reviewed { review });
        Ok(())
    }
}
