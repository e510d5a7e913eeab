//! The application as its users see it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::uri::Authority;
use http::{Request, Response};
use supervisor::{Ended, Tasks};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

use crate::application::Application;
use crate::{FireError, LoadError, Options};

/// A loaded application; cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    application: Arc<Application>,
}

impl Runtime {
    /// Reads the manifest, compiles its components (or finds them in the cache) and links them.
    ///
    /// # Errors
    /// A manifest that is not understood, a component that is missing or asks for what this runtime does not have.
    pub async fn load(options: Options) -> Result<Self, LoadError> {
        let loaded = spawn_blocking(move || Application::load(&options)).await;
        let application = loaded.map_err(|error| LoadError::Setup(error.to_string()))??;
        Ok(Self { application })
    }

    /// Answers one HTTP request by the component whose route matches.
    ///
    /// Always answers: a route that does not exist is a 404, a trap a 500, a call out of time a 504, no room a 503,
    /// each as `application/problem+json`. Private routes do not exist here.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.application.handle(request).await
    }

    /// Has requests of components to this address, over plain HTTP, answered by a server in this process: what the manifest
    /// allows them is asked first, as ever. There can be one; it had better be known before the triggers start.
    pub fn adopt(
        &self,
        authority: Authority,
        answer: impl Fn(Request<Bytes>) -> BoxFuture<'static, Response<Bytes>> + Send + Sync + 'static,
    ) {
        self.application.neighbour().moves_in(authority, Box::new(answer));
    }

    /// Starts the Redis and cron triggers, until `stop`; the handle ends when what they had begun has ended too. Before `stop` it
    /// ends with what has ended and must not: a trigger, or what bounds the time of guests.
    pub fn start_triggers(&self, stop: CancellationToken) -> JoinHandle<Result<(), Ended>> {
        let mut running = Tasks::new();
        for subscriber in self.application.subscribers() {
            let (subscriber, stop) = (Arc::clone(subscriber), stop.clone());
            let name = format!("subscriber of {}", subscriber.server());
            running.spawn(name, async move { subscriber.run(stop).await });
        }
        for (component, scheduled, schedule) in self.application.schedules() {
            let stop = stop.clone();
            running.spawn(format!("schedule of {component}"), async move { scheduled.run(&schedule, stop).await });
        }
        let (ticking, until) = (self.application.ticking().clone(), stop.clone());
        running.spawn("clock of guests", async move {
            tokio::select! {
                () = ticking.cancelled() => {}
                () = until.cancelled() => {}
            }
        });
        let application = Arc::clone(&self.application);
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                ended = running.first_end() => return Err(ended),
            }
            let rested = running.rest().await;
            for listener in application.listeners() {
                listener.rest().await;
            }
            rested
        })
    }

    /// Runs a scheduled component once, now.
    ///
    /// # Errors
    /// When no cron trigger names it, or it fails.
    pub async fn fire(&self, component: &str) -> Result<(), FireError> {
        match self.application.scheduled(component) {
            Some(scheduled) => scheduled.fire().await,
            None => Err(FireError::Unknown(component.to_owned())),
        }
    }

    /// What has happened so far, as Prometheus text.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.application.metrics()
    }
}
