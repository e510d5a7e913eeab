//! A component that answers HTTP requests, and its instances.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use wasmtime::component::InstancePre;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError, ProxyHandler, TrapOrPanicError};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::answer::Failure;
use crate::metrics::{Calls, Outcome};
use crate::scope::Scope;
use crate::state::State;
use crate::worker::Workers;

/// What a call may take beyond its limit before the runtime stops waiting: the instance has its own clock.
const GRACE: Duration = Duration::from_millis(250);

/// An HTTP function.
pub(crate) struct Function {
    name: Arc<str>,
    handler: ProxyHandler<Workers>,
    gate: Semaphore,
    calls: Arc<Calls>,
    limit: Duration,
    body: usize,
}

impl Function {
    /// Makes a function of a component that exports `wasi:http/handler`.
    pub fn new(pre: InstancePre<State>, scope: Arc<Scope>, calls: Arc<Calls>) -> wasmtime::Result<Self> {
        let limits = &scope.services.limits;
        Ok(Self {
            name: Arc::clone(&scope.name),
            gate: Semaphore::new(limits.calls),
            limit: limits.call,
            body: limits.body,
            handler: ProxyHandler::new(Workers::new(ServicePre::new(pre)?, scope, Arc::clone(&calls))),
            calls,
        })
    }

    /// Answers one request, whatever happens.
    pub async fn call(&self, request: Request<Bytes>) -> Response<Bytes> {
        let start = Instant::now();
        let outcome = match timeout(self.limit + GRACE, self.attempts(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::Overtime),
        };
        let outcome = outcome.unwrap_or_else(|failure| {
            self.calls.failed(failure);
            failure.answer()
        });
        self.calls.ended(Outcome::of(outcome.status()), start.elapsed());
        outcome
    }

    /// Runs a call, and once more if another call's trap ended it and it does no harm to repeat it.
    async fn attempts(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        let _permit = match timeout(self.limit / 2, self.gate.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) | Err(_) => return Err(Failure::Busy),
        };
        let again = [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS]
            .contains(request.method())
            .then(|| request.clone());
        match (self.attempt(request).await, again) {
            (Err(Failure::Interrupted), Some(request)) => self.attempt(request).await,
            (outcome, _) => outcome,
        }
    }

    async fn attempt(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        let head = *request.method() == Method::HEAD;
        let request = request.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync());
        let response = self.handler.handle((), request).await.map_err(|error| self.failure(&error))?;
        self.complete(response, head).await
    }

    /// Waits for the whole body, and says how long it is.
    async fn complete(&self, response: Response<WasiBody>, head: bool) -> Result<Response<Bytes>, Failure> {
        let (mut parts, body) = response.into_parts();
        let body = match Limited::new(body, self.body).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => return Err(Failure::TooLarge),
            Err(error) => {
                tracing::error!(component = &*self.name, %error, "a function broke off in the middle of its answer");
                return Err(Failure::Trapped);
            }
        };
        let bodiless = parts.status.is_informational()
            || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if !head && !bodiless {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        Ok(Response::from_parts(parts, body))
    }

    fn failure(&self, error: &wasmtime::Error) -> Failure {
        if error.is::<ExpirationError>() {
            return Failure::Overtime;
        }
        if error.is::<TrapOrPanicError>() {
            return Failure::Interrupted;
        }
        tracing::error!(component = &*self.name, error = format!("{error:#}"), "a function failed");
        match error.is::<InstantiationError<()>>() {
            true => Failure::Busy,
            false => Failure::Trapped,
        }
    }
}
