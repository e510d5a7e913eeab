//! Connections shared by everyone who uses the same address.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::address::Address;
use super::connect::{dial, encryption};
use super::session::{Guest, Session, Tie};
use super::tls::Tls;
use super::value::Parameter;
use crate::Limits;
use crate::bindings::postgres::{Error, RowSet};

/// How long a statement waits for a connection: to become free, and to be made.
const CONNECT: Duration = Duration::from_secs(2);

/// How many addresses are kept apart; a component could otherwise open a pool for each of any number.
const ADDRESSES: usize = 64;

/// A connection string, and the PEM text of an authority to trust.
type Key = (String, Option<String>);

/// The pools of all addresses.
pub(crate) struct Pools {
    limits: Limits,
    pools: Mutex<HashMap<Key, Arc<Pool>>>,
}

/// The connections of one address.
pub(super) struct Pool {
    /// The server, without anything secret.
    label: String,
    address: Address,
    tls: Option<Tls>,
    limits: Limits,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
    /// Whether one more connection is being made for whoever comes.
    growing: AtomicBool,
}

/// A connection that is somebody's for the moment; it goes back by itself if it is fit to.
pub(super) struct Lease {
    session: Option<Session>,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

/// How many connections a pool has.
pub(crate) struct Occupancy {
    /// The server, as `host:port`.
    pub server: String,
    /// Connections that run a statement or a transaction.
    pub used: usize,
    /// Connections that wait for one.
    pub idle: usize,
}

impl Pools {
    pub fn new(limits: &Limits) -> Self {
        Self { limits: limits.clone(), pools: Mutex::new(HashMap::new()) }
    }

    /// The pool of an address; `root` is the PEM text of an authority to trust.
    pub(super) fn open(&self, address: &str, root: Option<&str>) -> Result<Arc<Pool>, Error> {
        let key = (address.to_owned(), root.map(str::to_owned));
        if let Some(pool) = self.pools.lock().get(&key) {
            return Ok(Arc::clone(pool));
        }
        let pool = Pool::new(address, root, &self.limits).map_err(Error::ConnectionFailed)?;
        let mut pools = self.pools.lock();
        if pools.len() >= ADDRESSES {
            pools.retain(|_, pool| Arc::strong_count(pool) > 1);
        }
        if pools.len() >= ADDRESSES {
            return Err(Error::ConnectionFailed("too many different addresses".to_owned()));
        }
        Ok(Arc::clone(pools.entry(key).or_insert_with(|| Arc::new(pool))))
    }

    /// How full the pools are.
    pub fn occupancy(&self) -> Vec<Occupancy> {
        let mut list: Vec<Occupancy> = Vec::new();
        for pool in self.pools.lock().values() {
            let idle = pool.idle.lock().len();
            let used = pool.limits.connections.saturating_sub(pool.permits.available_permits());
            match list.iter_mut().find(|other| other.server == pool.label) {
                Some(other) => {
                    other.used += used;
                    other.idle += idle;
                }
                None => list.push(Occupancy { server: pool.label.clone(), used, idle }),
            }
        }
        list
    }
}

impl Pool {
    fn new(text: &str, root: Option<&str>, limits: &Limits) -> Result<Self, String> {
        let mut address = Address::parse(text)?;
        address.config.tcp_user_timeout(limits.statement);
        let tls = encryption(&address, root)?;
        let label = address.endpoints()?.into_iter().map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>();
        Ok(Self {
            label: label.join(","),
            address,
            tls,
            limits: limits.clone(),
            permits: Arc::new(Semaphore::new(limits.connections)),
            idle: Mutex::new(Vec::new()),
            growing: AtomicBool::new(false),
        })
    }

