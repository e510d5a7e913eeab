//! What the cluster says of a deployment and its pods.

use clients::kubernetes::{Kubernetes, read_deployment, read_pods};
use rollback::step::FailureCode;

pub use clients::kubernetes::{Deployment, Pod, Rollout};

use crate::{
    desk::{Desk, Halt},
    fact::FactName,
    settings::Application,
    trouble::Trouble,
};

/// The annotation by which a deployment says with which revision of the connection it runs. `deploy.yml` writes it.
pub const REVISION: &str = "hubline.dev/database-revision";

/// The annotation by which a deployment says that its release has migrated the database. Whoever deploys writes it.
pub const MIGRATED: &str = "hubline.dev/migrated";

/// The most pages of pods that are read.
const PAGES: usize = 10;

/// With which revision of the connection a deployment says that it runs.
#[must_use]
pub fn revision(deployment: &Deployment) -> Option<&str> {
    deployment.annotations.get(REVISION).map(String::as_str)
}

/// Whether a deployment says that its release has migrated the database.
#[must_use]
pub fn migrated(deployment: &Deployment) -> bool {
    deployment.annotations.get(MIGRATED).is_some_and(|word| word == "true")
}

fn cluster(desk: &Desk<'_>) -> Result<Kubernetes, Halt> {
    let unconfigured = || Halt::fail(FailureCode::Refused, "the cluster is not configured for this environment");
    let configured = desk.place.targets.kubernetes.as_ref().ok_or_else(unconfigured)?;
    let token = desk.place.credentials.kubernetes.clone().unwrap_or_default();
    Ok(Kubernetes::new(&configured.api, &configured.namespace, token))
}

/// The deployment of an application.
///
/// # Errors
/// Returns [`Halt`] while it is not known.
pub fn deployment(desk: &Desk<'_>, name: &FactName, application: &Application) -> Result<Deployment, Halt> {
    let seen: Option<Deployment> = deployment_if_there(desk, name, application)?;
    seen.ok_or_else(|| Halt::fail(FailureCode::TimedOut, "the cluster gives no answer"))
}

/// The same, or nothing where that is an answer too.
///
/// # Errors
/// Returns [`Halt`] while it is not known.
pub fn deployment_if_there(
    desk: &Desk<'_>,
    name: &FactName,
    application: &Application,
) -> Result<Option<Deployment>, Halt> {
    let container = application.container.clone();
    desk.ask(
        name,
        || Ok(cluster(desk)?.deployment(&application.deployment)),
        move |response| read_deployment(response, &container).map(Some).map_err(|error| Trouble::of(&error)),
    )
}

/// The pods of a deployment, page after page.
///
/// # Errors
/// Returns [`Halt`] while they are not known.
pub fn pods(
    desk: &Desk<'_>,
    name: &FactName,
    application: &Application,
    deployment: &Deployment,
) -> Result<Vec<Pod>, Halt> {
    let seen = pods_if_there(desk, name, application, deployment)?;
    seen.ok_or_else(|| Halt::fail(FailureCode::TimedOut, "the cluster gives no answer"))
}

/// The same, or nothing where that is an answer too.
///
/// # Errors
/// Returns [`Halt`] while they are not known.
pub fn pods_if_there(
    desk: &Desk<'_>,
    name: &FactName,
    application: &Application,
    deployment: &Deployment,
) -> Result<Option<Vec<Pod>>, Halt> {
    let mut all = Vec::new();
    let mut from: Option<String> = None;
    for page in 0..PAGES {
        let container = application.container.clone();
        let place = from.clone();
        let seen: Option<(Vec<Pod>, Option<String>)> = desk.ask(
            &name.page(page),
            || Ok(cluster(desk)?.pods(&deployment.selector, place.as_deref())),
            move |response| {
                let pods = read_pods(response, &container).map_err(|error| Trouble::of(&error))?;
                Ok(Some((pods.pods, pods.next)))
            },
        )?;
        let Some((pods, next)) = seen else { return Ok(None) };
        all.extend(pods);
        match next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    Ok(Some(all))
}
