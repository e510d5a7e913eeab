//! A component that is called with messages.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use wasmtime::Store;
use wasmtime::component::{Accessor, InstancePre};

use crate::answer::Failure;
use crate::bindings::redis_function::{RedisFunction, RedisFunctionPre};
use crate::crew::{Crew, Role, Shift};
use crate::metrics::{Calls, Outcome};
use crate::scope::Scope;
use crate::state::State;

/// How many messages wait or are handled; one that finds no room is lost, as it would be if nobody listened.
const MESSAGES: usize = 4096;

/// A function with a Redis trigger.
pub(crate) struct Listener {
    name: Arc<str>,
    crew: Arc<Crew<Handling>>,
    calls: Arc<Calls>,
    room: Arc<Semaphore>,
    messages: TaskTracker,
}

impl Listener {
    /// Makes a listener of a component that exports `spin:redis/inbound-redis`.
    pub fn new(pre: InstancePre<State>, scope: Arc<Scope>, calls: Arc<Calls>) -> wasmtime::Result<Self> {
        let engine = pre.engine().clone();
        let shift = Shift { calls: scope.services.limits.reuse, at_once: scope.services.limits.concurrency };
        let role = Handling { pre: RedisFunctionPre::new(pre)?, name: Arc::clone(&scope.name) };
        Ok(Self {
            name: Arc::clone(&scope.name),
            crew: Arc::new(Crew::new(role, &engine, scope, Arc::clone(&calls), shift)),
            calls,
            room: Arc::new(Semaphore::new(MESSAGES)),
            messages: TaskTracker::new(),
        })
    }

    /// Takes a message in; it is handled beside others when its turn comes.
    pub fn hear(&self, message: Vec<u8>) {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::warn!(component = &*self.name, "a message is lost: too many are waiting");
            return self.calls.failed(Failure::Busy);
        };
        let (crew, calls, name) = (Arc::clone(&self.crew), Arc::clone(&self.calls), Arc::clone(&self.name));
        let start = Instant::now();
        self.messages.spawn(async move {
            let outcome = match crew.call(message).await {
                Ok(()) => Outcome::Ok,
                Err(failure) => {
                    tracing::warn!(component = &*name, ?failure, "a message was not handled");
                    calls.failed(failure);
                    Outcome::Failed
                }
            };
            calls.ended(outcome, start.elapsed());
            drop(permit);
        });
    }

    /// Waits until every message that was taken in is done with.
    pub async fn rest(&self) {
        self.messages.close();
        self.messages.wait().await;
    }
}

/// What an instance does with messages.
struct Handling {
    pre: RedisFunctionPre<State>,
    name: Arc<str>,
}

impl Role for Handling {
    type Instance = RedisFunction;
    type Task = Vec<u8>;
    type Output = ();

    async fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<RedisFunction> {
        self.pre.instantiate_async(store).await
    }

    async fn serve(
        &self,
        accessor: &Accessor<State>,
        function: &RedisFunction,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Failure>> {
        let handled = function.spin_redis_inbound_redis().call_handle_message(accessor, message).await?;
        Ok(handled.map_err(|error| {
            tracing::warn!(component = &*self.name, %error, "a function reported an error");
            Failure::Trapped
        }))
    }
}
