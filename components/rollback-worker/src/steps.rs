//! The steps themselves: what each asks, what it sends, and how it is found again.

mod application;
mod database;
mod follow;
mod infrastructure;
mod observation;
mod pipeline;
mod running;

use chrono::TimeDelta;
use rollback::{
    Digest, Incident, Report, Request, Run,
    recipe::Recipe,
    step::{
        ApplicationStep as A, DatabaseStep as D, FailureCode, InfrastructureStep as I, Nature, Rollout, Step, StepName,
    },
    validation::Policy,
};

use crate::{
    desk::{Call, Desk, Halt},
    fact::{FactName, Item, Topic},
    trace::Trace,
};

/// For how long what was seen of the outside counts as what is there now.
const FRESH: TimeDelta = TimeDelta::seconds(60);

/// A step where it is taken.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The incident.
    pub incident: &'a Incident,
    /// The run.
    pub run: &'a Run,
    /// The step.
    pub step: &'a Step,
    /// What is known.
    pub desk: &'a Desk<'a>,
}

impl Scene<'_> {
    /// The name of a fact of this step.
    fn fact(&self, item: Item) -> FactName {
        Topic::Step(self.step.name().clone()).fact(item)
    }

    /// What is there now that this step is about to leave.
    fn now(&self) -> Topic {
        Topic::Now(self.step.name().clone())
    }

    /// The trace that this step would have left.
    fn look(&self, item: Item) -> FactName {
        Topic::Look(self.step.name().clone()).fact(item)
    }

    /// What would run, as it was approved.
    fn approved(&self) -> Result<&Recipe, Halt> {
        let preview =
            self.run.preview().ok_or_else(|| Halt::fail(FailureCode::PreviewChanged, "there is no preview"))?;
        Ok(preview.recipe())
    }

    /// Sees to it that the step may leave: what is there now is what was approved. The digest of what is there now, where
    /// the step touches the environment.
    pub fn ready(&self) -> Result<Option<Digest>, Halt> {
        if self.step.name().character().nature != Nature::Effect {
            return Ok(None);
        }
        self.desk.demand_fresh(self.now(), FRESH)?;
        let preview =
            self.run.preview().ok_or_else(|| Halt::fail(FailureCode::PreviewChanged, "there is no preview"))?;
        let recipe = self.observe()?;
        let observed = preview.digest_with(&recipe, policy(self.desk)?).ok();
        if observed == Some(preview.digest()) {
            return Ok(observed);
        }
        let what = observation::difference(preview.recipe(), &recipe);
        Err(Halt::fail(FailureCode::PreviewChanged, &format!("{what} is not as it was approved")))
    }

    /// The one call that is not the same when it is made twice.
    pub fn shot(&self) -> Result<Call, Halt> {
        match self.step.name() {
            StepName::Database(D::Restore) => self.restore(),
            _ => self.dispatch(),
        }
    }

    /// Looks for the shot whose outcome is not known.
    pub fn trace(&self) -> Result<Trace, Halt> {
        match self.step.name() {
            StepName::Database(D::Restore) => self.find_restored(),
            _ => self.find_dispatched(),
        }
    }

    /// Goes through the step to its end. What it answers is reported before the end is.
    pub fn settle(&self) -> Result<Vec<Report>, Halt> {
        match self.step.name() {
            StepName::Application(step) => match step {
                A::ResolveTags => self.resolve_tags(),
                A::Wait => self.await_deployment(&StepName::Application(A::Dispatch)),
                A::VerifyRollout => self.verify_rollout(),
                A::Choose | A::Dispatch => Ok(Vec::new()),
            },
            StepName::Database(step) => match step {
                D::Preflight => self.preflight(),
                D::Freeze | D::Thaw => self.follow_own(FailureCode::WorkflowFailed),
                D::AwaitServer => self.await_server(),
                D::VerifyData => self.verify_data(),
                D::UpdateSecret => self.update_secret(),
                D::Redeploy(application, Rollout::Wait) => {
                    self.await_deployment(&StepName::Database(D::Redeploy(application.clone(), Rollout::Dispatch)))
                }
                D::Redeploy(application, Rollout::Verify) => self.verify_redeployment(application),
                D::Restore | D::Redeploy(_, Rollout::Dispatch) => Ok(Vec::new()),
            },
            StepName::Infrastructure(step) => match step {
                I::ChooseCommit => self.choose_commit(),
                I::Plan => self.follow_plan(),
                I::FetchPlan => self.fetch_plan(),
                I::Apply => self.follow_apply(),
                I::Converge => self.converge(),
                I::Classify | I::Approve => Ok(Vec::new()),
            },
        }
    }

    /// Decides on what is known.
    pub fn decide(&self) -> Result<Vec<Report>, Halt> {
        match self.step.name() {
            StepName::Application(A::Choose) | StepName::Infrastructure(I::Classify) => {
                recipe(self.incident, self.run, self.desk).map(|_| Vec::new())
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// What would run, made of what the preparation has found.
pub fn recipe(incident: &Incident, run: &Run, desk: &Desk<'_>) -> Result<Recipe, Halt> {
    match run.request() {
        Request::Application(request) => application::recipe(request, desk),
        Request::Database(request) => database::recipe(request, incident, run, desk),
        Request::Infrastructure(request) => infrastructure::recipe(request, desk),
    }
}

/// The policy of the validation that follows, by digest.
pub fn policy(desk: &Desk<'_>) -> Result<Digest, Halt> {
    let invalid =
        |detail: String| Halt::fail(FailureCode::Refused, &format!("the validation is misconfigured: {detail}"));
    let policy = Policy::tightened(&desk.place.targets.validation).map_err(|error| invalid(error.to_string()))?;
    policy.digest().map_err(|error| invalid(error.to_string()))
}

/// What is not configured, and is needed.
fn unconfigured(what: &str) -> Halt {
    Halt::fail(FailureCode::Refused, &format!("{what} is not configured for this environment"))
}
