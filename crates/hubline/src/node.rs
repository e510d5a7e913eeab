//! A node at work: the relay and its two listeners, until it is told to stop.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use relay::{Functions, Relay};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::health::Health;
use crate::receiver::Receiver;
use crate::shutdown::Shutdown;
use crate::{public, server};

/// How long the way down may take in all; supervisors commonly wait 30 s before they kill.
const DRAIN: Duration = Duration::from_secs(25);

/// The parts of a node.
pub struct Node {
    /// The sockets.
    pub relay: Relay,
    /// What answers requests, for the relay and for clients alike.
    pub functions: Arc<dyn Functions>,
    /// The process's own pages.
    pub health: Health,
    /// Who may send more than others.
    pub receiver: Receiver,
    /// Where clients come in.
    pub public: TcpListener,
    /// Where functions deliver events.
    pub internal: TcpListener,
}

impl Node {
    /// Serves until ordered to end, then finishes what is under way: no accepted message is lost.
    ///
    /// A second order ends it at once.
    ///
    /// # Errors
    ///
    /// When a listener cannot be used.
    pub async fn run(
        self,
        shutdown: &mut Shutdown,
        triggers: impl FnOnce(CancellationToken) -> JoinHandle<()>,
    ) -> Result<()> {
        self.relay.rehearse().await;
        let public = tokio::net::TcpListener::from_std(self.public)?;
        let internal = tokio::net::TcpListener::from_std(self.internal)?;
        let front = CancellationToken::new();
        let back = CancellationToken::new();

        let (hub, origins) = (self.relay.hub(), self.relay.origins());
        let router = public::router(hub, self.functions, self.health.clone(), self.receiver, origins);
        let clients = tokio::spawn(server::serve(public, router, front.clone()));
        let events = tokio::spawn(server::serve(internal, self.relay.events(), back.clone()));
        let triggers = triggers(back.clone());
        let sweep = tokio::spawn({
            let (relay, stop) = (self.relay.clone(), back.clone());
            async move { relay.run(stop).await }
        });

        shutdown.ordered().await;
        tracing::info!("stopping: finishing what is under way");
        self.health.drain();
        let down = async {
            front.cancel();
            // Sockets and requests first; the functions and the doorbell serve them to the end.
            let (ended, ()) = tokio::join!(clients, self.relay.drain());
            back.cancel();
            let rest = tokio::join!(events, triggers, sweep);
            for task in [ended, rest.0, rest.1, rest.2] {
                if let Err(error) = task {
                    tracing::error!(%error, "a part of the node failed");
                }
            }
        };
        tokio::select! {
            result = tokio::time::timeout(DRAIN, down) => match result {
                Ok(()) => tracing::info!("stopped"),
                Err(_) => tracing::warn!("not everything under way ended in time"),
            },
            () = shutdown.ordered() => tracing::warn!("stopped at once"),
        }
        Ok(())
    }
}
