//! Sending clients elsewhere, spread in time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rand::seq::SliceRandom;
use signalr::Close;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::connection::Connection;
use crate::hub::Hub;
use crate::state::ServerState;

/// The longest pause between two clients: where there are few, nobody has to wait for them.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// How often a drain looks whether it is done.
const GLANCE: Duration = Duration::from_millis(10);

impl<H: Hub> ServerState<H> {
    /// Sends each client away, one after another over this time at most, and waits until all have heard of it.
    pub(crate) async fn hand_over(&self, spread: Duration, patience: Duration) {
        let mut connections = self.connections.all();
        // Who came first is not who goes first: a crowd that came together is spread too.
        connections.shuffle(&mut rand::rng());
        let count = u32::try_from(connections.len()).unwrap_or(u32::MAX).max(1);
        let pause = (spread / count).min(LONGEST_PAUSE);
        let mut turn = Instant::now();
        let mut leaving = FuturesUnordered::new();
        for connection in connections {
            // What is under way is waited for meanwhile.
            let mut next = std::pin::pin!(sleep_until(turn));
            loop {
                tokio::select! {
                    () = &mut next => break,
                    Some(()) = leaving.next(), if !leaving.is_empty() => {}
                }
            }
            turn += pause;
            leaving.push(send_away(connection, patience));
        }
        while leaving.next().await.is_some() {}
    }
}

/// Takes nothing more of a client, and sends it elsewhere once what it has under way has ended.
async fn send_away<C: AsRef<Connection>>(caller: Arc<C>, patience: Duration) {
    let connection = (*caller).as_ref();
    connection.rest();
    if timeout(patience, until(|| connection.is_idle())).await.is_err() {
        tracing::warn!("not everything that a client has under way has ended in time");
    }
    connection.end(&Close { error: None, allow_reconnect: true });
}

/// Waits until something is so.
pub(crate) async fn until(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        // Short at first, for mostly there is nothing to wait for.
        sleep(GLANCE.min(began.elapsed() + Duration::from_millis(1))).await;
    }
}
