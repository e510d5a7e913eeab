//! `hubline trigger`: run a scheduled component once, now.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use runtime::{Limits, Options, Runtime};

use super::{DataDir, Database, OperationsDatabase};
use crate::data::Data;
use crate::variables::Variables;
use crate::{databases, logs};

/// How long a run may take that somebody has asked for, and waits for.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// What a component that knows its time leaves of it.
const MARGIN: Duration = Duration::from_secs(60);

/// Options of `hubline trigger`.
#[derive(Debug, Args)]
pub struct Trigger {
    /// The component's name in the manifest, such as `message-purge`.
    component: String,
    /// The application.
    #[arg(long, value_name = "FILE", default_value = "spin.toml")]
    manifest: PathBuf,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    operations: OperationsDatabase,
    #[command(flatten)]
    data: DataDir,
}

/// Runs a component as its clock would.
///
/// # Errors
///
/// When the application cannot be loaded, has no such component, or the component fails.
pub fn run(options: Trigger) -> Result<()> {
    logs::start()?;
    let data = Data::open(&options.data.data_dir)?;
    let mut variables = Variables::from_environment();
    let database = databases::database(options.database.database_url, &data, &mut variables)?;
    databases::operations(options.operations.operations_database_url, database.as_ref(), &mut variables)?;
    // Nobody fires it again when this run is over, so it takes what it takes.
    variables.set("purge_patience", (LONGEST - MARGIN).as_secs().to_string());
    let application = Options {
        manifest: options.manifest,
        variables: variables.into_values(),
        cache_dir: data.cache(),
        standard: false,
        limits: Limits { schedule: LONGEST, ..Limits::default() },
    };
    super::block_on(async {
        let runtime = Runtime::load(application).await.context("cannot load the application")?;
        runtime.fire(&options.component).await?;
        Ok::<_, anyhow::Error>(())
    })??;
    println!("`{}` ran", options.component);
    drop(database);
    Ok(())
}
