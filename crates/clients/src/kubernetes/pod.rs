//! The pods of a deployment.

use chrono::{DateTime, Utc};
use rollback::{Digest, validation};
use serde::{Deserialize, Serialize};

use super::{KubernetesError, read};
use crate::Response;

/// What is known of a pod.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Whether it runs, and says that it is ready.
    pub ready: bool,
    /// Whether it is about to end.
    pub terminating: bool,
    /// What its container runs: the digest that the image was pulled by.
    pub digest: Option<Digest>,
    /// How often its containers have restarted in its life.
    pub restarts: u32,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When a container of it last restarted.
    pub restarted_at: Option<DateTime<Utc>>,
}

impl Pod {
    /// How often its containers have restarted since a moment, as far as it can be told: at least once when one of them has
    /// begun again since.
    #[must_use]
    pub fn restarts_since(&self, moment: DateTime<Utc>) -> u32 {
        let younger = self.started_at.is_some_and(|at| at >= moment);
        // One that has restarted and does not say when is held against it.
        let lately = self.restarted_at.is_none_or(|at| at >= moment);
        match (younger, lately) {
            (true, _) => self.restarts,
            (false, true) => self.restarts.min(1),
            (false, false) => 0,
        }
    }
}

/// A page of pods.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pods {
    /// The pods, without those that have ended.
    pub pods: Vec<Pod>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// Counts pods against what should run: `desired` of them, all with this digest, and no restarts since a moment.
///
/// A pod that is about to end counts for nothing, whatever it runs: it is on its way out.
#[must_use]
pub fn count(pods: &[Pod], desired: u32, pinned: Digest, since: DateTime<Utc>) -> validation::Pods {
    let mut seen = validation::Pods { desired, ..validation::Pods::default() };
    for pod in pods.iter().filter(|pod| !pod.terminating) {
        match pod.digest {
            Some(digest) if digest != pinned => seen.wrong_image = seen.wrong_image.saturating_add(1),
            Some(_) if pod.ready => seen.ready = seen.ready.saturating_add(1),
            _ => {}
        }
        seen.restarts = seen.restarts.saturating_add(pod.restarts_since(since));
    }
    seen
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    metadata: ListMetadata,
    items: Vec<Found>,
}

#[derive(Default, Deserialize)]
struct ListMetadata {
    #[serde(default)]
    r#continue: String,
}

#[derive(Deserialize)]
struct Found {
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    deletion_timestamp: Option<DateTime<Utc>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: String,
    start_time: Option<DateTime<Utc>>,
    conditions: Vec<Condition>,
    container_statuses: Vec<Container>,
    init_container_statuses: Vec<Container>,
}

#[derive(Deserialize)]
struct Condition {
    r#type: String,
    status: String,
}

#[derive(Deserialize)]
struct Container {
    name: String,
    #[serde(rename = "imageID", default)]
    image_id: String,
    #[serde(rename = "restartCount", default)]
    restart_count: u32,
    #[serde(default)]
    state: State,
    #[serde(rename = "lastState", default)]
    last_state: State,
}

