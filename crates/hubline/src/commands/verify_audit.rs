//! `hubline verify-audit`: follow the whole audit log of operations.

use anyhow::{Context, Result};
use clap::Args;
use rollback::audit::Chain;
use store::operations::{AuditPage, sql};

use super::{DataDir, Operations, OperationsDatabase};
use crate::{database, logs};

/// How many links are read at once.
const PAGE: i64 = 1_000;

/// Options of `hubline verify-audit`.
#[derive(Debug, Args)]
pub struct VerifyAudit {
    #[command(flatten)]
    operations: OperationsDatabase,
    #[command(flatten)]
    data: DataDir,
}

/// Follows every link from the first on, and prints the head, to be compared with one that was kept elsewhere: a log that
/// was cut off at its end holds too.
///
/// # Errors
///
/// When the database cannot be reached, or the log is broken; the error says where.
pub fn run(options: VerifyAudit) -> Result<()> {
    logs::start()?;
    let operations = Operations::open(options.operations, &options.data)?;
    let chain = super::block_on(verify(&operations.url))??;
    println!("the audit log holds: {} links, the last one is {}", chain.length, chain.head);
    Ok(())
}

async fn verify(url: &str) -> Result<Chain> {
    let client = database::connect(url).await?;
    let mut chain = Chain::default();
    loop {
        let after = i64::try_from(chain.length).context("the audit log is too long")?;
        let row = client.query_one(sql::AUDIT_PAGE, &[&after, &PAGE]).await.context("cannot read the audit log")?;
        let page: AuditPage = serde_json::from_str(row.try_get(0)?).context("the audit log cannot be read")?;
        if page.links.is_empty() {
            return Ok(chain);
        }
        for link in &page.links {
            chain.follow(link).context("the audit log is broken")?;
        }
    }
}
