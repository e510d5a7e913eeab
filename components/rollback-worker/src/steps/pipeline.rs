//! What the pipeline is asked to do.

use std::collections::BTreeMap;

use rollback::{
    Application as Name, Reference, Repository,
    recipe::{Image, Pipeline, Recipe},
    step::{DatabaseStep as D, FailureCode, InfrastructureStep as I, Rollout, StepName},
};

use super::{Scene, unconfigured};
use crate::{
    desk::{Call, Desk, Halt},
    fact::Item,
    outside::{github, plan::PlanArtifact},
    settings::{Application, Github},
    trace::Trace,
};

/// A workflow with what it is given.
pub(super) struct Order {
    pub pipeline: Pipeline,
    pub inputs: BTreeMap<String, String>,
}

/// A text that names something outside.
pub(super) fn reference(text: &str) -> Result<Reference, Halt> {
    Reference::parse(text).map_err(|error| Halt::fail(FailureCode::Refused, &error.to_string()))
}

/// The configuration of the pipeline.
pub(super) fn configured<'a>(desk: &Desk<'a>) -> Result<&'a Github, Halt> {
    desk.place.targets.github.as_ref().ok_or_else(|| unconfigured("the pipeline"))
}

/// What deploys an application.
pub(super) fn deployment(desk: &Desk<'_>, application: &Application) -> Result<Pipeline, Halt> {
    let github = configured(desk)?;
    let repository = application.repository.as_ref().unwrap_or(&github.repository);
    workflow(github, repository, &github.workflows.deploy)
}

/// What plans and applies infrastructure. The file is that of the apply; the plan's stands beside it.
pub(super) fn infrastructure(desk: &Desk<'_>) -> Result<Pipeline, Halt> {
    let github = configured(desk)?;
    workflow(github, &github.repository, &github.workflows.apply)
}

fn workflow(github: &Github, repository: &Repository, file: &str) -> Result<Pipeline, Halt> {
    let (workflow, git_ref) = (reference(file)?, reference(&github.git_ref)?);
    Ok(Pipeline { repository: repository.clone(), workflow, git_ref })
}

impl Scene<'_> {
    /// What the step has the pipeline do.
    pub(super) fn order(&self) -> Result<Order, Halt> {
        let github = configured(self.desk)?;
        let own = |file: &str| workflow(github, &github.repository, file);
        let (pipeline, mut inputs) = match self.step.name() {
            StepName::Application(_) => match self.approved()? {
                Recipe::Application(recipe) => (recipe.pipeline.clone(), deploy(&recipe.application, &recipe.image)),
                _ => return Err(another_kind()),
            },
            StepName::Database(D::Freeze) => (own(&github.workflows.freeze)?, one("mode", "freeze")),
            StepName::Database(D::Thaw) => (own(&github.workflows.freeze)?, one("mode", "thaw")),
            StepName::Database(D::Redeploy(name, Rollout::Dispatch)) => self.redeployment(name)?,
            StepName::Database(D::VerifyData) => match self.approved()? {
                Recipe::Database(recipe) => {
                    let mut inputs = one("server", &self.restored_host()?);
                    inputs.insert("source".into(), self.source_host()?);
                    let at = recipe.point_in_time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
                    inputs.insert("pointInTime".into(), at);
                    (own(&github.workflows.verify)?, inputs)
                }
                _ => return Err(another_kind()),
            },
            StepName::Infrastructure(I::Apply) => match self.approved()? {
                Recipe::Infrastructure(recipe) => (recipe.pipeline.clone(), self.application_of(recipe)?),
                _ => return Err(another_kind()),
            },
            StepName::Infrastructure(_) => match self.run.request() {
                rollback::Request::Infrastructure(request) => {
                    (own(&github.workflows.plan)?, one("commit", request.commit.as_str()))
                }
                _ => return Err(another_kind()),
            },
            StepName::Database(_) => return Err(another_kind()),
        };
        inputs.insert("correlation".into(), self.correlation());
        inputs.insert("environment".into(), self.desk.place.environment.to_string());
        Ok(Order { pipeline, inputs })
    }

    /// The repository of the workflow that the step is about.
    pub(super) fn repository(&self) -> Result<String, Halt> {
        let of_application = |name: &Name| {
            let application = self.desk.place.targets.application(name);
            application.and_then(|application| application.repository.clone())
        };
        let own = match (self.step.name(), self.run.request()) {
            (StepName::Application(_), rollback::Request::Application(request)) => of_application(&request.application),
            (StepName::Database(D::Redeploy(name, _)), _) => of_application(name),
            _ => None,
        };
        Ok(match own {
            Some(repository) => repository.to_string(),
            None => configured(self.desk)?.repository.to_string(),
        })
    }

    /// By what the workflow run is known again: it stands in its name.
    pub(super) fn correlation(&self) -> String {
        self.run.key(self.step)
    }

    fn redeployment(&self, name: &Name) -> Result<(Pipeline, BTreeMap<String, String>), Halt> {
        let Recipe::Database(recipe) = self.approved()? else { return Err(another_kind()) };
        let redeployment = recipe.redeployments.iter().find(|redeployment| redeployment.application == *name);
        let redeployment = redeployment.ok_or_else(another_kind)?;
        let mut inputs = deploy(name, &redeployment.image);
        inputs.insert("databaseRevision".into(), self.run.id().to_string());
        Ok((redeployment.pipeline.clone(), inputs))
    }

    fn application_of(
        &self,
        recipe: &rollback::recipe::InfrastructureRecipe,
    ) -> Result<BTreeMap<String, String>, Halt> {
        let approvers: Vec<String> = self.run.approvals().iter().map(|approval| approval.person.to_string()).collect();
        let artifact = PlanArtifact::read(&recipe.artifact)?;
        let inputs = [
            ("commit", recipe.commit.as_str().to_owned()),
            ("planRunId", recipe.planned_by.to_string()),
            ("artifactId", artifact.id.to_string()),
            ("tfplanSha256", recipe.plan.hex()),
            ("approvals", approvers.join(",")),
        ];
        Ok(inputs.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// The call that dispatches the workflow.
    pub(super) fn dispatch(&self) -> Result<Call, Halt> {
        let order = self.order()?;
        github::dispatch(self.desk, self.fact(Item::Dispatch), &order.pipeline, &order.inputs)
    }

    /// Looks for the workflow run that a dispatch has made.
    pub(super) fn find_dispatched(&self) -> Result<Trace, Halt> {
        let order = self.order()?;
        let since = self.step.intended_at().unwrap_or(self.run.opened_at());
        let found = github::find_run(self.desk, &self.look(Item::Run), &order.pipeline, since, &self.correlation())?;
        Ok(match found {
            Some(run) => Trace::Found(reference(&run.id.to_string())?),
            None => Trace::Absent,
        })
    }
}

fn deploy(application: &Name, image: &Image) -> BTreeMap<String, String> {
    [
        ("application", application.to_string()),
        ("imageTag", image.tag.to_string()),
        ("imageDigest", image.digest.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn one(name: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), value.to_owned())])
}

fn another_kind() -> Halt {
    Halt::fail(FailureCode::PreviewChanged, "the preview is of another kind")
}
