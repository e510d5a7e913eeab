//! A component that is called with messages, and its instances.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use wasmtime::component::{Accessor, InstancePre};

use crate::answer::Failure;
use crate::bindings::redis_function::{RedisFunction, RedisFunctionPre};
use crate::metrics::{Calls, Outcome};
use crate::scope::Scope;
use crate::state::State;

/// How many messages wait; one that finds no room is lost, as it would be if nobody listened.
const QUEUE: usize = 4096;

/// How many instances work side by side: one that computes must not hold the others up.
const INSTANCES: usize = 2;

/// A function with a Redis trigger.
pub(crate) struct Listener {
    scope: Arc<Scope>,
    pre: RedisFunctionPre<State>,
    calls: Arc<Calls>,
    queue: mpsc::Sender<Vec<u8>>,
    waiting: Mutex<mpsc::Receiver<Vec<u8>>>,
}

impl Listener {
    /// Makes a listener of a component that exports `spin:redis/inbound-redis`.
    pub fn new(pre: InstancePre<State>, scope: Arc<Scope>, calls: Arc<Calls>) -> wasmtime::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        Ok(Self { scope, pre: RedisFunctionPre::new(pre)?, calls, queue, waiting: Mutex::new(waiting) })
    }

    /// Takes a message in; it is handled when its turn comes.
    pub fn hear(&self, message: Vec<u8>) {
        if self.queue.try_send(message).is_err() {
            tracing::warn!(component = &*self.scope.name, "a message is lost: too many are waiting");
            self.calls.failed(Failure::Busy);
        }
    }

    /// Handles messages until `stop`; returns when those that had begun are done.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut workers = JoinSet::new();
        for _ in 0..INSTANCES {
            let (listener, stop) = (Arc::clone(&self), stop.clone());
            workers.spawn(async move {
                while let Some(first) = listener.next(&stop).await {
                    listener.work(first, &stop).await;
                }
            });
        }
        workers.join_all().await;
    }

    /// The next message; none once it is time to stop.
    async fn next(&self, stop: &CancellationToken) -> Option<Vec<u8>> {
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            message = async { self.waiting.lock().await.recv().await } => message,
        }
    }

    /// Makes an instance and gives it messages, until it has had enough of them.
    async fn work(&self, first: Vec<u8>, stop: &CancellationToken) {
        let mut store = State::store(self.pre.engine(), &self.scope);
        let pulse = Arc::clone(&store.data().pulse);
        let function = match self.pre.instantiate_async(&mut store).await {
            Ok(function) => function,
            Err(error) => return self.broke(&error),
        };
        self.calls.instance_began();
        let serving = store.run_concurrent(async |accessor| self.serve(accessor, &function, first, stop).await);
        let outcome = pulse.watch(serving).await.flatten();
        self.calls.instance_ended(outcome.is_err());
        if let Err(error) = outcome {
            self.broke(&error);
        }
    }

    async fn serve(
        &self,
        accessor: &Accessor<State>,
        function: &RedisFunction,
        first: Vec<u8>,
        stop: &CancellationToken,
    ) -> wasmtime::Result<()> {
        let limits = &self.scope.services.limits;
        let mut running = FuturesUnordered::new();
        running.push(self.handle(accessor, function, first));
        let mut accepted = 1;
        let mut accepting = true;
        loop {
            accepting &= accepted < limits.reuse;
            if running.is_empty() && !accepting {
                return Ok(());
            }
            let room = accepting && running.len() < limits.concurrency;
            let mut idle = pin!(sleep(limits.idle));
            tokio::select! {
                Some(handled) = running.next(), if !running.is_empty() => accepting &= handled?,
                message = self.next(stop), if room => match message {
                    Some(message) => {
                        running.push(self.handle(accessor, function, message));
                        accepted += 1;
                    }
                    None => accepting = false,
                },
                () = &mut idle, if running.is_empty() => return Ok(()),
            }
        }
    }

    /// Handles one message; whether the instance is fit for more.
    async fn handle(
        &self,
        accessor: &Accessor<State>,
        function: &RedisFunction,
        message: Vec<u8>,
    ) -> wasmtime::Result<bool> {
        let start = Instant::now();
        let call = function.spin_redis_inbound_redis().call_handle_message(accessor, message);
        let outcome = match timeout(self.scope.services.limits.call, call).await {
            Ok(Ok(Ok(()))) => Outcome::Ok,
            Ok(Ok(Err(error))) => {
                tracing::warn!(component = &*self.scope.name, %error, "a message was not handled");
                Outcome::Failed
            }
            Ok(Err(error)) => {
                self.calls.ended(Outcome::Failed, start.elapsed());
                return Err(error);
            }
            Err(_) => {
                tracing::warn!(component = &*self.scope.name, "a message took too long");
                self.calls.failed(Failure::Overtime);
                self.calls.ended(Outcome::Failed, start.elapsed());
                return Ok(false);
            }
        };
        self.calls.ended(outcome, start.elapsed());
        Ok(true)
    }

    fn broke(&self, error: &wasmtime::Error) {
        tracing::error!(component = &*self.scope.name, error = format!("{error:#}"), "a function failed");
    }
}
