//! `hubline functions`: the application without the sockets, for relays that run elsewhere.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use chat::Allowance;
use clap::Args;
use futures_util::FutureExt;
use manifest::Manifest;
use runtime::{Options, Runtime};
use supervisor::Tasks;
use tokio_util::sync::CancellationToken;

use super::{DataDir, Instances, address};
use crate::data::Data;
use crate::drain::Drain;
use crate::functions::InProcess;
use crate::health::Health;
use crate::internal::Internal;
use crate::issuer::Issuer;
use crate::readiness::Readiness;
use crate::shutdown::Shutdown;
use crate::variables::Variables;
use crate::{files, inside, keys, logs, metrics, operations, retention, server};

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
    instances: Instances,
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
    let retention = retention::measured(Some(database));
    let operations = operations::measured(variables.get("operations_database_url"));
    let drain = Drain::new(&variables)?;
    let internal = Internal::new(&variables)?;
    let readiness = Readiness::new(internal.clone());
    let issuer = Issuer::new(&variables, internal);
    // Instances read it later, each by itself, and could then only refuse to work.
    Allowance::OF_USER.with(variables.get("user_limits").unwrap_or_default()).context("user_limits")?;
    let application = Options {
        manifest: options.manifest,
        variables: variables.into_values(),
        cache_dir: data.cache(),
        standard: options.standard,
        limits: options.instances.limits(),
    };

    super::block_on(async {
        let mut shutdown = Shutdown::listen()?;
        tracing::info!("loading the components");
        let runtime = tokio::select! {
            loaded = Runtime::load(application) => loaded.context("cannot load the application")?,
            () = shutdown.ordered() => return Ok(()),
        };
        let (asked, counted) = (InProcess(runtime.clone()), runtime.clone());
        let health = Health::new(
            Arc::new(move || {
                let (readiness, issuer, functions) = (readiness.clone(), issuer.clone(), asked.clone());
                async move {
                    readiness.ask(&functions).await?;
                    issuer.check(&functions).await
                }
                .boxed()
            }),
            Arc::new(move || {
                let (runtime, retention, operations) = (counted.metrics(), retention.clone(), operations.clone());
                async move {
                    let (retention, operations) = tokio::join!(retention.metrics(), operations.metrics());
                    metrics::text(&[runtime, retention, operations])
                }
                .boxed()
            }),
        );
        serve(runtime, health, drain, listener, &mut shutdown).await
    })?
}

/// Serves until ordered to end, then finishes what is under way; a second order ends it at once.
async fn serve(
    runtime: Runtime,
    health: Health,
    drain: Drain,
    listener: TcpListener,
    shutdown: &mut Shutdown,
) -> Result<()> {
    println!("hubline functions are ready at http://{}", listener.local_addr()?);
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let stop = CancellationToken::new();
    let router = inside::router(Arc::new(InProcess(runtime.clone())), health.clone());
    let mut tasks = Tasks::new();
    tasks.spawn("listener", server::serve(listener, router, stop.clone()));
    tasks.adopt("triggers", runtime.start_triggers(stop.clone()));

    let Some(end) = drain.awaited(&health, shutdown, [&mut tasks]).await else { return Ok(()) };
    stop.cancel();
    tokio::select! {
        ended = tokio::time::timeout(drain.bound(), tasks.rest()) => match ended {
            Ok(Ok(())) => tracing::info!("stopped"),
            Ok(Err(ended)) => tracing::error!("{ended}"),
            Err(_) => tracing::warn!("not everything under way ended in time"),
        },
        () = shutdown.ordered() => tracing::warn!("stopped at once"),
    }
    end.outcome()
}
