//! Redis: ringing other nodes, and being rung.

use std::collections::BTreeMap;

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use chat::NodeName;
use chat::wire::{DeliveryKey, Event, EventConversation};
use futures_util::StreamExt;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands, Client};
use tower_service::Service;

/// Publishes events.
pub struct Backplane {
    connection: ConnectionManager,
    key: DeliveryKey,
}

impl Backplane {
    /// Connects.
    ///
    /// # Errors
    /// Redis can't be reached.
    pub async fn connect(url: &str, key: &str) -> Result<Self> {
        let connection = ConnectionManager::new(Client::open(url)?).await?;
        Ok(Self { connection, key: DeliveryKey::new(key)? })
    }

    /// Tells each node what concerns it, in one event; nobody waits for that.
    pub fn ring(&self, epoch: &str, nodes: BTreeMap<NodeName, Vec<EventConversation>>) {
        for (to, conversations) in nodes {
            let channel = channel(&to);
            let event = Event { to, epoch: epoch.to_owned(), conversations, presence: Vec::new() };
            let Ok(event) = event.sign(&self.key) else { continue };
            let mut connection = self.connection.clone();
            tokio::spawn(async move {
                let published: redis::RedisResult<()> = connection.publish(channel, event).await;
                if let Err(error) = published {
                    eprintln!("redis fails: {error}");
                }
            });
        }
    }
}

/// Hands what is published for this node to its relay, until the process ends.
pub async fn listen(url: String, node: NodeName, events: Router) {
    if let Err(error) = subscribe(&url, &node, events).await {
        eprintln!("the backplane is gone: {error:#}");
    }
}

async fn subscribe(url: &str, node: &NodeName, mut events: Router) -> Result<()> {
    let mut subscription = Client::open(url)?.get_async_pubsub().await?;
    subscription.subscribe(channel(node)).await?;
    let mut rung = subscription.on_message();
    while let Some(message) = rung.next().await {
        let request = Request::post("/internal/events").body(Body::from(message.get_payload_bytes().to_vec()))?;
        let Ok(answer) = events.call(request).await;
        if !answer.status().is_success() {
            eprintln!("the relay answers an event with {}", answer.status());
        }
    }
    Ok(())
}

fn channel(node: &NodeName) -> String {
    format!("hubline.node.{node}")
}
