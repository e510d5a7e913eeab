//! `hubline migrate`: bring the databases' schemas up to date.

use anyhow::Result;
use clap::Args;
use store::{MIGRATIONS, Migration, OPERATIONS_MIGRATIONS};

use super::{DataDir, Database, OperationsDatabase};
use crate::data::Data;
use crate::{database, databases, logs, migrations};

/// Options of `hubline migrate`.
#[derive(Debug, Args)]
pub struct Migrate {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    operations: OperationsDatabase,
    #[command(flatten)]
    data: DataDir,
}

/// Applies every migration that was not applied yet: to the databases whose addresses are given, or else to both private
/// ones.
///
/// # Errors
///
/// When a database cannot be reached or refuses.
pub fn run(options: Migrate) -> Result<()> {
    logs::start()?;
    let mut chat = options.database.database_url;
    let mut operations = options.operations.operations_database_url;
    // Dropped last: the private server must outlive the work on it.
    let mut _server = None;
    if chat.is_none() && operations.is_none() {
        let server = databases::owner(None, &Data::open(&options.data.data_dir)?)?;
        chat = Some(server.url().to_owned());
        operations = server.operations_url().map(str::to_owned);
        _server = Some(server);
    }
    super::block_on(async {
        if let Some(url) = chat {
            migrate("the chat's schema", &url, MIGRATIONS).await?;
        }
        if let Some(url) = operations {
            migrate("the schema of operations", &url, OPERATIONS_MIGRATIONS).await?;
        }
        Ok(())
    })?
}

async fn migrate(what: &str, url: &str, steps: &'static [Migration]) -> Result<()> {
    let mut client = database::connect(url).await?;
    match migrations::apply(&mut client, steps).await?.as_slice() {
        [] => println!("{what} is up to date"),
        names => println!("{what}: applied {}", names.join(", ")),
    }
    Ok(())
}
