//! A deployment, and how far its rollout has come.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rollback::Digest;
use serde::{Deserialize, Serialize};

use super::{KubernetesError, read};
use crate::{Rejection, Response};

/// How far a rollout has come, by the rule of `kubectl rollout status`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "standing", content = "why", rename_all = "snake_case")]
pub enum Rollout {
    /// Every pod is of the last template, and available.
    Complete,
    /// Not yet.
    UnderWay(String),
    /// It has not come further for longer than the deployment allows.
    Failed(String),
}

/// What is known of a deployment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Its name.
    pub name: String,
    /// How many pods there should be.
    pub desired: u32,
    /// The image of the container, as the template names it.
    pub image: String,
    /// How far the rollout has come.
    pub rollout: Rollout,
    /// By which labels its pods are found.
    pub selector: String,
    /// When the rollout last came further: when it is complete, when it was.
    pub changed_at: Option<DateTime<Utc>>,
    /// Which revision of the template it is.
    pub revision: Option<String>,
    /// The annotations of the deployment, and of its template where both have one.
    pub annotations: BTreeMap<String, String>,
}

impl Deployment {
    /// The digest that the template pins, when it pins one.
    #[must_use]
    pub fn pinned(&self) -> Option<Digest> {
        self.image.split_once('@').and_then(|(_, digest)| digest.parse().ok())
    }

    /// The tag that the template names.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        let name = self.image.split('@').next()?;
        name.rsplit('/').next()?.split_once(':').map(|(_, tag)| tag)
    }
}

