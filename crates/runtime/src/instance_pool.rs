//! The instances of one component, and who gives them work.
//!
//! A call waits in a queue; an instance that has room takes it and serves it beside others. Instances are few: a new one
//! is made when every other is full or computing, and ends when it has served its number of calls, has been idle for a
//! while, or breaks. While some that have room for calls compute, as many as the processors can take turns with, no other is
//! made: it would know nothing of the callers yet, and would take its time from those that do. What breaks an instance ends
//! every call in it.

mod open;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};
use wasmtime::component::Accessor;
use wasmtime::{Engine, Store};

use self::open::{Open, Reply};
use crate::answer::Failure;
use crate::metrics::Calls;
use crate::nudge::persistent;
use crate::queue::Queue;
use crate::scope::Scope;
use crate::state::State;

/// When no instance has taken a call for so long and some wait, those that there are must be full or computing.
const LATE: Duration = Duration::from_millis(5);

/// How many instances that have room a processor takes turns with: while one computes for long, others serve.
const TURNS: usize = 2;

/// What a call may take beyond its limit before its instance is ended, with whatever keeps it from noticing.
const GRACE: Duration = Duration::from_millis(250);

/// What the instances of a pool do.
pub(crate) trait Guest: Send + Sync + 'static {
    /// An instance, as its bindings see it.
    type Instance: Send + Sync;
    /// What a call asks for.
    type Task: Send;
    /// What it gets.
    type Output: Send;

    /// Makes an instance in a store of its own.
    fn instantiate(&self, store: &mut Store<State>) -> impl Future<Output = wasmtime::Result<Self::Instance>> + Send;

    /// Serves one call. An error means that the instance is broken.
    fn serve(
        &self,
        accessor: &Accessor<State>,
        instance: &Self::Instance,
        task: Self::Task,
    ) -> impl Future<Output = wasmtime::Result<Result<Self::Output, Failure>>> + Send;
}

/// The instances of one component for one kind of call.
pub(crate) struct InstancePool<G: Guest> {
    guest: G,
    engine: Engine,
    scope: Arc<Scope>,
    calls: Arc<Calls>,
    reuse: Reuse,
    queue: Queue<Job<G>>,
    cores: usize,
    instances: AtomicUsize,
    ready: AtomicUsize,
    full: AtomicUsize,
    taken: AtomicUsize,
    grown: Mutex<Instant>,
}

/// How much one instance does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reuse {
    /// Calls in its life.
    pub calls: usize,
    /// Calls at once.
    pub at_once: usize,
}

/// A call that waits.
struct Job<G: Guest> {
    task: G::Task,
    reply: Reply<G::Output>,
}

