//! The steps of an infrastructure's rollback.

use rollback::{
    Digest, InfrastructureRequest, Report,
    commit::{self, CommitFacts},
    recipe::{InfrastructureRecipe, Recipe},
    step::{FailureCode, InfrastructureStep as I, StepName},
};

use super::{Scene, pipeline};
use crate::{
    desk::{Desk, Halt},
    fact::{FactName, Item, Topic},
    outside::{
        github,
        plan::{self, FetchedPlan},
    },
};

/// What the workflow calls the artifact with the plan.
pub(super) const PLAN: &str = "plan";

/// The plan, as it was fetched before the approvals.
fn fetched() -> FactName {
    Topic::Step(StepName::Infrastructure(I::FetchPlan)).fact(Item::Plan)
}

/// The workflow run that has made it.
fn planned() -> FactName {
    Topic::Step(StepName::Infrastructure(I::Plan)).fact(Item::Run)
}

/// The policy that classifies plans, by digest.
pub(super) fn protection(desk: &Desk<'_>) -> Result<Digest, Halt> {
    let digest = desk.place.targets.protection.digest();
    digest.map_err(|error| Halt::fail(FailureCode::Refused, &error.to_string()))
}

/// What would run.
pub(super) fn recipe(request: &InfrastructureRequest, desk: &Desk<'_>) -> Result<Recipe, Halt> {
    let unknown = || Halt::fail(FailureCode::PlanAltered, "there is no plan");
    let fetched: FetchedPlan = desk.known(&fetched()).ok_or_else(unknown)?;
    let run: github::WorkflowRun = desk.known(&planned()).ok_or_else(unknown)?;
    if let Some(failure) = fetched.failure {
        return Err(Halt::Fail(failure));
    }
    if fetched.commit != request.commit {
        let detail = format!("the plan is of the commit {}", fetched.commit);
        return Err(Halt::fail(FailureCode::PlanAltered, &detail));
    }
    Ok(Recipe::Infrastructure(Box::new(InfrastructureRecipe {
        pipeline: pipeline::infrastructure(desk)?,
        commit: request.commit.clone(),
        terraform: pipeline::reference(&fetched.terraform)?,
        lock: fetched.lock,
        variables: fetched.variables,
        planned_by: pipeline::reference(&run.id.to_string())?,
        planned_in_attempt: run.attempt,
        artifact: fetched.artifact,
        plan: fetched.plan,
        changes: fetched.changes,
        policy: protection(desk)?,
        exceptions: request.exceptions.clone(),
        losses: fetched.losses,
    })))
}

impl Scene<'_> {
    fn infrastructure_request(&self) -> Result<&InfrastructureRequest, Halt> {
        match self.run.request() {
            rollback::Request::Infrastructure(request) => Ok(request),
            _ => Err(Halt::fail(FailureCode::PreviewChanged, "the run is of another kind")),
        }
    }

    /// Checks that the commit is one of the main branch that was applied before.
    pub(super) fn choose_commit(&self) -> Result<Vec<Report>, Halt> {
        let commit = &self.infrastructure_request()?.commit;
        // A commit that is not there fails the question itself.
        let on_main = github::is_on_branch(self.desk, &self.fact(Item::Branch), commit)?;
        let applied = on_main && github::was_applied(self.desk, &self.fact(Item::Applied), commit)?;
        commit::check(CommitFacts { on_main, applied })?;
        Ok(Vec::new())
    }

    /// Follows the pipeline that plans.
    pub(super) fn follow_plan(&self) -> Result<Vec<Report>, Halt> {
        self.follow_own(FailureCode::PlanFailed)
    }

    /// Fetches the plan, compares its digest, and keeps what may be shown of it.
    pub(super) fn fetch_plan(&self) -> Result<Vec<Report>, Halt> {
        let exceptions = self.infrastructure_request()?.exceptions.clone();
        let id = self.operation_of(&StepName::Infrastructure(I::Plan));
        let id = id.ok_or_else(|| Halt::fail(FailureCode::PlanFailed, "no workflow run has planned"))?;
        self.fetch(id.as_str(), &fetched(), exceptions).map(|_| Vec::new())
    }

    fn fetch(
        &self,
        run: &str,
        name: &FactName,
        exceptions: std::collections::BTreeSet<rollback::Address>,
    ) -> Result<FetchedPlan, Halt> {
        let repository = self.repository()?;
        let artifact = github::artifact(self.desk, &self.fact(Item::Artifact), &repository, run, PLAN)?;
        let missing = || Halt::fail(FailureCode::PlanAltered, "the workflow run has left no plan");
        let artifact = artifact.filter(|artifact| !artifact.expired).ok_or_else(missing)?;
        plan::fetch(self.desk, name, &repository, &artifact, exceptions)
    }

    /// Follows the pipeline that applies. When it ends badly half of its work may be done.
    pub(super) fn follow_apply(&self) -> Result<Vec<Report>, Halt> {
        self.follow_own(FailureCode::ApplyFailed)
    }

    /// Follows the second plan, which must change nothing.
    pub(super) fn converge(&self) -> Result<Vec<Report>, Halt> {
        let Some(id) = self.step.operation() else {
            return Err(Halt::fail(FailureCode::PlanFailed, "there is no workflow run to follow"));
        };
        self.follow(&self.repository()?, id, FailureCode::PlanFailed)?;
        let exceptions = self.infrastructure_request()?.exceptions.clone();
        let fetched = self.fetch(id.as_str(), &self.fact(Item::Plan), exceptions)?;
        if fetched.changes_nothing {
            Ok(Vec::new())
        } else {
            let detail = format!("the plan after the apply still changes {} resources", fetched.changing);
            Err(Halt::fail(FailureCode::NotConverged, &detail))
        }
    }
}
