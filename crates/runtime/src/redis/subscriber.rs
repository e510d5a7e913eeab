//! A connection that listens to the channels of one server.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures_util::StreamExt;
use redis::{Client, Msg, RedisError, RedisResult};
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use super::Listener;
use super::link::client;

/// How long subscribing may take, and a ping.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a silent connection is asked whether it is still there.
const PING: Duration = Duration::from_secs(5);

/// The first and the longest pause between attempts to connect.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Listens, and subscribes anew whenever the connection breaks.
pub(crate) struct Subscriber {
    client: Client,
    channels: BTreeMap<String, Vec<Arc<Listener>>>,
    subscribed: AtomicBool,
}

impl Subscriber {
    /// Makes a subscriber; nothing is dialled yet.
    pub fn new(address: &str, channels: BTreeMap<String, Vec<Arc<Listener>>>) -> RedisResult<Self> {
        Ok(Self { client: client(address)?, channels, subscribed: AtomicBool::new(false) })
    }

    /// The server, without anything secret.
    pub fn server(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    /// Whether it listens at the moment.
    pub fn is_subscribed(&self) -> bool {
        self.subscribed.load(Relaxed)
    }

    /// Listens until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut pause = PAUSE;
        while !stop.is_cancelled() {
            let ended = tokio::select! {
                () = stop.cancelled() => Ok(()),
                ended = self.listen(&mut pause) => ended,
            };
            self.subscribed.store(false, Relaxed);
            if let Err(error) = ended {
                tracing::warn!(server = self.server(), %error, "not subscribed to Redis");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Subscribes and passes messages on until the connection breaks.
    async fn listen(&self, pause: &mut Duration) -> RedisResult<()> {
        let subscribing = async {
            let mut connection = self.client.get_async_pubsub().await?;
            for channel in self.channels.keys() {
                connection.subscribe(channel).await?;
            }
            RedisResult::Ok(connection)
        };
        let connection = timeout(PATIENCE, subscribing).await.map_err(|_| silent())??;
        self.subscribed.store(true, Relaxed);
        tracing::info!(server = self.server(), "subscribed to Redis");
        *pause = PAUSE;
        let (mut sink, stream) = connection.split();
        let mut stream = pin!(stream);
        let mut clock = interval(PING);
        clock.tick().await;
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    Some(message) => self.pass_on(&message),
                    None => return Err(closed()),
                },
                _ = clock.tick() => {
                    // The stream has to be read for the answer to arrive, so the two wait together.
                    let mut pong = pin!(timeout(PATIENCE, sink.ping::<redis::Value>()));
                    loop {
                        tokio::select! {
                            answer = &mut pong => break answer.map_err(|_| silent())??,
                            message = stream.next() => match message {
                                Some(message) => self.pass_on(&message),
                                None => return Err(closed()),
                            },
                        }
                    };
                }
            }
        }
    }

    fn pass_on(&self, message: &Msg) {
        for listener in self.channels.get(message.get_channel_name()).into_iter().flatten() {
            listener.hear(message.get_payload_bytes().to_vec());
        }
    }
}

fn silent() -> RedisError {
    RedisError::from((redis::ErrorKind::Io, "Redis did not answer in time"))
}

fn closed() -> RedisError {
    RedisError::from((redis::ErrorKind::Io, "Redis closed the connection"))
}