impl<G: Guest> InstancePool<G> {
    pub fn new(guest: G, engine: &Engine, scope: Arc<Scope>, calls: Arc<Calls>, reuse: Reuse) -> Self {
        Self {
            guest,
            reuse,
            engine: engine.clone(),
            scope,
            calls,
            queue: Queue::default(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            instances: AtomicUsize::new(0),
            ready: AtomicUsize::new(0),
            full: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            grown: Mutex::new(Instant::now()),
        }
    }

    /// Has one call served. Whoever calls bounds how many there are at once, and how long each may wait.
    pub async fn call(self: &Arc<Self>, task: G::Task) -> Result<G::Output, Failure> {
        let (reply, mut answer) = oneshot::channel();
        self.queue.push(Job { task, reply });
        let waiting = self.queue.len();
        if self.instances.load(Relaxed) == 0
            || waiting > self.ready.load(Relaxed) && self.instances.load(Relaxed) < self.cores
        {
            self.grow();
        }
        loop {
            let taken = self.taken.load(Relaxed);
            match timeout(LATE, &mut answer).await {
                Ok(Ok(outcome)) => return outcome,
                // Only a panic drops a reply.
                Ok(Err(_)) => return Err(Failure::Trapped),
                Err(_) if self.queue.len() > 0 && self.taken.load(Relaxed) == taken => self.grow_if_stuck(),
                Err(_) => {}
            }
        }
    }

    /// Adds an instance because nothing moves, unless enough of those that have room compute; many callers notice at once, and
    /// one instance may be enough.
    fn grow_if_stuck(self: &Arc<Self>) {
        let mut grown = self.grown.lock();
        let computing = self.instances.load(Relaxed).saturating_sub(self.full.load(Relaxed));
        if grown.elapsed() >= LATE && computing < TURNS * self.cores {
            *grown = Instant::now();
            self.grow();
        }
    }

    /// Adds an instance.
    fn grow(self: &Arc<Self>) {
        self.instances.fetch_add(1, Relaxed);
        let instance = Existing(Arc::clone(self));
        tokio::spawn(async move { instance.0.work().await });
    }

    /// The life of one instance.
    async fn work(self: &Arc<Self>) {
        let mut store = State::store(&self.engine, &self.scope);
        let instance = match timeout(self.scope.services.limits.call, self.guest.instantiate(&mut store)).await {
            Ok(Ok(instance)) => instance,
            Ok(Err(error)) => return self.no_instance(&format!("{error:#}")),
            Err(_) => return self.no_instance("it took too long"),
        };
        self.calls.instance_began();
        let pulse = Arc::clone(&store.data().pulse);
        let open = Open::default();
        let serving = store.run_concurrent(async |accessor| self.serve(accessor, &instance, &open).await);
        let outcome = tokio::select! {
            outcome = persistent(pulse.watch(serving)) => outcome.flatten(),
            () = open.overdue(self.scope.services.limits.call + GRACE) => Err(wasmtime::format_err!("it blocked its instance for too long")),
        };
        self.calls.instance_ended(outcome.is_err());
        if let Err(error) = outcome {
            tracing::error!(component = &*self.scope.name, error = format!("{error:#}"), "an instance broke");
        }
        open.fail();
    }

    /// Serves calls until the instance has had enough of them, or none comes.
    async fn serve(
        self: &Arc<Self>,
        accessor: &Accessor<State>,
        instance: &G::Instance,
        open: &Open<G::Output>,
    ) -> wasmtime::Result<()> {
        let limits = &self.scope.services.limits;
        let mut running = FuturesUnordered::new();
        let mut accepted = 0;
        let mut accepting = true;
        let mut sound = true;
        let mut idle = pin!(sleep_until(Instant::now() + limits.idle));
        while accepting || !running.is_empty() {
            let room = accepting && running.len() < self.reuse.at_once;
            let counted = Counted::new(if room { &self.ready } else { &self.full });
            tokio::select! {
                Some(served) = running.next(), if !running.is_empty() => {
                    sound &= served?;
                    accepting &= sound;
                    idle.as_mut().reset(Instant::now() + limits.idle);
                }
                job = self.queue.pop(), if room => {
                    self.taken.fetch_add(1, Relaxed);
                    if let Some(number) = open.enter(job.reply) {
                        running.push(self.timed(accessor, instance, job.task, open, number));
                        accepted += 1;
                        accepting = accepted < self.reuse.calls;
                    }
                }
                () = &mut idle, if running.is_empty() => accepting = false,
            }
            drop(counted);
        }
        // Whatever it still does, it takes no call any more.
        let _full = Counted::new(&self.full);
        if sound {
            // What the guest still has to do behind its answers.
            let rest = poll_fn(|context| accessor.poll_no_interesting_tasks(context));
            drop(timeout(limits.call, rest).await);
        }
        Ok(())
    }

    /// Serves one call in its time; whether the instance is fit for more.
    async fn timed(
        &self,
        accessor: &Accessor<State>,
        instance: &G::Instance,
        task: G::Task,
        open: &Open<G::Output>,
        number: u64,
    ) -> wasmtime::Result<bool> {
        let served = timeout(self.scope.services.limits.call, self.guest.serve(accessor, instance, task)).await;
        let (outcome, fit) = match served {
            Ok(served) => (served?, true),
            Err(_) => (Err(Failure::Overtime), false),
        };
        open.leave(number, outcome);
        Ok(fit)
    }

    /// Tells one of those who wait that there is no instance for them.
    fn no_instance(&self, reason: &str) {
        tracing::error!(component = &*self.scope.name, reason, "an instance could not be made");
        if let Some(job) = self.queue.try_pop() {
            drop(job.reply.send(Err(Failure::Busy)));
        }
    }
}

/// Counts an instance among those that exist.
struct Existing<G: Guest>(Arc<InstancePool<G>>);

impl<G: Guest> Drop for Existing<G> {
    fn drop(&mut self) {
        let Self(pool) = self;
        // Counted out before the queue is looked at: a call that came meanwhile has either seen that nobody is left, or
        // is seen here.
        if pool.instances.fetch_sub(1, Relaxed) == 1 && pool.queue.len() > 0 {
            pool.grow();
        }
    }
}

/// Counts an instance among those that would take a call now, or those that would not.
struct Counted<'c>(&'c AtomicUsize);

impl<'c> Counted<'c> {
    fn new(count: &'c AtomicUsize) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