    /// Gets a connection for a guest: an idle one, else a new one.
    pub async fn lease(self: &Arc<Self>, guest: &Arc<Guest>) -> Result<Lease, Error> {
        let deadline = Instant::now() + CONNECT;
        let permit = match timeout_at(deadline, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) | Err(_) => return Err(Error::ConnectionFailed("no connection became free in time".to_owned())),
        };
        let given = timeout_at(deadline, self.session(guest)).await;
        let session =
            given.map_err(|_| Error::ConnectionFailed(format!("{} did not answer in time", self.label)))??;
        Ok(Lease { session: Some(session), pool: Arc::clone(self), _permit: permit })
    }

    /// A session that is fit for a guest. One that can't be made fit is nobody's any longer.
    async fn session(self: &Arc<Self>, guest: &Arc<Guest>) -> Result<Session, Error> {
        while let Some((mut session, tie)) = self.take(guest) {
            if tie == Tie::Others {
                self.grow();
            }
            if session.give(guest).await.is_ok() {
                return Ok(session);
            }
        }
        let mut session = self.connect().await?;
        session.give(guest).await?;
        Ok(session)
    }

    /// The idle connection that is nearest to a guest; of those that are as near, the guest's own that was used last, for what
    /// is not needed for a while grows old at the other end, and the others' that was not used for longest.
    fn take(&self, guest: &Arc<Guest>) -> Option<(Session, Tie)> {
        let mut idle = self.idle.lock();
        loop {
            let ties = idle.iter().map(|session| session.tie(guest)).enumerate();
            let (place, tie) = ties.reduce(|best, next| {
                let nearer = next.1 < best.1 || next.1 == best.1 && matches!(next.1, Tie::Own | Tie::New);
                if nearer { next } else { best }
            })?;
            let mut session = idle.remove(place);
            if session.is_open() {
                return Some((session, tie));
            }
        }
    }

    /// Makes one more connection, for whoever comes, as long as there may be one: guests that work at the same time have one
    /// each after a while, and nobody waits for it.
    fn grow(self: &Arc<Self>) {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else { return };
        if !self.has_room() || self.growing.swap(true, Ordering::Relaxed) {
            return;
        }
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            if let Ok(Ok(session)) = timeout_at(Instant::now() + CONNECT, pool.connect()).await
                && pool.has_room()
            {
                pool.idle.lock().push(session);
            }
            pool.growing.store(false, Ordering::Relaxed);
            drop(permit);
        });
    }

    /// Whether a connection may be added to those that there are; whoever asks has a permit for it.
    fn has_room(&self) -> bool {
        self.idle.lock().len() < self.permits.available_permits() + 1
    }

    async fn connect(&self) -> Result<Session, Error> {
        let (client, wire) = dial(&self.address, self.tls.clone()).await.map_err(Error::ConnectionFailed)?;
        Ok(Session::new(client, wire, self.tls.clone()))
    }
}

impl Lease {
    /// Runs a statement for its rows.
    pub async fn query(&mut self, sql: &str, parameters: &[Parameter]) -> Result<RowSet, Error> {
        let most = self.pool.limits.body;
        self.timed(async |session| session.query(sql, parameters, most).await).await
    }

    /// Runs a statement for the number of rows that it touched.
    pub async fn execute(&mut self, sql: &str, parameters: &[Parameter]) -> Result<u64, Error> {
        self.timed(async |session| session.execute(sql, parameters).await).await
    }

    /// Keeps the connection from anyone but its present owner.
    pub fn spoil(&mut self) {
        if let Some(session) = &mut self.session {
            session.spoil();
        }
    }

    async fn timed<T>(&mut self, run: impl AsyncFnOnce(&mut Session) -> Result<T, Error>) -> Result<T, Error> {
        let Some(session) = &mut self.session else {
            return Err(Error::ConnectionFailed("the connection is gone".to_owned()));
        };
        let outcome = tokio::time::timeout(self.pool.limits.statement, run(session)).await;
        outcome.unwrap_or_else(|_| {
            session.abandon();
            Err(Error::Other("the statement took too long and was given up".to_owned()))
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(session) = self.session.take().filter(Session::reusable) {
            self.pool.idle.lock().push(session);
        }
    }
}
