//! The life of an instance that answers HTTP requests.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep, sleep_until};
use wasmtime::component::GuestTaskId;
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::metrics::Calls;
use crate::pulse::Pulse;
use crate::scope::Scope;
use crate::state::State;

/// Makes instances of one component when they are needed.
pub(crate) struct Workers {
    engine: Engine,
    pre: ProxyPre<State>,
    scope: Arc<Scope>,
    calls: Arc<Calls>,
}

impl Workers {
    pub fn new(pre: ServicePre<State>, scope: Arc<Scope>, calls: Arc<Calls>) -> Self {
        Self { engine: pre.engine().clone(), pre: ProxyPre::P3(pre), scope, calls }
    }
}

impl HandlerState for Workers {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<State, Expiration, Worker>> {
        let limits = &self.scope.services.limits;
        let mut store = State::store(&self.engine, &self.scope);
        let proxy = self.pre.instantiate_async(&mut store).await?;
        self.calls.instance_began();
        Ok(Instance {
            proxy,
            view: WasiHttpView::http,
            expiration: Expiration {
                idle: limits.idle,
                call: limits.call,
                pulse: Arc::clone(&store.data().pulse),
                timer: Box::pin(sleep(limits.idle)),
            },
            state: Worker {
                name: Arc::clone(&self.scope.name),
                calls: Arc::clone(&self.calls),
                limit: limits.call,
                reuse: limits.reuse,
                concurrency: limits.concurrency,
            },
            store,
        })
    }
}

/// When an instance has to go.
pub(crate) struct Expiration {
    idle: Duration,
    call: Duration,
    pulse: Arc<Pulse>,
    timer: Pin<Box<Sleep>>,
}

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        // Polled whenever the store has handed its thread back.
        self.pulse.rest();
        let allowed = match status {
            WorkerStatus::Idle => self.idle,
            WorkerStatus::Requests | WorkerStatus::PostReturn => self.call,
        };
        let deadline = tokio::time::Instant::from_std(start + allowed);
        // The deadline moves with every request; a timer that rings too early is set anew only then.
        if deadline < self.timer.deadline() {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if deadline <= tokio::time::Instant::now() {
                return Poll::Ready(());
            }
            self.timer.set(sleep_until(deadline));
        }
        Poll::Pending
    }
}

/// One instance at work.
pub(crate) struct Worker {
    name: Arc<str>,
    calls: Arc<Calls>,
    limit: Duration,
    reuse: usize,
    concurrency: usize,
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.reuse {
            ShouldAccept::Never
        } else if concurrent >= self.concurrency {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, State>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(sleep(self.limit))
    }

    fn drop(&self, store: Store<State>, result: wasmtime::Result<()>) {
        drop(store);
        self.calls.instance_ended(result.is_err());
        if let Err(error) = result {
            tracing::error!(component = &*self.name, error = format!("{error:#}"), "an instance was ended");
        }
    }
}
