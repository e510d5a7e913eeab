//! The process's own pages: is it there, is it ready, what has it done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use chat::ErrorCode;
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use relay::Unfit;

use crate::problem::problem;

/// How long a check of readiness may take: the functions have less, so that they can say what is wrong.
const CHECK: Duration = Duration::from_millis(3500);

/// Answers whether what this process cannot work without is there.
pub type Check = Arc<dyn Fn() -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>;

/// Collects what the parts have counted, as Prometheus text.
pub type Metrics = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// What the pages show.
#[derive(Clone)]
pub struct Health {
    check: Check,
    metrics: Metrics,
    draining: Arc<AtomicBool>,
}

impl Health {
    /// Pages over a check and metrics.
    pub fn new(check: Check, metrics: Metrics) -> Self {
        Self { check, metrics, draining: Arc::default() }
    }

    /// Not ready from now on: balancers send clients elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// `/healthz`: the process runs.
    pub async fn alive() -> &'static str {
        "ok\n"
    }

    /// `/readyz`: it can do its work.
    pub async fn ready(State(health): State<Self>) -> Response<Body> {
        if health.draining.load(Ordering::Relaxed) {
            return problem(ErrorCode::Unavailable, "this node is about to stop");
        }
        match tokio::time::timeout(CHECK, (health.check)()).await {
            Ok(Ok(())) => "ready\n".into_response(),
            Ok(Err(error)) => {
                tracing::warn!("not ready: {error:#}");
                // What names no address and no secret may be told to whoever asks.
                let told = error.downcast_ref::<Unfit>().map(Unfit::to_string);
                problem(ErrorCode::Unavailable, told.as_deref().unwrap_or("what this node works with does not answer"))
            }
            Err(_) => problem(ErrorCode::Unavailable, "what this node works with takes too long to answer"),
        }
    }

    /// `/metrics`: for Prometheus.
    pub async fn metrics(State(health): State<Self>) -> Response<Body> {
        let mut response = Response::new(Body::from((health.metrics)().await));
        let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, format);
        response
    }
}
