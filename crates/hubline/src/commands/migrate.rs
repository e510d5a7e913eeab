//! `hubline migrate`: bring the database's schema up to date.

use anyhow::Result;
use clap::Args;

use super::{DataDir, Database};
use crate::data::Data;
use crate::{database, databases, logs, migrations};

/// Options of `hubline migrate`.
#[derive(Debug, Args)]
pub struct Migrate {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    data: DataDir,
}

/// Applies every migration that was not applied yet.
///
/// # Errors
///
/// When the database cannot be reached or refuses.
pub fn run(options: Migrate) -> Result<()> {
    logs::start()?;
    // Dropped last: the private server must outlive the work on it.
    let owner = databases::owner(options.database.database_url, &Data::open(&options.data.data_dir)?)?;
    let names = super::block_on(async {
        let mut client = database::connect(owner.url()).await?;
        migrations::apply(&mut client).await
    })??;
    match names.as_slice() {
        [] => println!("the schema is up to date"),
        names => println!("applied {}", names.join(", ")),
    }
    Ok(())
}
