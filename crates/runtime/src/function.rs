//! A component that answers HTTP requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use wasmtime::Store;
use wasmtime::component::{Accessor, InstancePre};
use wasmtime_wasi_http::p3;
use wasmtime_wasi_http::p3::bindings::{Service, ServicePre};
use wasmtime_wasi_http::{Error, FieldMap, WasiBody, WasiHttpView};

use crate::answer::Failure;
use crate::crew::{Crew, Role, Shift};
use crate::metrics::{Calls, Outcome};
use crate::scope::Scope;
use crate::state::State;

/// An HTTP function.
pub(crate) struct Function {
    crew: Arc<Crew<Answering>>,
    /// Where calls are repeated whose instance broke: each alone, so that the one which breaks it breaks no other.
    cells: Arc<Crew<Answering>>,
    gate: Semaphore,
    calls: Arc<Calls>,
    limit: Duration,
}

impl Function {
    /// Makes a function of a component that exports `wasi:http/handler`.
    pub fn new(pre: InstancePre<State>, scope: Arc<Scope>, calls: Arc<Calls>) -> wasmtime::Result<Self> {
        let limits = &scope.services.limits;
        let (gate, limit, body) = (Semaphore::new(limits.calls), limits.call, limits.body);
        let usual = Shift { calls: limits.reuse, at_once: limits.concurrency };
        let engine = pre.engine().clone();
        let pre = ServicePre::new(pre)?;
        let crew = |shift| {
            let role = Answering { pre: pre.clone(), name: Arc::clone(&scope.name), body };
            Arc::new(Crew::new(role, &engine, Arc::clone(&scope), Arc::clone(&calls), shift))
        };
        let (crew, cells) = (crew(usual), crew(Shift { calls: 1, at_once: 1 }));
        Ok(Self { crew, cells, gate, calls, limit })
    }

    /// Answers one request, whatever happens.
    pub async fn call(&self, request: Request<Bytes>) -> Response<Bytes> {
        let start = Instant::now();
        let outcome = match self.admitted(request).await {
            Ok(response) => response,
            Err(failure) => {
                self.calls.failed(failure);
                failure.answer()
            }
        };
        self.calls.ended(Outcome::of(outcome.status()), start.elapsed());
        outcome
    }

    /// Waits for room, half of a call's time at most, and makes the call.
    async fn admitted(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        let Ok(Ok(_permit)) = timeout(self.limit / 2, self.gate.acquire()).await else { return Err(Failure::Busy) };
        timeout(self.limit * 2, self.attempts(request)).await.unwrap_or(Err(Failure::Overtime))
    }

    /// Makes a call, and once more if another call broke its instance and it does no harm to repeat it.
    async fn attempts(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        let again = [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS]
            .contains(request.method())
            .then(|| request.clone());
        match (self.crew.call(request).await, again) {
            (Err(Failure::Interrupted), Some(request)) => self.cells.call(request).await,
            (outcome, _) => outcome,
        }
    }
}

/// What an instance of an HTTP function does.
struct Answering {
    pre: ServicePre<State>,
    name: Arc<str>,
    body: usize,
}

impl Role for Answering {
    type Instance = Service;
    type Task = Request<Bytes>;
    type Output = Response<Bytes>;

    async fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Service> {
        self.pre.instantiate_async(store).await
    }

    async fn serve(
        &self,
        accessor: &Accessor<State>,
        service: &Service,
        request: Request<Bytes>,
    ) -> wasmtime::Result<Result<Response<Bytes>, Failure>> {
        let head = *request.method() == Method::HEAD;
        let (parts, body) = request.into_parts();
        let uri = parts.uri.into_parts();
        let headers = accessor.with(|mut access| FieldMap::new_immutable(access.get().http().hooks, parts.headers));
        let (request, sent) = p3::Request::new(
            parts.method,
            uri.scheme,
            uri.authority,
            uri.path_and_query,
            headers,
            None,
            Full::new(body).map_err(|never| -> Error { match never {} }),
        );
        let response = match service.handle(accessor, request).await? {
            Ok(response) => response,
            Err(code) => {
                tracing::error!(component = &*self.name, ?code, "a function answered with an error");
                return Ok(Err(Failure::Trapped));
            }
        };
        let response = accessor.with(|access| response.into_http(access, sent))?;
        Ok(self.complete(response, head).await)
    }
}

impl Answering {
    /// Waits for the whole body, and says how long it is.
    async fn complete(&self, response: Response<WasiBody>, head: bool) -> Result<Response<Bytes>, Failure> {
        let (mut parts, body) = response.into_parts();
        let body = match Limited::new(body, self.body).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(Failure::TooLarge),
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
}
