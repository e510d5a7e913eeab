//! What is there now, in the form of what was approved.

use rollback::{
    recipe::{ApplicationRecipe, DatabaseRecipe, InfrastructureRecipe, Recipe},
    step::{DatabaseStep as D, Rollout, StepName},
};

use super::{Scene, infrastructure, pipeline, running};
use crate::{
    desk::Halt,
    fact::Item,
    outside::{github, plan::PlanArtifact, registry},
};

impl Scene<'_> {
    /// The recipe, made anew of what is there now as far as the step is concerned.
    pub(super) fn observe(&self) -> Result<Recipe, Halt> {
        Ok(match self.approved()?.clone() {
            Recipe::Application(recipe) => Recipe::Application(self.observe_application(recipe)?),
            Recipe::Database(recipe) => Recipe::Database(self.observe_database(recipe)?),
            Recipe::Infrastructure(recipe) => Recipe::Infrastructure(Box::new(self.observe_plan(*recipe)?)),
        })
    }

    /// What the tag points to now, what runs now, and what deploys it now.
    fn observe_application(&self, recipe: ApplicationRecipe) -> Result<ApplicationRecipe, Halt> {
        let application = running::configured(self.desk, &recipe.application)?;
        let digest =
            registry::tag_digest(self.desk, &self.now().fact(Item::Tag), &application.image, &recipe.image.tag)?;
        let running = running::digest(self.desk, &self.now(), application)?;
        let mut seen = recipe;
        if let Some(digest) = digest {
            seen.image.digest = digest;
        } else {
            // A tag that is gone points to nothing that was approved.
            seen.image.digest = rollback::Digest::of(b"");
        }
        seen.image.repository = application.image.clone();
        seen.running = running;
        seen.pipeline = pipeline::deployment(self.desk, application)?;
        Ok(seen)
    }

    /// Where the connection goes now, and of the application that is redeployed what runs now and what deploys it now.
    fn observe_database(&self, recipe: DatabaseRecipe) -> Result<DatabaseRecipe, Halt> {
        let mut seen = recipe;
        let database = self.desk.place.targets.database.as_ref().ok_or_else(|| super::unconfigured("the database"))?;
        seen.secret = pipeline::reference(&database.secret)?;
        seen.source = database.server.clone();
        if let StepName::Database(D::Redeploy(name, Rollout::Dispatch)) = self.step.name() {
            for redeployment in seen.redeployments.iter_mut().filter(|redeployment| redeployment.application == *name) {
                let application = running::configured(self.desk, name)?;
                redeployment.image.repository = application.image.clone();
                redeployment.image.digest = running::digest(self.desk, &self.now(), application)?;
                redeployment.pipeline = pipeline::deployment(self.desk, application)?;
            }
        }
        Ok(seen)
    }

    /// Which artifact there is now, and what applies it now.
    fn observe_plan(&self, recipe: InfrastructureRecipe) -> Result<InfrastructureRecipe, Halt> {
        let mut seen = recipe;
        let repository = self.repository()?;
        let run = github::run(self.desk, &self.now().fact(Item::Run), &repository, seen.planned_by.as_str())?;
        seen.planned_in_attempt = run.attempt;
        let (name, id) = (self.now().fact(Item::Artifact), seen.planned_by.as_str());
        let artifact = github::artifact(self.desk, &name, &repository, id, infrastructure::PLAN)?;
        seen.artifact = match artifact {
            Some(artifact) if !artifact.expired => PlanArtifact::from(&artifact).reference()?,
            _ => pipeline::reference("none")?,
        };
        seen.policy = infrastructure::protection(self.desk)?;
        seen.pipeline = pipeline::infrastructure(self.desk)?;
        Ok(seen)
    }
}

/// In what two recipes differ, for a person to read.
pub(super) fn difference(approved: &Recipe, seen: &Recipe) -> String {
    let (Ok(approved), Ok(seen)) = (serde_json::to_value(approved), serde_json::to_value(seen)) else {
        return "the recipe".to_owned();
    };
    let member = |(name, value): (&String, &serde_json::Value)| (seen.get(name) != Some(value)).then(|| name.clone());
    let differing: Vec<String> = approved.as_object().into_iter().flatten().filter_map(member).collect();
    if differing.is_empty() { "the validation".to_owned() } else { differing.join(", ") }
}
