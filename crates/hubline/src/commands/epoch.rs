//! `hubline epoch`: the name of the database's history.

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use super::{DataDir, Database};
use crate::data::Data;
use crate::{database, databases, logs};

/// Options of `hubline epoch`.
#[derive(Debug, Args)]
pub struct Epoch {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Give the history a new name. Run this after restoring the database to an earlier time, before clients return: they
    /// then drop what they have, whose numbers other messages may get now.
    Renew(Renew),
}

#[derive(Debug, Args)]
struct Renew {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    data: DataDir,
}

/// Does what was asked.
///
/// # Errors
///
/// When the database cannot be reached or refuses.
pub fn run(options: Epoch) -> Result<()> {
    logs::start()?;
    let Action::Renew(options) = options.action;
    let owner = databases::owner(options.database.database_url, &Data::open(&options.data.data_dir)?)?;
    let name: String = super::block_on(async {
        let client = database::connect(owner.url()).await?;
        let row = client.query_one(store::sql::RENEW_EPOCH, &[]).await.context("the epoch was not renewed")?;
        Ok::<_, anyhow::Error>(row.try_get(0)?)
    })??;
    println!("{name}");
    Ok(())
}
