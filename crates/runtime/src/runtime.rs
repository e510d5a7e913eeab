//! The application as its users see it.

use bytes::Bytes;
use http::{Request, Response};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{FireError, LoadError, Options};

/// A loaded application; cheap to clone.
#[derive(Clone)]
pub struct Runtime {}

impl Runtime {
    /// Reads the manifest, compiles its components (or finds them in the cache) and links them.
    ///
    /// # Errors
    /// A manifest that is not understood, a component that is missing or asks for what this runtime does not have.
    pub async fn load(options: Options) -> Result<Self, LoadError> {
        let _ = options;
        Ok(Self {})
    }

    /// Answers one HTTP request by the component whose route matches.
    ///
    /// Always answers: a route that does not exist is a 404, a trap a 500, a call out of time a 504, each as
    /// `application/problem+json`. Private routes do not exist here.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let _ = request;
        Response::new(Bytes::new())
    }

    /// Starts the Redis and cron triggers, until `stop`; the handle ends when what they had begun has ended too.
    pub fn start_triggers(&self, stop: CancellationToken) -> JoinHandle<()> {
        tokio::spawn(async move { stop.cancelled().await })
    }

    /// Runs a scheduled component once, now.
    ///
    /// # Errors
    /// When no cron trigger names it, or it fails.
    pub async fn fire(&self, component: &str) -> Result<(), FireError> {
        Err(FireError::Unknown(component.to_owned()))
    }

    /// What has happened so far, as Prometheus text.
    #[must_use]
    pub fn metrics(&self) -> String {
        String::new()
    }
}
