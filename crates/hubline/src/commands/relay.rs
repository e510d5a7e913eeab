//! `hubline relay`: the sockets alone, in front of functions that run elsewhere.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use chat::{Allowance, NodeName};
use clap::Args;
use futures_util::FutureExt;
use relay::{Config, Functions, Limits, Relay, Upstream};
use tokio_util::sync::CancellationToken;

use super::{DataDir, address};
use crate::data::Data;
use crate::drain::Drain;
use crate::health::Health;
use crate::internal::Internal;
use crate::keys;
use crate::node::Node;
use crate::readiness::Readiness;
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
    let drain = Drain::new(&variables)?;

    super::block_on(async {
        let mut shutdown = Shutdown::listen()?;
        let functions: Arc<dyn Functions> = Arc::new(Upstream::new(&options.upstream)?);
        let relay = Relay::new(config(&variables, node)?, Arc::clone(&functions))?;
        let readiness = Readiness::new(Internal::new(&variables)?);
        let asked = Arc::clone(&functions);
        let (checked, counted) = (relay.clone(), relay.clone());
        let health = Health::new(
            Arc::new(move || {
                let (readiness, relay, functions) = (readiness.clone(), checked.clone(), Arc::clone(&asked));
                async move {
                    relay.check()?;
                    readiness.ask(functions.as_ref()).await
                }
                .boxed()
            }),
            Arc::new(move || {
                let text = metrics::text(&[counted.metrics()]);
                async move { text }.boxed()
            }),
        );
        println!("hubline relay is ready at http://{}", public.local_addr()?);
        let receiver = Receiver::new(variables.get("alert_token").unwrap_or_default());
        let node = Node { relay, functions, health, drain, receiver, public, internal };
        let none = |stop: CancellationToken| {
            tokio::spawn(async move {
                stop.cancelled().await;
                Ok(())
            })
        };
        node.run(&mut shutdown, none).await
    })?
}

/// How the relay of this node is set up.
///
/// # Errors
///
/// When a limit is none.
pub fn config(variables: &Variables, node: NodeName) -> Result<Config> {
    let get = |name| variables.get(name).unwrap_or_default().to_owned();
    let (of_user, of_address) = (get("user_limits"), get("address_limits"));
    let limits = Limits {
        of_user: Allowance::OF_USER.with(&of_user).context("user_limits")?,
        of_address: Allowance::OF_ADDRESS.with(&of_address).context("address_limits")?,
        of_local_address: Allowance::UNLIMITED.with(&of_address).context("address_limits")?,
        ..Limits::default()
    };
    Ok(Config {
        node: node.to_string(),
        relay_key: get("relay_key"),
        delivery_key: get("delivery_key"),
        tokens: variables.identity(),
        allowed_origins: variables.allowed_origins(),
        trusted_proxies: variables.trusted_proxies(),
        limits,
    })
}
