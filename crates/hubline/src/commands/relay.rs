//! `hubline relay`: the sockets alone, in front of functions that run elsewhere.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use chat::NodeName;
use clap::Args;
use futures_util::FutureExt;
use http::Request;
use relay::{Config, Functions, Limits, Relay, Upstream};

use super::{DataDir, address};
use crate::data::Data;
use crate::health::Health;
use crate::inside::HEALTH;
use crate::keys;
use crate::node::Node;
use crate::receiver::Receiver;
use crate::shutdown::Shutdown;
use crate::variables::Variables;
use crate::{files, logs, metrics, server};

/// Options of `hubline relay`.
#[derive(Debug, Args)]
pub struct RelayOptions {
    /// The functions: where `spin up` or `hubline functions` listens.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3080")]
    upstream: String,
    /// Where clients come in.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000", value_parser = address)]
    listen: SocketAddr,
    /// Where functions deliver events, which they know as `relay_url`.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3001", value_parser = address)]
    internal_listen: SocketAddr,
    /// This node's name, which its `message-fanout` must have too.
    #[arg(long, value_name = "NAME")]
    node: Option<NodeName>,
    #[command(flatten)]
    data: DataDir,
}

/// Runs the relay until it is told to stop.
///
/// # Errors
///
/// When an address cannot be used or a setting is unusable.
pub fn run(options: RelayOptions) -> Result<()> {
    logs::start()?;
    files::allow_many();
    let public = server::bind(options.listen)?;
    let internal = server::bind(options.internal_listen)?;
    let mut variables = Variables::from_environment();
    let node = variables.node(options.node)?;
    let data = Data::open(&options.data.data_dir)?;
    let _lock = data.lock_node(node.as_str())?;
    keys::settle(&mut variables, &data)?;

    super::block_on(async {
        let mut shutdown = Shutdown::listen()?;
        let functions: Arc<dyn Functions> = Arc::new(Upstream::new(&options.upstream)?);
        let relay = Relay::new(config(&variables, node), Arc::clone(&functions))?;
        let asked = Arc::clone(&functions);
        let counted = relay.clone();
        let health = Health::new(
            Arc::new(move || is_there(Arc::clone(&asked)).boxed()),
            Arc::new(move || {
                let text = metrics::text(&[counted.metrics()]);
                async move { text }.boxed()
            }),
        );
        println!("hubline relay is ready at http://{}", public.local_addr()?);
        let receiver = Receiver::new(variables.get("alert_token").unwrap_or_default());
        let node = Node { relay, functions, health, receiver, public, internal };
        node.run(&mut shutdown, |stop| tokio::spawn(async move { stop.cancelled().await })).await
    })?
}

/// How the relay of this node is set up.
pub fn config(variables: &Variables, node: NodeName) -> Config {
    let get = |name| variables.get(name).unwrap_or_default().to_owned();
    Config {
        node: node.to_string(),
        relay_key: get("relay_key"),
        delivery_key: get("delivery_key"),
        tokens: variables.identity(),
        allowed_origins: variables.allowed_origins(),
        limits: Limits::default(),
    }
}

/// Whether the upstream answers. That touches no component.
async fn is_there(functions: Arc<dyn Functions>) -> Result<()> {
    let request = Request::builder().uri(HEALTH).body(Bytes::new())?;
    let response = functions.call(request).await.context("the upstream does not answer")?;
    ensure!(!response.status().is_server_error(), "the upstream answers {}", response.status());
    Ok(())
}
