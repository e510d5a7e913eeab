//! A node: a relay on two real listeners.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chat::Role;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use identity::{Grant, mint};
use relay::{Config, Functions, Limits, Relay};
use supervisor::Ended;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::fake::{DELIVERY_KEY, Fake, RELAY_KEY, settings};

pub struct Node {
    pub relay: Relay,
    pub address: SocketAddr,
    pub internal: SocketAddr,
    running: JoinHandle<Result<(), Ended>>,
    _stop: DropGuard,
}

/// Limits at which a test need not wait.
pub fn quick() -> Limits {
    Limits {
        sweep: Duration::from_millis(100),
        call: Duration::from_millis(300),
        send: Duration::from_millis(1000),
        gap: Duration::from_millis(20),
        held: Duration::from_millis(20),
        ..Limits::default()
    }
}

/// The same with other ones of connections.
pub fn sockets(change: impl FnOnce(&mut signalr_server::Limits)) -> Limits {
    let mut limits = quick();
    change(&mut limits.sockets);
    limits
}

pub async fn node(name: &str, fake: &Fake) -> Node {
    node_with(name, fake, quick()).await
}

pub async fn node_with(name: &str, fake: &Fake, limits: Limits) -> Node {
    let node = start(Config { node: name.to_owned(), limits, ..config() }, Arc::new(fake.clone())).await;
    fake.connect(name, node.internal);
    node
}

/// What all nodes here have in common.
pub fn config() -> Config {
    Config {
        node: "a".to_owned(),
        relay_key: RELAY_KEY.to_owned(),
        delivery_key: DELIVERY_KEY.to_owned(),
        tokens: settings(),
        allowed_origins: vec!["https://app.example.com".to_owned()],
        trusted_proxies: Vec::new(),
        limits: quick(),
    }
}

/// A node in front of these functions.
pub async fn start(config: Config, functions: Arc<dyn Functions>) -> Node {
    let relay = Relay::new(config, functions).unwrap();
    let stop = CancellationToken::new();
    let address = serve(relay.hub(), &stop).await;
    let internal = serve(relay.events(), &stop).await;
    let (running, until) = (relay.clone(), stop.clone());
    let running = tokio::spawn(async move { running.run(until).await });
    Node { relay, address, internal, running, _stop: stop.drop_guard() }
}

async fn serve(router: axum::Router, stop: &CancellationToken) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = stop.clone();
    tokio::spawn(async move {
        while let Some(Ok((stream, _))) = stop.run_until_cancelled(listener.accept()).await {
            stream.set_nodelay(true).unwrap();
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades());
        }
    });
    address
}

impl Node {
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request.body(Full::default()).unwrap()).await
    }

    /// Why the relay's work has ended, which it must not.
    pub async fn end(&mut self, cause: &str) -> String {
        let run = tokio::time::timeout(Duration::from_secs(5), &mut self.running).await.expect(cause);
        run.unwrap().unwrap_err().to_string()
    }

    /// One number of the metrics.
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.relay.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("hubline_relay_{name} "))).unwrap();
        line.parse().unwrap()
    }
}

pub async fn post_event(address: SocketAddr, event: Vec<u8>) -> StatusCode {
    let request = Request::post(format!("http://{address}/internal/events")).body(Full::from(event)).unwrap();
    send(request).await.0
}

async fn send(request: Request<Full<Bytes>>) -> (StatusCode, HeaderMap, String) {
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
    let (parts, body) = client.request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8(body.into()).unwrap())
}

pub fn token(user: &str, role: Role) -> String {
    token_for(user, role, Duration::from_secs(3600))
}

pub fn token_for(user: &str, role: Role, time: Duration) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let grant = Grant {
        subject: user.parse().unwrap(),
        roles: vec![role],
        center: (role == Role::ServiceCenter).then(|| "north".parse().unwrap()),
        issued_at: i64::try_from(now.as_secs()).unwrap(),
        expires_at: i64::try_from((now + time).as_secs()).unwrap(),
    };
    mint(&settings(), &grant).unwrap()
}

/// Waits until something is so.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..500 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}
