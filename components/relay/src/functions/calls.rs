//! Asking the functions.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chat::wire::{
    Follower, Held, Inventory, IssuerKeys, JoinRequest, KeysRequest, Leave, LeaveRequest, LimitsRequest, RelayKey,
    Secrets, SendRequest, SweepRequest, Taken,
};
use chat::{ErrorCode, NodeName, Problem, Refusal, ServiceRequestId};
use futures_util::FutureExt;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use serde::Serialize;
use uuid::Uuid;

use crate::hub::Caller;
use crate::{CallError, Functions};

/// How many messages a page of history has.
const PAGE: u32 = 200;

/// How long a relay that starts may be kept from it by preparations.
const REHEARSAL: Duration = Duration::from_secs(1);

/// How long the functions may take to say what the issuer's keys are: they may have to ask it, or wait for who does.
const KEYS: Duration = Duration::from_millis(3500);

/// The functions, and what it takes to be let in.
pub(crate) struct Calls {
    functions: Arc<dyn Functions>,
    node: NodeName,
    incarnation: Uuid,
    /// What opens their internal routes: the new key, and while it is being exchanged the old one.
    keys: Vec<HeaderValue>,
    /// Which of them was taken last.
    taken: AtomicUsize,
    /// Whether all of them were refused the last time.
    refused: AtomicBool,
    timeout: Duration,
}

/// Why a function gave no answer to go on with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It was not reached, or didn't answer in time. Whether it did its work is not known.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It does not know this relay.
    #[error("the functions refuse this relay's key: relay_key is another one there")]
    Key,
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
            // That the relay is a stranger to the functions is nothing that a user's token could mend.
            Self::Call(_) | Self::Key | Self::Status(_) | Self::Answer(_) => {
                ErrorCode::Unavailable.refusal("the service does not answer; try again")
            }
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        if RelayKey::is_refused(&refusal) { Self::Key } else { Self::Refused(refusal) }
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
        keys: &Secrets,
        timeout: Duration,
    ) -> Result<Self, http::header::InvalidHeaderValue> {
        let header = |key: &str| {
            let mut value = HeaderValue::from_str(key)?;
            value.set_sensitive(true);
            Ok(value)
        };
        let (taken, refused) = (AtomicUsize::new(0), AtomicBool::new(false));
        let keys = keys.all().map(header).collect::<Result<_, _>>()?;
        Ok(Self { functions, node, incarnation: Uuid::new_v4(), keys, taken, refused, timeout })
    }

    /// Whether the functions don't know this relay.
    pub(crate) fn are_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// The node's name.
    pub(crate) fn node(&self) -> &NodeName {
        &self.node
    }

    /// Sends a batch of nothing, for which the function prepares itself and its database.
    pub(crate) async fn rehearse(&self) -> Result<(), Failure> {
        let node = Some(self.node.clone());
        let request = SendRequest { node, patience: None, tokens: Vec::new(), vouchers: Vec::new(), items: Vec::new() };
        self.internal("/internal/messages", json(&request)?, REHEARSAL.min(self.timeout)).await.map(drop)
    }

    /// Sends a batch that is encoded already.
    pub(crate) async fn send(&self, batch: Bytes, timeout: Duration) -> Result<Bytes, Failure> {
        self.internal("/internal/messages", batch, timeout.min(self.timeout)).await
    }

    /// Joins a conversation in a user's name.
    pub(crate) async fn join(
        &self,
        caller: &Caller,
        id: &str,
        after_seq: Option<i64>,
        epoch: Option<&str>,
    ) -> Result<Bytes, Failure> {
        let request = JoinRequest {
            node: self.node.clone(),
            incarnation: self.incarnation,
            token: caller.token.to_string(),
            voucher: caller.voucher().map(|voucher| voucher.to_string()),
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

    /// Asks what is otherwise than is known of these conversations, after registering these followers.
    pub(crate) async fn sweep(
        &self,
        conversations: Vec<Held>,
        followers: Vec<Follower>,
        inventory: Option<Inventory>,
    ) -> Result<Bytes, Failure> {
        let (node, incarnation) = (self.node.clone(), self.incarnation);
        let request = SweepRequest { node, incarnation, conversations, followers, inventory };
        self.internal("/internal/sweep", json(&request)?, self.timeout).await
    }

    /// Tells what users and addresses have taken here, and asks what is left.
    pub(crate) async fn limits(&self, taken: Vec<Taken>) -> Result<Bytes, Failure> {
        self.internal("/internal/limits", json(&LimitsRequest { taken })?, self.timeout).await
    }

    /// Asks by which keys of the issuer tokens hold. `unknown` says that somebody shows a key that is not known here.
    pub(crate) async fn keys(&self, unknown: bool) -> Result<IssuerKeys, Failure> {
        let answer = self.internal("/internal/keys", json(&KeysRequest { unknown })?, KEYS).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Reads a page of history in a user's name.
    pub(crate) async fn history(&self, token: &str, id: &ServiceRequestId, after: i64) -> Result<Bytes, Failure> {
        let uri = format!("/internal/service-requests/{id}/messages?afterSeq={after}&limit={PAGE}");
        let mut bearer = header(&format!("Bearer {token}"))?;
        bearer.set_sensitive(true);
        let request = Request::builder().method(Method::GET).uri(uri).header(AUTHORIZATION, bearer).body(Bytes::new());
        self.call(request, self.timeout).await
    }

    /// Calls an internal route, by the other key when one is refused.
    async fn internal(&self, path: &'static str, body: Bytes, timeout: Duration) -> Result<Bytes, Failure> {
        let first = self.taken.load(Ordering::Relaxed);
        for turn in 0..self.keys.len() {
            let index = (first + turn) % self.keys.len();
            let Some(key) = self.keys.get(index) else { continue };
            let answer = self.by_key(key, path, body.clone(), timeout).await;
            match &answer {
                Err(Failure::Key) => continue,
                // A function that can't work may say so before it looks at the key.
                Ok(_) => self.note(index),
                Err(Failure::Refused(refusal)) if refusal.code != ErrorCode::Unavailable => self.note(index),
                Err(_) => {}
            }
            return answer;
        }
        if !self.refused.swap(true, Ordering::Relaxed) {
            tracing::error!("{}", Failure::Key);
        }
        Err(Failure::Key)
    }

    /// Takes note of a key that was taken.
    fn note(&self, index: usize) {
        if self.taken.load(Ordering::Relaxed) != index {
            self.taken.store(index, Ordering::Relaxed);
        }
        if self.are_refused() && self.refused.swap(false, Ordering::Relaxed) {
            tracing::info!("the functions take this relay's key");
        }
    }

    async fn by_key(
        &self,
        key: &HeaderValue,
        path: &'static str,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, Failure> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(RelayKey::HEADER, key.clone())
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
                Ok(problem) => Err(Refusal::from(problem).into()),
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
