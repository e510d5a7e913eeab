//! The built fan-out between a real Redis and the relay of its node, which is played here.
//!
//! Run after `cargo xtask build`.
#![cfg(test)]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use embedded::{Account, Redis};
use redis::AsyncCommands;
use runtime::{Limits, Options, Runtime};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Where the node of the tests hears of events.
const CHANNEL: &str = "hubline.node.test";

/// What the relay of the tests refuses.
const FORGED: &[u8] = b"forged";

/// A relay that notes what it is posted.
struct Relay {
    address: String,
    posted: mpsc::UnboundedReceiver<(String, Vec<u8>)>,
}

impl Relay {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (told, posted) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, told.clone()));
            }
        });
        Self { address, posted }
    }

    async fn next(&mut self) -> (String, Vec<u8>) {
        tokio::time::timeout(Duration::from_secs(10), self.posted.recv()).await.unwrap().unwrap()
    }
}

/// Answers the requests of one connection.
async fn serve(stream: TcpStream, told: mpsc::UnboundedSender<(String, Vec<u8>)>) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await.unwrap_or_default() == 0 {
                return;
            }
        }
        for line in head.lines() {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let status = if body == FORGED { "401 Unauthorized" } else { "204 No Content" };
        let request = head.lines().next().unwrap().to_owned();
        if told.send((request, body)).is_err() {
            return;
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_reaches_the_relay_unopened_whichever_way_it_is_handed_over() {
    let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o711)).tempdir().unwrap();
    let redis = Redis::open(&folder.path().join("redis"), &Account::choose().unwrap()).unwrap();
    let mut channel = redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    for standard in [true, false] {
        let mut relay = Relay::start().await;
        let runtime = load(folder.path(), redis.url(), &relay.address, standard).await;
        let stop = CancellationToken::new();
        let triggers = runtime.start_triggers(stop.clone());
        let mut listeners = 0;
        for _ in 0..400 {
            listeners = channel.publish(CHANNEL, "first").await.unwrap();
            if listeners > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(listeners, 1, "nobody listens");
        let request = "POST /internal/events HTTP/1.1".to_owned();
        assert_eq!(relay.next().await, (request.clone(), b"first".to_vec()));
        let event: Vec<u8> = (0..=255).collect();
        for message in [event.as_slice(), FORGED, b"last"] {
            channel.publish::<_, _, ()>(CHANNEL, message).await.unwrap();
            assert_eq!(relay.next().await, (request.clone(), message.to_vec()));
        }
        stop.cancel();
        triggers.await.unwrap().unwrap();
        let metrics = runtime.metrics();
        for (outcome, count) in [("ok", 3), ("failed", 1)] {
            let calls = format!(
                r#"hubline_function_calls_total{{component="message-fanout",trigger="redis",outcome="{outcome}"}} {count}"#
            );
            assert!(metrics.contains(&calls), "{standard}: {calls}\n{metrics}");
        }
    }
}

async fn load(folder: &Path, redis: &str, relay: &str, standard: bool) -> Runtime {
    let url = Url::parse(redis).unwrap();
    let variables = [
        ("node", "test".to_owned()),
        ("relay_url", format!("http://{relay}")),
        ("redis_url", redis.to_owned()),
        ("redis_origin", format!("redis://{}:{}", url.host_str().unwrap(), url.port().unwrap())),
    ];
    let options = Options {
        manifest: Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("spin.toml"),
        variables: variables.map(|(name, value)| (name.to_owned(), value)).into(),
        cache_dir: folder.join("cache"),
        standard,
        limits: Limits::default(),
    };
    Runtime::load(options).await.unwrap()
}
