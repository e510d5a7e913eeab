//! `hubline-native`: the relay of Hubline with its functions as native code.
//!
//! The same sockets, the same lanes, the same SQL, the same events through Redis. Only what runs as WebAssembly in Hubline
//! is compiled into this program, so the difference between the two is the cost of WebAssembly and of its host. It does
//! what a benchmark needs and nothing more: it is no server for anybody.

mod backplane;
mod bearers;
mod database;
mod functions;
mod handlers;
mod values;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::Response;
use axum::routing::get;
use bytes::Bytes;
use chat::NodeName;
use clap::Parser;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use identity::Settings;
use relay::{Functions, Relay};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::backplane::Backplane;
use crate::bearers::Bearers;
use crate::database::Pool;
use crate::functions::{Native, Routes};

/// Signs events among the nodes of one benchmark, which nobody else can reach.
const DELIVERY_KEY: &str = "a-delivery-key-of-the-benchmark-and-of-nothing-else";

/// Nothing checks it here: the functions are called without a network in between.
const RELAY_KEY: &str = "a-relay-key-of-the-benchmark-and-of-nothing-else";

/// The same as of the functions' own listener: a batch has 64 messages with the token of each one's user.
const LARGEST_BODY: usize = 2 * 1024 * 1024;

/// The functions compete for memory as they do in `hubline`, so both use the same allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The relay with native functions, for comparison only.
#[derive(Parser)]
#[command(name = "hubline-native")]
struct Options {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
    /// The node's name, which no other process uses.
    #[arg(long)]
    node: NodeName,
    /// PostgreSQL, migrated.
    #[arg(long, env, hide_env_values = true)]
    database_url: String,
    /// Redis.
    #[arg(long, env, hide_env_values = true)]
    redis_url: String,
    /// The secret that signs HS256 tokens.
    #[arg(long, env, hide_env_values = true)]
    jwt_secret: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let listener = TcpListener::bind(options.listen).await.with_context(|| format!("{} is taken", options.listen))?;
    let settings = Settings { secret: Some(options.jwt_secret.clone()), ..Settings::default() };
    let functions = Arc::new(Routes(Arc::new(Native {
        bearers: Bearers::new(&settings)?,
        database: Pool::connect(&options.database_url).await?,
        backplane: Backplane::connect(&options.redis_url, DELIVERY_KEY).await?,
    })));
    let config = relay::Config {
        node: options.node.to_string(),
        relay_key: RELAY_KEY.to_owned(),
        delivery_key: DELIVERY_KEY.to_owned(),
        tokens: settings,
        allowed_origins: Vec::new(),
        trusted_proxies: Vec::new(),
        limits: relay::Limits::default(),
    };
    let relay = Relay::new(config, functions.clone())?;
    let stop = CancellationToken::new();
    tokio::spawn(backplane::listen(options.redis_url, options.node, relay.events()));
    tokio::spawn({
        let (relay, stop) = (relay.clone(), stop.clone());
        async move { relay.run(stop).await }
    });

    let (metrics, hub) = (relay.clone(), relay.hub());
    let router = Router::new()
        .route("/readyz", get(|| async { "ready\n" }))
        .route("/metrics", get(async move || metrics.metrics()))
        .merge(hub)
        .fallback(async move |request: Request| forward(&*functions, request).await);
    let mut ended = signal(SignalKind::terminate())?;
    tokio::select! {
        served = serve(listener, router) => served?,
        _ = ended.recv() => {}
    }
    relay.drain(std::time::Duration::ZERO).await;
    stop.cancel();
    Ok(())
}

/// Answers on plain sockets by hyper itself: the relay takes them over as they are.
async fn serve(listener: TcpListener, router: Router) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(router.clone());
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("a connection ended early: {error}");
            }
        });
    }
}

/// Hands a request of the outside to the functions.
async fn forward(functions: &impl Functions, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.unwrap_or_else(|_| Bytes::new());
    match functions.call(Request::from_parts(parts, body)).await {
        Ok(response) => response.map(Body::from),
        Err(error) => Response::new(Body::from(error.to_string())),
    }
}
