//! A component that answers HTTP requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use wasmtime::Store;
use wasmtime::component::{Accessor, InstancePre};

use crate::answer::Failure;
use crate::entrance::{Entered, Entrance};
use crate::instance_pool::{Guest, InstancePool, Reuse};
use crate::metrics::{Calls, Outcome};
use crate::scope::Scope;
use crate::state::State;

/// An HTTP function.
pub(crate) struct Function {
    pool: Arc<InstancePool<Answering>>,
    /// Where calls are repeated whose instance broke: each alone, so that the one which breaks it breaks no other.
    cells: Arc<InstancePool<Answering>>,
    told: bool,
    gate: Semaphore,
    calls: Arc<Calls>,
    limit: Duration,
}

impl Function {
    /// Makes a function of a component that exports `wasi:http/handler`.
    pub fn new(pre: InstancePre<State>, scope: Arc<Scope>, calls: Arc<Calls>) -> wasmtime::Result<Self> {
        let limits = &scope.services.limits;
        let (gate, limit) = (Semaphore::new(limits.calls), limits.call);
        let usual = Reuse { calls: limits.reuse, at_once: limits.concurrency };
        let engine = pre.engine().clone();
        let entrance = Entrance::of(pre, scope.services.standard)?;
        let told = !entrance.is_own();
        calls.entered_by(&scope.name, if told { "wasi:http/handler" } else { "hubline:functions/exchange" });
        let pool = |reuse| {
            let guest = Answering { entrance: entrance.clone(), scope: Arc::clone(&scope) };
            Arc::new(InstancePool::new(guest, &engine, Arc::clone(&scope), Arc::clone(&calls), reuse))
        };
        let (pool, cells) = (pool(usual), pool(Reuse { calls: 1, at_once: 1 }));
        Ok(Self { pool, cells, told, gate, calls, limit })
    }

    /// Whether a request brings along what Spin tells of the route that led here: only by the standard way.
    pub fn is_told_of_routes(&self) -> bool {
        self.told
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
        match (self.pool.call(request).await, again) {
            (Err(Failure::Interrupted), Some(request)) => self.cells.call(request).await,
            (outcome, _) => outcome,
        }
    }
}

/// What an instance of an HTTP function does.
struct Answering {
    entrance: Entrance,
    scope: Arc<Scope>,
}

impl Guest for Answering {
    type Instance = Entered;
    type Task = Request<Bytes>;
    type Output = Response<Bytes>;

    async fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Entered> {
        self.entrance.instantiate(store).await
    }

    async fn serve(
        &self,
        accessor: &Accessor<State>,
        entered: &Entered,
        request: Request<Bytes>,
    ) -> wasmtime::Result<Result<Response<Bytes>, Failure>> {
        let head = *request.method() == Method::HEAD;
        let answer = entered.ask(accessor, &self.scope, request).await?;
        Ok(answer.map(|response| complete(response, head)))
    }
}

/// Says how long a body is.
fn complete(mut response: Response<Bytes>, head: bool) -> Response<Bytes> {
    let status = response.status();
    let bodiless = status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if !head && !bodiless {
        let length = HeaderValue::from(response.body().len());
        response.headers_mut().insert(CONTENT_LENGTH, length);
    }
    response
}
