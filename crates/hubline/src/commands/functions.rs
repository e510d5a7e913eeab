//! `hubline functions`: the application without the sockets, for relays that run elsewhere.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use futures_util::FutureExt;
use manifest::Manifest;
use runtime::{Limits, Options, Runtime};
use tokio_util::sync::CancellationToken;

use super::{DataDir, address};
use crate::data::Data;
use crate::database::Pulse;
use crate::functions::InProcess;
use crate::health::Health;
use crate::operations::Operations;
use crate::shutdown::Shutdown;
use crate::variables::Variables;
use crate::{files, inside, keys, logs, metrics, server};

/// How long the way down may take in all.
const DRAIN: Duration = Duration::from_secs(25);

/// Options of `hubline functions`. Everything else is said by variables, as with Spin: nothing is started or migrated.
#[derive(Debug, Args)]
pub struct FunctionsOptions {
    /// Where relays come in. Internal routes are served here too: keep clients away.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3080", value_parser = address)]
    listen: SocketAddr,
    /// The application.
    #[arg(long, value_name = "FILE", default_value = "spin.toml")]
    manifest: PathBuf,
    /// Enter functions by the standard interfaces alone, as Spin does: they answer the same, a little later.
    #[arg(long = "standard-interfaces")]
    standard: bool,
    #[command(flatten)]
    data: DataDir,
}

/// Runs the functions, by every trigger, until told to stop.
///
/// # Errors
///
/// When the application cannot be loaded, the address cannot be used, or a setting is unusable.
pub fn run(options: FunctionsOptions) -> Result<()> {
    logs::start()?;
    files::allow_many();
    Manifest::read(&options.manifest)?;
    let listener = server::bind(options.listen)?;
    let data = Data::open(&options.data.data_dir)?;
    let mut variables = Variables::from_environment();
    keys::settle(&mut variables, &data)?;
    let database = variables.get("database_url").context("SPIN_VARIABLE_DATABASE_URL is not set")?;
    let pulse = Pulse::new(database);
    let operations = Operations::new(variables.get("operations_database_url"));
    let application = Options {
        manifest: options.manifest,
        variables: variables.into_values(),
        cache_dir: data.cache(),
        standard: options.standard,
        limits: Limits::default(),
    };

    super::block_on(async {
        let mut shutdown = Shutdown::listen()?;
        tracing::info!("loading the components");
        let runtime = tokio::select! {
            loaded = Runtime::load(application) => loaded.context("cannot load the application")?,
            () = shutdown.ordered() => return Ok(()),
        };
        let counted = runtime.clone();
        let health = Health::new(
            Arc::new(move || pulse.clone().check().boxed()),
            Arc::new(move || {
                let (runtime, operations) = (counted.metrics(), operations.clone());
                async move { metrics::text(&[runtime, operations.metrics().await]) }.boxed()
            }),
        );
        serve(runtime, health, listener, &mut shutdown).await
    })?
}

/// Serves until ordered to end, then finishes what is under way; a second order ends it at once.
async fn serve(runtime: Runtime, health: Health, listener: TcpListener, shutdown: &mut Shutdown) -> Result<()> {
    println!("hubline functions are ready at http://{}", listener.local_addr()?);
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let stop = CancellationToken::new();
    let router = inside::router(Arc::new(InProcess(runtime.clone())), health.clone());
    let requests = tokio::spawn(server::serve(listener, router, stop.clone()));
    let triggers = runtime.start_triggers(stop.clone());

    shutdown.ordered().await;
    tracing::info!("stopping: finishing what is under way");
    health.drain();
    stop.cancel();
    tokio::select! {
        ended = tokio::time::timeout(DRAIN, async { tokio::try_join!(requests, triggers) }) => match ended {
            Ok(ended) => drop(ended.context("a part of the functions failed")?),
            Err(_) => tracing::warn!("not everything under way ended in time"),
        },
        () = shutdown.ordered() => tracing::warn!("stopped at once"),
    }
    Ok(())
}
