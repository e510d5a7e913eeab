//! What the cluster runs.

use rollback::{Application as Name, Digest, step::FailureCode};

use crate::{
    desk::{Desk, Halt},
    fact::{Item, Topic},
    outside::cluster,
    settings::Application,
};

/// The configuration of an application.
pub(super) fn configured<'a>(desk: &Desk<'a>, name: &Name) -> Result<&'a Application, Halt> {
    let unknown = || Halt::fail(FailureCode::Refused, &format!("the application {name} is not configured"));
    desk.place.targets.application(name).ok_or_else(unknown)
}

/// The digest that an application runs, found out for a topic.
pub(super) fn digest(desk: &Desk<'_>, topic: &Topic, application: &Application) -> Result<Digest, Halt> {
    let name = topic.fact(Item::Deployment).of(&application.name);
    let deployment = cluster::deployment(desk, &name, application)?;
    if let Some(pinned) = deployment.pinned() {
        return Ok(pinned);
    }
    let pods = cluster::pods(desk, &topic.fact(Item::Pods).of(&application.name), application, &deployment)?;
    let mut digests: Vec<Digest> = pods.iter().filter_map(|pod| pod.digest).collect();
    digests.sort_unstable();
    digests.dedup();
    match digests.as_slice() {
        [only] => Ok(*only),
        [] => Err(Halt::fail(FailureCode::NoStableTag, "no pod says which image it runs")),
        _ => Err(Halt::fail(FailureCode::NoStableTag, "the pods run different images: a rollout is under way")),
    }
}
