//! A node at work: the relay and its two listeners, until it is told to stop.

use std::net::TcpListener;
use std::sync::Arc;

use anyhow::Result;
use relay::{Functions, Relay};
use supervisor::{Ended, Tasks};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::drain::Drain;
use crate::health::Health;
use crate::receiver::Receiver;
use crate::shutdown::Shutdown;
use crate::{public, server};

/// The parts of a node.
pub struct Node {
    /// The sockets.
    pub relay: Relay,
    /// What answers requests, for the relay and for clients alike.
    pub functions: Arc<dyn Functions>,
    /// The process's own pages.
    pub health: Health,
    /// How it goes down.
    pub drain: Drain,
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
    /// A second order ends it at once. A task that must not end, and does, is an order too.
    ///
    /// # Errors
    ///
    /// When a listener cannot be used, or a task has ended that must not.
    pub async fn run(
        self,
        shutdown: &mut Shutdown,
        triggers: impl FnOnce(CancellationToken) -> JoinHandle<Result<(), Ended>>,
    ) -> Result<()> {
        self.relay.rehearse().await;
        let public = tokio::net::TcpListener::from_std(self.public)?;
        let internal = tokio::net::TcpListener::from_std(self.internal)?;
        let front = CancellationToken::new();
        let back = CancellationToken::new();

        let (hub, origins, gate) = (self.relay.hub(), self.relay.origins(), self.relay.gate());
        let router = public::router(hub, self.functions, self.health.clone(), self.receiver, origins, gate);
        // Clients first on the way down; the functions and the fan-out serve them to the end.
        let mut outer = Tasks::new();
        outer.spawn("public listener", server::serve(public, router, front.clone()));
        let mut inner = Tasks::new();
        inner.spawn("internal listener", server::serve(internal, self.relay.events(), back.clone()));
        inner.adopt("triggers", triggers(back.clone()));
        let (relay, stop) = (self.relay.clone(), back.clone());
        inner.adopt("relay", tokio::spawn(async move { relay.run(stop).await }));

        let Some(end) = self.drain.awaited(&self.health, shutdown, [&mut outer, &mut inner]).await else {
            return Ok(());
        };
        let down = async {
            front.cancel();
            let (ended, ()) = tokio::join!(outer.rest(), self.relay.drain(self.drain.spread()));
            back.cancel();
            for ended in [ended, inner.rest().await].into_iter().filter_map(Result::err) {
                tracing::error!("{ended}");
            }
        };
        tokio::select! {
            result = tokio::time::timeout(self.drain.bound(), down) => match result {
                Ok(()) => tracing::info!("stopped"),
                Err(_) => tracing::warn!("not everything under way ended in time"),
            },
            () = shutdown.ordered() => tracing::warn!("stopped at once"),
        }
        end.outcome()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chat::NodeName;
    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;
    use http::{Request, Response};
    use relay::CallError;

    use super::*;
    use crate::commands::relay::config;
    use crate::variables::Variables;

    const SECRET: &str = "a secret of more than thirty-two bytes";

    /// Functions that answer whatever they are asked with nothing.
    struct Mute;

    impl Functions for Mute {
        fn call(&self, _: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, CallError>> {
            async { Ok(Response::new(Bytes::new())) }.boxed()
        }
    }

    fn node() -> Node {
        let mut variables = Variables::default();
        for (name, value) in [("relay_key", "k"), ("delivery_key", "d"), ("jwt_secret", SECRET), ("drain_spread", "0")]
        {
            variables.set(name, value);
        }
        let health = Health::new(Arc::new(|| async { Ok(()) }.boxed()), Arc::new(|| async { String::new() }.boxed()));
        Node {
            relay: Relay::new(config(&variables, NodeName::parse("a").unwrap()).unwrap(), Arc::new(Mute)).unwrap(),
            functions: Arc::new(Mute),
            health,
            drain: Drain::new(&variables).unwrap(),
            receiver: Receiver::new(""),
            public: server::bind("127.0.0.1:0".parse().unwrap()).unwrap(),
            internal: server::bind("127.0.0.1:0".parse().unwrap()).unwrap(),
        }
    }

    #[tokio::test]
    async fn a_trigger_that_ends_takes_the_node_down_with_its_reason() {
        type Trigger = fn() -> Result<(), Ended>;
        let ends: [(Trigger, &str); 3] = [
            (|| panic!("the clock broke"), "`triggers` must not end, and has ended: it panicked: the clock broke"),
            (|| Ok(()), "`triggers` must not end, and has ended: it returned"),
            (|| Err(Ended { task: "schedule of x".into(), reason: "it returned".into() }), "`schedule of x` must not"),
        ];
        for (trigger, reason) in ends {
            let mut shutdown = Shutdown::listen().unwrap();
            let run = node().run(&mut shutdown, |_| tokio::spawn(async move { trigger() }));
            let error = tokio::time::timeout(std::time::Duration::from_secs(20), run).await.unwrap().unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
