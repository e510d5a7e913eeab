//! The steps of an application's rollback.

use rollback::{
    ApplicationRequest, Report,
    recipe::{ApplicationRecipe, Image, Recipe},
    step::{ApplicationStep as A, Failure, FailureCode, StepName},
    tag::{self, Choice, Surroundings, Tag},
};

use super::{Scene, pipeline, running};
use crate::{
    desk::{Desk, Halt},
    fact::{FactName, Item, Topic},
    outside::{cluster, metrics, registry},
    settings::Application,
};

/// How many images are asked what they run on before a person has to name one.
const CANDIDATES: usize = 5;

/// How the pause between two looks at a rollout is, in seconds.
const PAUSE: i64 = 3;

/// What there is to choose from, as the first step has found it.
const LISTED: Topic = Topic::Step(StepName::Application(A::ResolveTags));

impl Scene<'_> {
    /// Lists the tags, sees what runs, and asks the candidates which schema they run on.
    pub(super) fn resolve_tags(&self) -> Result<Vec<Report>, Halt> {
        let rollback::Request::Application(request) = self.run.request() else { return Ok(Vec::new()) };
        for _ in 0..CANDIDATES {
            // What is unfit is named by the next step; here it is only found out what there is to choose from.
            match choose(request, self.desk)? {
                // Where the schema of the database is not known, no statement about it says anything.
                Ok(choice) if knows_schema(self.desk)? && !is_known(self.desk, &choice.tag) => {
                    let application = running::configured(self.desk, &request.application)?;
                    registry::schema(self.desk, &label(&choice.tag), &application.image, choice.tag.digest)?;
                }
                _ => break,
            }
        }
        Ok(Vec::new())
    }

    /// Compares what the cluster runs with what was approved.
    pub(super) fn verify_rollout(&self) -> Result<Vec<Report>, Halt> {
        let Recipe::Application(recipe) = self.approved()? else { return Ok(Vec::new()) };
        let application = running::configured(self.desk, &recipe.application)?;
        self.verify_pods(application, &recipe.image, None, FailureCode::RolloutFailed)?;
        Ok(Vec::new())
    }

    /// Sees an application run this image, and with this revision of its connection, in every pod.
    pub(super) fn verify_pods(
        &self,
        application: &Application,
        image: &Image,
        revision: Option<&str>,
        failed: FailureCode,
    ) -> Result<(), Halt> {
        let (deployment_name, pods_name) = (self.fact(Item::Deployment), self.fact(Item::Pods));
        let again = || Halt::again(PAUSE, &[&deployment_name, &pods_name]);
        let deployment = cluster::deployment(self.desk, &deployment_name, application)?;
        match &deployment.rollout {
            cluster::Rollout::Failed(why) => return Err(Halt::fail(failed, why)),
            cluster::Rollout::UnderWay(_) => return Err(again()),
            cluster::Rollout::Complete => {}
        }
        if deployment.pinned().is_some_and(|pinned| pinned != image.digest) {
            return Err(Halt::fail(FailureCode::WrongImage, &format!("{} is to run another image", application.name)));
        }
        if let Some(revision) = revision.filter(|revision| cluster::revision(&deployment) != Some(*revision)) {
            let detail = format!("{} does not run with the connection of {revision}", application.name);
            return Err(Halt::fail(failed, &detail));
        }
        let pods = cluster::pods(self.desk, &pods_name, application, &deployment)?;
        let staying: Vec<_> = pods.iter().filter(|pod| !pod.terminating).collect();
        if staying.iter().any(|pod| pod.digest.is_some_and(|digest| digest != image.digest)) {
            return Err(Halt::fail(
                FailureCode::WrongImage,
                &format!("a pod of {} runs another image", application.name),
            ));
        }
        let ready = staying.iter().filter(|pod| pod.ready && pod.digest == Some(image.digest)).count();
        let enough = u32::try_from(ready).is_ok_and(|ready| ready >= deployment.desired) && deployment.desired > 0;
        if enough { Ok(()) } else { Err(again()) }
    }
}

/// Chooses among what is known. The inner failure is what there is to say about the choice itself.
fn choose(request: &ApplicationRequest, desk: &Desk<'_>) -> Result<Result<Choice, Failure>, Halt> {
    let application = running::configured(desk, &request.application)?;
    let tags = registry::tags(desk, &LISTED.fact(Item::Tags), &application.image)?;
    let running = running::digest(desk, &LISTED, application)?;
    let schema = schema(desk)?;
    let stated = |tag: &Tag| desk.known(&label(tag)).flatten();
    let with_label = |tag: Tag| Tag { schema: schema.and_then(|_| stated(&tag)), ..tag };
    let tags: Vec<Tag> = tags.into_iter().map(with_label).collect();
    let quarantined = desk.place.targets.quarantined.clone();
    let around = Surroundings { running, quarantined, schema: schema.unwrap_or_default() };
    Ok(match &request.tag {
        Some(name) => tag::take(&tags, name, &around),
        None => tag::propose(&tags, &around),
    })
}

/// The version of the schema that the database has, where it is known.
fn schema(desk: &Desk<'_>) -> Result<Option<u32>, Halt> {
    metrics::schema(desk, &LISTED.fact(Item::Schema))
}

fn knows_schema(desk: &Desk<'_>) -> Result<bool, Halt> {
    Ok(schema(desk)?.is_some())
}

fn label(tag: &Tag) -> FactName {
    LISTED.fact(Item::Label).of(&tag.digest)
}

fn is_known(desk: &Desk<'_>, tag: &Tag) -> bool {
    desk.known_at(&label(tag)).is_some()
}

/// What would run.
pub(super) fn recipe(request: &ApplicationRequest, desk: &Desk<'_>) -> Result<Recipe, Halt> {
    let application = running::configured(desk, &request.application)?;
    let running = running::digest(desk, &LISTED, application)?;
    let Choice { tag, schema_unstated } = choose(request, desk)??;
    Ok(Recipe::Application(ApplicationRecipe {
        application: request.application.clone(),
        image: Image { repository: application.image.clone(), tag: tag.name, digest: tag.digest },
        running,
        schema_unstated,
        pipeline: pipeline::deployment(desk, application)?,
    }))
}
