//! Kubernetes: what a deployment and its pods are like. Nothing here changes anything.

mod deployment;
mod pod;

use serde::Deserialize;

use crate::{Rejection, Request, Response, Retry, Secret, Words, address, fault::faults};

pub use deployment::{Deployment, Rollout, read_deployment};
pub use pod::{Pod, Pods, count, read_pods};

/// How many pods are on a page.
const PAGE: &str = "200";

/// A namespace of a cluster, and how it is reached.
#[derive(Clone, Debug)]
pub struct Kubernetes {
    api: String,
    namespace: String,
    token: Secret,
}

/// Why the cluster gave no answer that can be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KubernetesError {
    /// The API did not take the request.
    #[error(transparent)]
    Rejected(Rejection),
    /// The deployment has no container of the name.
    #[error("the deployment has no container {0}")]
    NoContainer(String),
    /// The list has changed too much to be read on from here: it must be read from the beginning.
    #[error("the list must be read from the beginning{0}")]
    Expired(Words),
}

faults!(KubernetesError, "kubernetes", {
    Self::NoContainer(_) => ("no_container", Retry::Never, Refused),
    Self::Expired(_) => ("expired", Retry::Later(None), TimedOut),
});

impl Kubernetes {
    /// A namespace of the cluster whose API is at this address, and the token of a service account that reads there.
    #[must_use]
    pub fn new(api: &str, namespace: &str, token: Secret) -> Self {
        Self { api: api.to_owned(), namespace: namespace.to_owned(), token }
    }

    /// A deployment. Read the answer with [`read_deployment`].
    #[must_use]
    pub fn deployment(&self, name: &str) -> Request {
        self.get(&format!("apis/apps/v1/{}/deployments/{}", self.place(), address::escaped(name)))
    }

    /// The pods that a selector finds ([`Deployment::selector`]), from where a page before left off. Read the answer with
    /// [`read_pods`].
    #[must_use]
    pub fn pods(&self, selector: &str, from: Option<&str>) -> Request {
        let mut pairs = vec![("labelSelector", selector), ("limit", PAGE)];
        pairs.extend(from.map(|from| ("continue", from)));
        self.get(&format!("api/v1/{}/pods?{}", self.place(), address::pairs(pairs)))
    }

    fn place(&self) -> String {
        format!("namespaces/{}", address::escaped(&self.namespace))
    }

    fn get(&self, path: &str) -> Request {
        Request::get(address::under(&self.api, path)).header("accept", "application/json").bearer(&self.token)
    }
}

/// What the API says when it refuses.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    reason: String,
    message: String,
}

/// The body of a good answer.
fn read<T: serde::de::DeserializeOwned>(response: &Response) -> Result<T, KubernetesError> {
    if response.status == 200 {
        return Ok(response.json()?);
    }
    let status: Status = response.json().unwrap_or_default();
    if response.status == 410 || status.reason == "Expired" {
        return Err(KubernetesError::Expired(Words::new(&status.message)));
    }
    Err(Rejection::of(response, &status.message).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Fault;

    #[test]
    fn it_only_reads_and_only_in_its_namespace() {
        let cluster = Kubernetes::new("https://cluster:6443/", "shop", "canary".into());
        let deployment = cluster.deployment("orders");
        assert_eq!(deployment.subject(), "GET https://cluster:6443/apis/apps/v1/namespaces/shop/deployments/orders");
        let pods = cluster.pods("app=orders,tier in (a,b)", Some("x=="));
        assert_eq!(
            pods.url,
            "https://cluster:6443/api/v1/namespaces/shop/pods?labelSelector=app%3Dorders%2Ctier%20in%20%28a%2Cb%29\
             &limit=200&continue=x%3D%3D"
        );
        let broken_out = cluster.deployment("../../secrets");
        assert!(broken_out.url.ends_with("/deployments/..%2F..%2Fsecrets"));
    }

    #[test]
    fn each_error_has_its_name() {
        let error = |status, reason: &str| {
            let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
                "message": "deployments.apps \"orders\" is forbidden", "code": status});
            read_pods(&Response::of_json(status, &body), "api").unwrap_err().code()
        };
        assert_eq!(error(401, "Unauthorized"), "login_refused");
        assert_eq!(error(403, "Forbidden"), "forbidden");
        assert_eq!(error(404, "NotFound"), "not_found");
        assert_eq!(error(410, "Expired"), "expired");
        assert_eq!(error(429, "TooManyRequests"), "rate_limited");
        assert_eq!(error(504, "Timeout"), "unavailable");
    }
}
