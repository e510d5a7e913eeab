//! Redis, which rings the relays of other nodes.
//!
//! A ring that is lost costs latency, since every relay sweeps: so nobody waits for Redis, and while it fails it is left
//! alone.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use spin_sdk::redis::{Connection, Error};

use crate::{breaker::Breaker, within};

/// How long a publish, or another question, may take. It is a hint, and late it is none.
const PUBLISH: Duration = Duration::from_millis(100);

/// How long a connection may take, which a managed Redis makes with some round trips of TLS.
const CONNECT: Duration = Duration::from_secs(1);

/// A ring: the channel, and the bytes for it.
pub(crate) struct Ring {
    pub(crate) channel: String,
    pub(crate) event: Vec<u8>,
}

thread_local! {
    // Beside [`Instance`](crate::Instance) and not in it: so a function that rings nobody is no function that imports Redis.
    static BACKPLANE: Rc<Backplane> = Rc::default();
}

/// The connection to Redis. Spin dials anew at each `open`, so it is kept.
#[derive(Default)]
pub(crate) struct Backplane {
    connection: RefCell<Option<Rc<Connection>>>,
    breaker: RefCell<Breaker>,
    questions: RefCell<Breaker>,
}

impl Backplane {
    /// The one of this instance.
    pub(crate) fn get() -> Rc<Self> {
        BACKPLANE.with(Rc::clone)
    }

    /// Publishes all of it at once, unless Redis has failed lately.
    pub(crate) async fn ring(&self, url: &str, rings: Vec<Ring>) {
        let publish = async |connection: Rc<Connection>| {
            let publishes = rings.iter().map(|ring| connection.publish(&ring.channel, &ring.event));
            join_all(publishes).await.into_iter().collect::<Result<(), Error>>()
        };
        self.attempt(&self.breaker, url, publish).await;
    }

    /// Asks something of Redis, unless that has failed lately. `None` when there is no answer.
    ///
    /// What fails here stops no ring: a Redis may refuse one command and carry out the other.
    pub(crate) async fn ask<T>(
        &self,
        url: &str,
        ask: impl AsyncFnOnce(Rc<Connection>) -> Result<T, Error>,
    ) -> Option<T> {
        self.attempt(&self.questions, url, ask).await
    }

    async fn attempt<T>(
        &self,
        breaker: &RefCell<Breaker>,
        url: &str,
        ask: impl AsyncFnOnce(Rc<Connection>) -> Result<T, Error>,
    ) -> Option<T> {
        if !breaker.borrow_mut().admits(Instant::now()) {
            return None;
        }
        let outcome = self.answer(url, ask).await;
        if outcome.is_err() {
            self.connection.take();
        }
        if breaker.borrow_mut().note(outcome.is_ok(), Instant::now()) {
            match &outcome {
                Ok(_) => eprintln!("redis works again"),
                Err(reason) => eprintln!("redis fails: {reason}"),
            }
        }
        outcome.ok()
    }

    async fn answer<T>(
        &self,
        url: &str,
        ask: impl AsyncFnOnce(Rc<Connection>) -> Result<T, Error>,
    ) -> Result<T, String> {
        let connection = self.connection(url).await?;
        let answered = within(PUBLISH, ask(connection)).await.ok_or("an answer has taken too long")?;
        answered.map_err(|error| error.to_string())
    }

    async fn connection(&self, url: &str) -> Result<Rc<Connection>, String> {
        let kept = self.connection.borrow().clone();
        if let Some(connection) = kept {
            return Ok(connection);
        }
        let opened = within(CONNECT, Connection::open(url)).await.ok_or("it can't be reached in time")?;
        let connection = Rc::new(opened.map_err(|error| error.to_string())?);
        self.connection.replace(Some(Rc::clone(&connection)));
        Ok(connection)
    }
}
