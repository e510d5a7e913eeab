//! The socket of a connection, and who reads and writes it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_util::task::noop_waker_ref;
use tokio::runtime::Handle;

use super::address::chain;
use crate::nudge::persistent;

type Ending = Result<(), tokio_postgres::Error>;

/// The socket of a connection. Nothing is written and nothing is read but while somebody polls it.
///
/// The driver means it to be a task of its own. Then each statement is handed to that task and its answer handed back, and on
/// a busy machine each of the two may wait for a thread, and the thread for a processor. So whoever waits for a statement
/// works the socket meanwhile, and while nobody does, nobody needs to.
pub(super) struct Wire(Option<Connection>);

type Connection = Pin<Box<dyn Future<Output = Ending> + Send>>;

impl Wire {
    pub fn of(connection: impl Future<Output = Ending> + Send + 'static) -> Self {
        Self(Some(Box::pin(connection)))
    }

    /// Does something with the client of this connection.
    pub async fn carry<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        persistent(poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(done);
            }
            self.poll(context);
            work.as_mut().poll(context)
        }))
        .await
    }

    /// Whether the other end is there still, as far as is known here.
    pub fn is_open(&mut self) -> bool {
        self.poll(&mut Context::from_waker(noop_waker_ref()));
        self.0.is_some()
    }

    /// Works the socket until either side is gone.
    pub async fn run(mut self) {
        if let Some(connection) = self.0.take() {
            run(connection).await;
        }
    }

    /// Writes and reads what can be now.
    fn poll(&mut self, context: &mut Context<'_>) {
        let Some(connection) = &mut self.0 else { return };
        if let Poll::Ready(ended) = connection.as_mut().poll(context) {
            self.0 = None;
            note(ended);
        }
    }
}

impl Drop for Wire {
    /// Takes leave of the server, which would otherwise complain in its log.
    fn drop(&mut self) {
        if let (Some(connection), Ok(executor)) = (self.0.take(), Handle::try_current()) {
            executor.spawn(run(connection));
        }
    }
}

/// Not a [`Wire`]: an executor that is about to end drops at once what it is given.
async fn run(connection: Connection) {
    note(connection.await);
}

/// Whoever waits for an answer learns of an end by itself.
fn note(ended: Ending) {
    if let Err(error) = ended {
        tracing::debug!(error = chain(&error), "a connection to PostgreSQL ended");
    }
}
