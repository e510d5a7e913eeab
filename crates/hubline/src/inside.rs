//! What relays see of functions that run without one: every route, the internal ones too.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::get;
use http::Response;
use relay::Functions;

use crate::health::Health;
use crate::public::hand_over;

/// Where Spin answers by itself.
const HEALTH: &str = "/.well-known/spin/health";

/// The largest body: a relay's batch has 64 messages with the token of each one's user.
const BODY: usize = 2 * 1024 * 1024;

/// The router of functions without a relay. Internal routes ask for the relay's key themselves.
pub fn router(functions: Arc<dyn Functions>, health: Health) -> Router {
    let process = Router::new()
        .route(HEALTH, get(|| async { "OK" }))
        .route("/healthz", get(Health::alive))
        .route("/readyz", get(Health::ready))
        .route("/metrics", get(Health::metrics))
        .with_state(health);
    Router::new().fallback(pass_on).with_state(functions).merge(process)
}

async fn pass_on(State(functions): State<Arc<dyn Functions>>, request: Request) -> Response<Body> {
    hand_over(functions.as_ref(), request, BODY).await
}