#[derive(Deserialize)]
struct Found {
    metadata: Metadata,
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: String,
    generation: i64,
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Spec {
    /// The API fills it in; left out it is one.
    replicas: Option<u32>,
    selector: Selector,
    template: Template,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Selector {
    match_labels: BTreeMap<String, String>,
    match_expressions: Vec<Expression>,
}

#[derive(Deserialize)]
struct Expression {
    key: String,
    operator: String,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Deserialize)]
struct Template {
    #[serde(default)]
    metadata: Metadata,
    spec: PodSpec,
}

#[derive(Deserialize)]
struct PodSpec {
    containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    name: String,
    #[serde(default)]
    image: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    observed_generation: i64,
    replicas: u32,
    updated_replicas: u32,
    available_replicas: u32,
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    r#type: String,
    #[serde(default)]
    reason: String,
    last_update_time: Option<DateTime<Utc>>,
}

/// Reads the answer to [`Kubernetes::deployment`](super::Kubernetes::deployment); `container` is the one that is deployed.
///
/// # Errors
/// Returns [`KubernetesError`], [`KubernetesError::NoContainer`] among others.
pub fn read_deployment(response: &Response, container: &str) -> Result<Deployment, KubernetesError> {
    let found: Found = read(response)?;
    let own = found.spec.template.spec.containers.iter().find(|one| one.name == container);
    let image = own.ok_or_else(|| KubernetesError::NoContainer(container.to_owned()))?.image.clone();
    let progressing = found.status.conditions.iter().find(|condition| condition.r#type == "Progressing");
    let mut annotations = found.metadata.annotations.clone();
    let revision = annotations.get("deployment.kubernetes.io/revision").cloned();
    annotations.extend(found.spec.template.metadata.annotations.clone());
    Ok(Deployment {
        name: found.metadata.name.clone(),
        desired: found.spec.replicas.unwrap_or(1),
        image,
        rollout: rollout(&found),
        selector: selector(&found.spec.selector)?,
        changed_at: progressing.and_then(|condition| condition.last_update_time),
        revision,
        annotations,
    })
}

fn rollout(found: &Found) -> Rollout {
    let (status, desired) = (&found.status, found.spec.replicas.unwrap_or(1));
    let waiting = |why: String| Rollout::UnderWay(why);
    if status.observed_generation < found.metadata.generation {
        return waiting("the new template has not been seen yet".to_owned());
    }
    if status.conditions.iter().any(|one| one.r#type == "Progressing" && one.reason == "ProgressDeadlineExceeded") {
        return Rollout::Failed("it has not come further before its deadline".to_owned());
    }
    let (all, updated, available) = (status.replicas, status.updated_replicas, status.available_replicas);
    if updated < desired {
        waiting(format!("{updated} of {desired} pods are new"))
    } else if all > updated {
        waiting(format!("{} old pods have not ended", all - updated))
    } else if available < updated {
        waiting(format!("{available} of {updated} new pods are available"))
    } else {
        Rollout::Complete
    }
}

/// A selector as it is asked with. One that is empty, or that can't be spelt, would find pods of others.
fn selector(selector: &Selector) -> Result<String, KubernetesError> {
    let labels = selector.match_labels.iter().map(|(name, value)| Some(format!("{name}={value}")));
    let expressions = selector.match_expressions.iter().map(|expression| {
        let Expression { key, operator, values } = expression;
        let values = values.join(",");
        match operator.as_str() {
            "In" => Some(format!("{key} in ({values})")),
            "NotIn" => Some(format!("{key} notin ({values})")),
            "Exists" => Some(key.clone()),
            "DoesNotExist" => Some(format!("!{key}")),
            _ => None,
        }
    });
    let spelt = labels.chain(expressions).collect::<Option<Vec<_>>>().map(|parts| parts.join(","));
    spelt.filter(|text| !text.is_empty()).ok_or_else(|| Rejection::garbled("a selector that finds no pods").into())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// A deployment as Kubernetes 1.37 shows it, three pods, with this status.
    fn found(status: &Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "orders", "generation": 4, "annotations": {"deployment.kubernetes.io/revision": "3"}},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "orders"},
                "matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "b"]},
                    {"key": "canary", "operator": "DoesNotExist"}]},
                "template": {"metadata": {"annotations": {"note": "x"}}, "spec": {"containers": [
                    {"name": "proxy", "image": "proxy:1"},
                    {"name": "api", "image": format!("shop.azurecr.io:443/team/orders:v1.4.2-stable@{DIGEST}")}]}}},
            "status": status,
        })
    }

    fn status(replicas: u32, updated: u32, available: u32) -> Value {
        json!({"observedGeneration": 4, "replicas": replicas, "updatedReplicas": updated, "availableReplicas": available,
            "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
                "lastUpdateTime": "2024-05-01T10:00:00Z"}]})
    }

    fn read(status: &Value) -> Deployment {
        read_deployment(&Response::of_json(200, &found(status)), "api").unwrap()
    }

    #[test]
    fn it_reads_what_is_there() {
        let deployment = read(&status(3, 3, 3));
        assert_eq!(deployment.rollout, Rollout::Complete);
        assert_eq!(deployment.selector, "app=orders,tier in (a,b),!canary");
        assert_eq!(deployment.tag(), Some("v1.4.2-stable"));
        assert_eq!(deployment.pinned(), Some(Digest::of(b"")));
        assert_eq!(deployment.revision.as_deref(), Some("3"));
        assert_eq!(deployment.annotations["note"], "x");
        assert_eq!(serde_json::to_value(&deployment.rollout).unwrap(), json!({"standing": "complete"}));
    }

    #[test]
    fn each_step_of_a_rollout_is_waited_for() {
        for waiting in [status(3, 2, 3), status(4, 3, 3), status(3, 3, 2), status(0, 0, 0), json!({}), json!(null)] {
            let mut body = found(&waiting);
            if waiting.is_null() {
                body.as_object_mut().unwrap().remove("status");
            }
            let deployment = read_deployment(&Response::of_json(200, &body), "api").unwrap();
            assert!(matches!(deployment.rollout, Rollout::UnderWay(_)), "{waiting}: {:?}", deployment.rollout);
        }
        let mut unseen = status(3, 3, 3);
        unseen["observedGeneration"] = 3.into();
        assert!(matches!(read(&unseen).rollout, Rollout::UnderWay(_)));
    }

    #[test]
    fn one_that_comes_no_further_has_failed() {
        let mut late = status(4, 1, 3);
        late["conditions"][0]["reason"] = "ProgressDeadlineExceeded".into();
        assert!(matches!(read(&late).rollout, Rollout::Failed(_)));
        late["observedGeneration"] = 3.into();
        assert!(matches!(read(&late).rollout, Rollout::UnderWay(_)), "the deadline was of the template before");
    }

    #[test]
    fn a_container_that_is_not_there_and_a_selector_of_everything_are_errors() {
        let answer = Response::of_json(200, &found(&status(3, 3, 3)));
        assert_eq!(read_deployment(&answer, "web"), Err(KubernetesError::NoContainer("web".to_owned())));
        let mut all = found(&status(3, 3, 3));
        all["spec"]["selector"] = json!({});
        assert!(read_deployment(&Response::of_json(200, &all), "api").is_err());
    }
}
