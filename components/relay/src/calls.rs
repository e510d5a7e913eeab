//! Asking the functions.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chat::wire::{JoinRequest, Leave, LeaveRequest, SendRequest, SweepRequest};
use chat::{ErrorCode, NodeName, Problem, Refusal, ServiceRequestId};
use futures_util::FutureExt;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use serde::Serialize;
use uuid::Uuid;

use crate::{CallError, Functions};

/// The header that opens internal routes.
const KEY: &str = "x-hubline-key";

/// How many messages a page of history has.
const PAGE: u32 = 200;

/// How long a relay that starts may be kept from it by preparations.
const REHEARSAL: Duration = Duration::from_secs(1);

/// The functions, and what it takes to be let in.
pub(crate) struct Calls {
    functions: Arc<dyn Functions>,
    node: NodeName,
    incarnation: Uuid,
    key: HeaderValue,
    timeout: Duration,
}

/// Why a function gave no answer to go on with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It was not reached, or didn't answer in time. Whether it did its work is not known.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It says no.
    #[error("the function refuses: {0}")]
    Refused(Refusal),
    /// It failed, or something before it did.
    #[error("the function answers with status {0}")]
    Status(StatusCode),
    /// Its answer makes no sense.
    #[error("the function's answer can't be read: {0}")]
    Answer(#[from] serde_json::Error),
}

impl Failure {
    /// The failure as the client that caused it sees it.
    pub(crate) fn into_refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Call(_) | Self::Status(_) | Self::Answer(_) => {
                ErrorCode::Unavailable.refusal("the service does not answer; try again")
            }
        }
    }
}

impl Calls {
    /// Calls in the name of this node and this run of its relay.
    ///
    /// # Errors
    /// A key that can't stand in a header is refused.
    pub(crate) fn new(
        functions: Arc<dyn Functions>,
        node: NodeName,
        key: &str,
        timeout: Duration,
    ) -> Result<Self, http::header::InvalidHeaderValue> {
        let mut key = HeaderValue::from_str(key)?;
        key.set_sensitive(true);
        Ok(Self { functions, node, incarnation: Uuid::new_v4(), key, timeout })
    }

    /// The node's name.
    pub(crate) fn node(&self) -> &NodeName {
        &self.node
    }

    /// Sends a batch of nothing, for which the function prepares itself and its database.
    pub(crate) async fn rehearse(&self) -> Result<(), Failure> {
        let request = SendRequest { node: Some(self.node.clone()), tokens: Vec::new(), items: Vec::new() };
        self.internal("/internal/messages", json(&request)?, REHEARSAL.min(self.timeout)).await.map(drop)
    }

    /// Sends a batch that is encoded already.
    pub(crate) async fn send(&self, batch: Bytes, timeout: Duration) -> Result<Bytes, Failure> {
        self.internal("/internal/messages", batch, timeout.min(self.timeout)).await
    }

    /// Joins a conversation in a user's name.
    pub(crate) async fn join(
        &self,
        token: &str,
        id: &str,
        after_seq: Option<i64>,
        epoch: Option<&str>,
    ) -> Result<Bytes, Failure> {
        let request = JoinRequest {
            node: self.node.clone(),
            incarnation: self.incarnation,
            token: token.to_owned(),
            service_request_id: id.to_owned(),
            after_seq,
            epoch: epoch.map(str::to_owned),
        };
        self.internal("/internal/join", json(&request)?, self.timeout).await
    }

    /// Takes back the registration of users who follow conversations here no longer.
    pub(crate) async fn leave(&self, left: Vec<Leave>) -> Result<(), Failure> {
        let request = LeaveRequest { node: self.node.clone(), incarnation: self.incarnation, left };
        self.internal("/internal/leave", json(&request)?, self.timeout).await.map(drop)
    }

    /// Asks which of these conversations are at another version.
    pub(crate) async fn sweep(&self, conversations: Vec<(ServiceRequestId, i64)>) -> Result<Bytes, Failure> {
        let request = SweepRequest { node: self.node.clone(), incarnation: self.incarnation, conversations };
        self.internal("/internal/sweep", json(&request)?, self.timeout).await
    }

    /// Reads a page of history in a user's name.
    pub(crate) async fn history(&self, token: &str, id: &ServiceRequestId, after: i64) -> Result<Bytes, Failure> {
        let uri = format!("/internal/service-requests/{id}/messages?afterSeq={after}&limit={PAGE}");
        let mut bearer = header(&format!("Bearer {token}"))?;
        bearer.set_sensitive(true);
        let request = Request::builder().method(Method::GET).uri(uri).header(AUTHORIZATION, bearer).body(Bytes::new());
        self.call(request, self.timeout).await
    }

    async fn internal(&self, path: &'static str, body: Bytes, timeout: Duration) -> Result<Bytes, Failure> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(KEY, self.key.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body);
        self.call(request, timeout).await
    }

    async fn call(&self, request: http::Result<Request<Bytes>>, timeout: Duration) -> Result<Bytes, Failure> {
        let request = request.map_err(|error| CallError::new(error.to_string()))?;
        // Whatever happens to a function, the lane or sweep that has called it goes on.
        let call = AssertUnwindSafe(self.functions.call(request)).catch_unwind();
        let answer = tokio::time::timeout(timeout, call).await.map_err(|_| CallError::new("it takes too long"))?;
        let response = answer.map_err(|_| CallError::new("it panicked"))??;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => match serde_json::from_slice::<Problem>(response.body()) {
                Ok(problem) => Err(Failure::Refused(problem.into())),
                Err(_) => Err(Failure::Status(status)),
            },
        }
    }
}

fn json(request: &impl Serialize) -> Result<Bytes, Failure> {
    Ok(serde_json::to_vec(request)?.into())
}

fn header(text: &str) -> Result<HeaderValue, CallError> {
    HeaderValue::from_str(text).map_err(|error| CallError::new(error.to_string()))
}