#[derive(Default, Deserialize)]
struct State {
    running: Option<Running>,
    terminated: Option<Terminated>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Running {
    started_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Terminated {
    finished_at: Option<DateTime<Utc>>,
}

/// Reads the answer to [`Kubernetes::pods`](super::Kubernetes::pods); `container` is the one that is deployed.
///
/// # Errors
/// Returns [`KubernetesError`]. After [`KubernetesError::Expired`] the list is read from the beginning.
pub fn read_pods(response: &Response, container: &str) -> Result<Pods, KubernetesError> {
    let list: List = read(response)?;
    // Pods that have ended stay listed for a while: an evicted one is no pod of the deployment any more.
    let there = list.items.into_iter().filter(|pod| !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed"));
    let pods = there.map(|found| pod(found, container)).collect();
    Ok(Pods { pods, next: Some(list.metadata.r#continue).filter(|next| !next.is_empty()) })
}

fn pod(found: Found, container: &str) -> Pod {
    let Found { metadata, status } = found;
    let ready = status.phase == "Running"
        && status.conditions.iter().any(|condition| condition.r#type == "Ready" && condition.status == "True");
    let own = status.container_statuses.iter().find(|one| one.name == container);
    let every = || status.container_statuses.iter().chain(&status.init_container_statuses);
    Pod {
        name: metadata.name,
        ready,
        terminating: metadata.deletion_timestamp.is_some(),
        digest: own.and_then(|own| digest(&own.image_id)),
        restarts: every().fold(0, |sum: u32, one| sum.saturating_add(one.restart_count)),
        started_at: status.start_time,
        restarted_at: every().filter(|one| one.restart_count > 0).filter_map(restarted_at).max(),
    }
}

/// When a container last began again, or ended when it has not yet.
fn restarted_at(container: &Container) -> Option<DateTime<Utc>> {
    let began = container.state.running.as_ref().and_then(|running| running.started_at);
    let ended = [&container.state, &container.last_state];
    let ended = ended.iter().filter_map(|state| state.terminated.as_ref()?.finished_at).max();
    began.max(ended)
}

/// The digest of `registry/name@sha256:…`, of `docker-pullable://…@sha256:…`, or of `sha256:…` alone.
fn digest(image_id: &str) -> Option<Digest> {
    image_id.rsplit('@').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2024-05-01T{text}Z").parse().unwrap()
    }

    /// A pod as Kubernetes shows it, begun at 10:00.
    fn item(phase: &str, image: &[u8]) -> Value {
        json!({
            "metadata": {"name": "orders-1"},
            "status": {"phase": phase, "startTime": "2024-05-01T10:00:00Z",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [
                    {"name": "api", "imageID": format!("shop.azurecr.io/team/orders@{}", Digest::of(image)),
                     "restartCount": 0, "state": {"running": {"startedAt": "2024-05-01T10:00:02Z"}}, "lastState": {}}]}})
    }

    fn read(items: &[Value]) -> Pods {
        let body = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": "next"}, "items": items});
        read_pods(&Response::of_json(200, &body), "api").unwrap()
    }

    fn counted(items: &[Value]) -> (u32, u32, u32) {
        let seen = count(&read(items).pods, 1, Digest::of(b"good"), at("09:59:00"));
        (seen.ready, seen.wrong_image, seen.restarts)
    }

    #[test]
    fn a_good_pod_counts() {
        assert_eq!(counted(&[item("Running", b"good")]), (1, 0, 0));
        assert_eq!(read(&[]).next.as_deref(), Some("next"));
    }

    #[test]
    fn running_is_not_ready_and_the_wrong_image_is_seen() {
        let mut unready = item("Running", b"good");
        unready["status"]["conditions"][0]["status"] = "False".into();
        assert_eq!(counted(&[unready]), (0, 0, 0));
        assert_eq!(counted(&[item("Pending", b"good")]), (0, 0, 0));
        assert_eq!(counted(&[item("Running", b"bad")]), (0, 1, 0));
        let mut nameless = item("Running", b"good");
        nameless["status"]["containerStatuses"][0]["imageID"] = "".into();
        assert_eq!(counted(&[nameless]), (0, 0, 0), "what does not say what it runs is not ready");
    }

    #[test]
    fn what_ends_or_has_ended_does_not_count() {
        let mut ending = item("Running", b"bad");
        ending["metadata"]["deletionTimestamp"] = "2024-05-01T10:01:00Z".into();
        assert_eq!(counted(&[ending, item("Failed", b"bad"), item("Succeeded", b"bad")]), (0, 0, 0));
    }

    #[test]
    fn restarts_are_counted_since_the_change() {
        let mut restarted = item("Running", b"good");
        restarted["status"]["containerStatuses"][0]["restartCount"] = 3.into();
        assert_eq!(counted(std::slice::from_ref(&restarted)), (1, 0, 3), "a pod younger than the change");
        let of = |pod: &Value, since| read(std::slice::from_ref(pod)).pods[0].restarts_since(at(since));
        assert_eq!(of(&restarted, "10:00:01"), 1, "an older pod, that began again since");
        assert_eq!(of(&restarted, "10:30:00"), 0);
        restarted["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        assert_eq!(of(&restarted, "10:30:00"), 1, "when is not known");
        restarted["status"]["containerStatuses"][0]["lastState"] =
            json!({"terminated": {"exitCode": 1, "finishedAt": "2024-05-01T10:20:00Z"}});
        assert_eq!(of(&restarted, "10:30:00"), 0);
        assert_eq!(of(&restarted, "10:10:00"), 1);
    }
}
