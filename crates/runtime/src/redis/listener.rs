//! A component that is called with messages.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use wasmtime::Store;
use wasmtime::component::{Accessor, InstancePre};

use crate::answer::Failure;
use crate::bindings::errand_function::{ErrandFunction, ErrandFunctionPre};
use crate::bindings::redis_function::{RedisFunction, RedisFunctionPre};
use crate::instance_pool::{Guest, InstancePool, Reuse};
use crate::metrics::{Calls, Outcome};
use crate::scope::Scope;
use crate::state::State;
use crate::way::Way;

use super::errand::Errand;

/// How many messages wait or are handled; one that finds no room is lost, as it would be if nobody listened.
const MESSAGES: usize = 4096;

/// A function with a Redis trigger.
pub(crate) struct Listener {
    scope: Arc<Scope>,
    pool: Arc<InstancePool<Handling>>,
    calls: Arc<Calls>,
    room: Arc<Semaphore>,
    messages: TaskTracker,
}

impl Listener {
    /// Makes a listener of a component that exports `spin:redis/inbound-redis`.
    pub fn new(pre: InstancePre<State>, scope: Arc<Scope>, calls: Arc<Calls>) -> wasmtime::Result<Self> {
        let engine = pre.engine().clone();
        let reuse = Reuse { calls: scope.services.limits.reuse, at_once: scope.services.limits.concurrency };
        let (handler, errand) = (RedisFunctionPre::new(pre.clone()), ErrandFunctionPre::new(pre));
        let entrance = Entrance::choose(handler, errand, scope.services.standard)?;
        let interface = if entrance.is_own() { "hubline:functions/errand" } else { "spin:redis/inbound-redis" };
        calls.entered_by(&scope.name, interface);
        let guest = Handling { entrance, name: Arc::clone(&scope.name) };
        Ok(Self {
            pool: Arc::new(InstancePool::new(guest, &engine, Arc::clone(&scope), Arc::clone(&calls), reuse)),
            scope,
            calls,
            room: Arc::new(Semaphore::new(MESSAGES)),
            messages: TaskTracker::new(),
        })
    }

    /// Takes a message in; it is handled beside others when its turn comes.
    pub fn hear(&self, message: Vec<u8>) {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::warn!(component = &*self.scope.name, "a message is lost: too many are waiting");
            return self.calls.failed(Failure::Busy);
        };
        let (pool, calls, scope) = (Arc::clone(&self.pool), Arc::clone(&self.calls), Arc::clone(&self.scope));
        let start = Instant::now();
        self.messages.spawn(async move {
            let outcome = match handled(&pool, &scope, message).await {
                Ok(()) => Outcome::Ok,
                Err(failure) => {
                    tracing::warn!(component = &*scope.name, ?failure, "a message was not handled");
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

/// Has a message handled, and makes the request that comes of it, if one does.
async fn handled(pool: &Arc<InstancePool<Handling>>, scope: &Scope, message: Vec<u8>) -> Result<(), Failure> {
    let Some(errand) = pool.call(message).await? else { return Ok(()) };
    errand.run(scope).await.map_err(|error| {
        tracing::warn!(component = &*scope.name, %error, "what a function wanted asked was not answered");
        Failure::Trapped
    })
}

/// How a component is entered: by `spin:redis/inbound-redis`, or by `hubline:functions/errand`, which leaves its request to
/// us.
type Entrance = Way<RedisFunctionPre<State>, ErrandFunctionPre<State>>;

/// An instance that has been made for an entrance.
type Entered = Way<RedisFunction, ErrandFunction>;

/// What an instance does with messages.
struct Handling {
    entrance: Entrance,
    name: Arc<str>,
}

impl Guest for Handling {
    type Instance = Entered;
    type Task = Vec<u8>;
    type Output = Option<Errand>;

    async fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Entered> {
        Ok(match &self.entrance {
            Way::Standard(pre) => Way::Standard(pre.instantiate_async(store).await?),
            Way::Own(pre) => Way::Own(pre.instantiate_async(store).await?),
        })
    }

    async fn serve(
        &self,
        accessor: &Accessor<State>,
        entered: &Entered,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<Option<Errand>, Failure>> {
        let outcome = match entered {
            Way::Standard(function) => {
                let handled = function.spin_redis_inbound_redis().call_handle_message(accessor, message).await?;
                handled.map(|()| None).map_err(|error| error.to_string())
            }
            Way::Own(function) => match function.hubline_functions_errand().call_run(accessor, message).await? {
                Ok(asked) => Errand::read(asked).map(Some).map_err(|error| error.to_string()),
                Err(error) => Err(error),
            },
        };
        Ok(outcome.map_err(|error| {
            tracing::warn!(component = &*self.name, error, "a function reported an error");
            Failure::Trapped
        }))
    }
}
