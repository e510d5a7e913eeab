//! The thread that looks after a server: starts it, starts it again, stops it.

use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::folder::Folder;
use crate::{Error, Lock};

/// How often the keeper looks after its server.
const POLL: Duration = Duration::from_millis(50);

/// How long it waits before it starts a server again that ended unasked.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a server gets to stop before it is killed; PostgreSQL writes out what it has in memory.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that can be kept running.
pub(crate) trait Server: Send + 'static {
    /// What people call it.
    const NAME: &'static str;

    /// The signal that makes it stop soon and cleanly.
    const STOP: Signal;

    /// Where its things are.
    fn folder(&self) -> &Folder;

    /// Ends a server that an earlier process left behind. Called before each start.
    fn end_orphan(&self);

    /// The command that starts it in the foreground. Called before each start.
    fn command(&self) -> Result<Command, Error>;
}

/// Runs a server until dropped, as soon as no other process does.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// Dropped to tell the thread to stop.
    life: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    failures: Arc<AtomicU32>,
}

impl Keeper {
    /// Starts looking after a server, whose lock we have or wait for.
    pub(crate) fn start<S: Server>(server: S, lock: Option<Lock>) -> Result<Self, Error> {
        let (life, orders) = mpsc::channel();
        let failures = Arc::new(AtomicU32::new(0));
        let keeping = Keeping { server, orders, failures: Arc::clone(&failures) };
        let thread = thread::Builder::new().name(format!("keep {}", S::NAME)).spawn(move || keeping.run(lock));
        Ok(Self { life: Some(life), thread: Some(thread.map_err(Error::Thread)?), failures })
    }

    /// How often the server could not be started or ended unasked.
    pub(crate) fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.life = None;
        if let Some(thread) = self.thread.take() {
            // A keeper that panicked has nothing left to stop.
            drop(thread.join());
        }
    }
}

/// What the thread has in hand.
struct Keeping<S> {
    server: S,
    orders: Receiver<()>,
    failures: Arc<AtomicU32>,
}

impl<S: Server> Keeping<S> {
    fn run(self, lock: Option<Lock>) {
        let Some(_lock) = lock.or_else(|| self.wait_for_lock()) else { return };
        loop {
            match self.start() {
                Ok(mut child) => {
                    if self.watch(&mut child) {
                        stop::<S>(&mut child);
                        return;
                    }
                    tracing::error!(log = %self.server.folder().log().display(), "{} ended unasked", S::NAME);
                }
                Err(error) => tracing::error!(%error, "cannot start {}", S::NAME),
            }
            self.failures.fetch_add(1, Ordering::Relaxed);
            if self.told_to_stop(PAUSE) {
                return;
            }
        }
    }

    /// Waits until the process that runs the server ends; none when we are to stop first.
    fn wait_for_lock(&self) -> Option<Lock> {
        loop {
            match self.server.folder().try_lock() {
                Ok(Some(lock)) => {
                    tracing::info!("taking over {} of a process that ended", S::NAME);
                    return Some(lock);
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "cannot watch over {}", S::NAME),
            }
            if self.told_to_stop(POLL) {
                return None;
            }
        }
    }

    fn start(&self) -> Result<Child, Error> {
        self.server.end_orphan();
        let mut command = self.server.command()?;
        let log = self.server.folder().open_log()?;
        let second = log.try_clone().map_err(Error::file(&self.server.folder().log()))?;
        command.stdin(std::process::Stdio::null()).stdout(log).stderr(second);
        command.spawn().map_err(|source| Error::Start { program: S::NAME.to_owned(), source })
    }

    /// Waits for the order to stop (true) or the server's own end (false).
    fn watch(&self, child: &mut Child) -> bool {
        loop {
            if self.told_to_stop(POLL) {
                return true;
            }
            if !matches!(child.try_wait(), Ok(None)) {
                return false;
            }
        }
    }

    fn told_to_stop(&self, wait: Duration) -> bool {
        self.orders.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected)
    }
}

fn stop<S: Server>(child: &mut Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It is our child and not waited for yet, so the number is still its own.
        let _ = kill_process(pid, S::STOP);
    }
    let deadline = Instant::now() + PATIENCE;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() >= deadline {
            tracing::warn!("{} does not stop: killing it", S::NAME);
            drop(child.kill());
            drop(child.wait());
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}
