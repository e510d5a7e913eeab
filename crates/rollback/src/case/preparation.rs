//! From what is asked for to what would run.

use std::collections::BTreeSet;

use super::turn::Turn;
use crate::{
    Actor, Digest, IncidentEvent, Preview, Reading, Reason, Refusal, Request, Run, RunEvent, RunId, RunbookVersion,
    audit::Event,
    incident::{Loss, Standing},
    recipe::{Hazard, Recipe},
    run::Origin,
    step::Phase,
};

impl Turn<'_> {
    /// Opens a run. Guards: the decision is for its kind, the incident has no other run that is not over, and no run of
    /// another incident holds the environment against it.
    pub(super) fn open_run(
        &mut self,
        by: &Actor,
        id: RunId,
        request: Request,
        runbook: RunbookVersion,
    ) -> Result<(), Refusal> {
        self.move_incident(IncidentEvent::OpenRun)?;
        self.guard_decided(request.kind())?;
        self.guard_run_over()?;
        self.context.guard_neighbours(request.kind())?;
        let origin = Origin {
            id,
            incident: self.incident.id(),
            target: self.incident.target(),
            requester: by.person.clone(),
            runbook: runbook.clone(),
            at: self.now(),
        };
        let run = Run::new(origin, request.clone());
        self.incident.set_standing(&run, Standing::Preparing);
        self.incident.loss = Loss::default();
        self.run = Some(run);
        self.happened(Event::RunOpened { request, runbook });
        Ok(())
    }

    /// Makes the preview. Guards: every step of the preparation is done, and the recipe is what was asked for.
    pub(super) fn preview(&mut self, recipe: Recipe, policy: Digest) -> Result<(), Refusal> {
        let now = self.now();
        self.move_run(RunEvent::Preview)?;
        let run = self.run_mut()?;
        let unprepared = |step: &&crate::step::Step| step.name().character().phase == Phase::Preparation;
        if let Some(step) = run.next_step().filter(unprepared) {
            return Err(Refusal::OutOfOrder { step: step.name().clone() });
        }
        if !recipe.answers(run.request()) {
            return Err(Refusal::WrongRecipe);
        }
        let asked = match &recipe {
            Recipe::Database(recipe) => Some((recipe.incident_at - recipe.point_in_time).num_seconds()),
            Recipe::Application(_) | Recipe::Infrastructure(_) => None,
        };
        let preview = Preview::new(run.frame(), recipe, policy, now)?;
        let event =
            Event::Previewed { digest: preview.digest(), hazards: preview.hazards(), expires_at: preview.expires_at() };
        run.preview = Some(preview);
        self.incident.loss.asked_seconds = asked;
        self.happened(event);
        Ok(())
    }

    /// Records that somebody opened the preview, the first time that they do.
    pub(super) fn open_preview(&mut self, by: &Actor) -> Result<(), Refusal> {
        let at = self.now();
        let run = self.run_mut()?;
        let digest = run.previewed()?.digest();
        if run.state().is_live() && !run.has_read(&by.person, digest) {
            run.readings.push(Reading { person: by.person.clone(), digest, at });
            self.happened(Event::PreviewOpened { digest });
        }
        Ok(())
    }

    /// Puts the preview before the approvers. Guards: it is this one, it is not too old, and each hazard is acknowledged.
    pub(super) fn submit(&mut self, digest: Digest, acknowledged: BTreeSet<Hazard>) -> Result<(), Refusal> {
        self.move_run(RunEvent::Submit)?;
        self.guard_preview(digest, &acknowledged)?;
        self.happened(Event::Submitted { digest, acknowledged });
        Ok(())
    }

    /// Calls the run off. Guard: nothing has been changed yet.
    pub(super) fn cancel(&mut self, reason: Reason) -> Result<(), Refusal> {
        self.move_run(RunEvent::Cancel)?;
        if self.run()?.first_effect_at().is_some() {
            return Err(Refusal::HasEffects);
        }
        self.happened(Event::Cancelled { reason });
        self.close_run()
    }

    /// Guards that a preview is the one that is meant, is not too old, and that each of its hazards is acknowledged.
    pub(super) fn guard_preview(&self, digest: Digest, acknowledged: &BTreeSet<Hazard>) -> Result<(), Refusal> {
        let preview = self.run()?.previewed_as(digest)?;
        if preview.is_expired(self.now()) {
            return Err(Refusal::PreviewExpired);
        }
        let missing: Vec<Hazard> = preview.hazards().difference(acknowledged).cloned().collect();
        if missing.is_empty() { Ok(()) } else { Err(Refusal::Unacknowledged(missing)) }
    }
}
