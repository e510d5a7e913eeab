//! `hubline verify-audit`: follow the whole audit log of operations.

use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use clap::Args;
use rollback::{Digest, audit::Chain};
use store::operations::{AuditPage, sql};

use super::{DataDir, Operations, OperationsDatabase};
use crate::{database, logs};

/// How many links are read at once.
const PAGE: i64 = 1_000;

/// Options of `hubline verify-audit`.
#[derive(Debug, Args)]
pub struct VerifyAudit {
    /// A head that was printed before and kept elsewhere. A log that was cut off at its end, or written anew, holds in itself;
    /// it has this link no more.
    #[arg(long, value_name = "LENGTH:DIGEST")]
    known: Option<Head>,
    #[command(flatten)]
    operations: OperationsDatabase,
    #[command(flatten)]
    data: DataDir,
}

/// A chain up to one of its links.
#[derive(Clone, Copy, Debug)]
struct Head(Chain);

impl FromStr for Head {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (length, head) = text.split_once(':').context("a head is LENGTH:DIGEST")?;
        let length = length.parse().context("the length of a head is a number")?;
        let head: Digest = head.parse().context("the digest of a head begins with sha256:")?;
        Ok(Self(Chain { length, head }))
    }
}

/// Follows every link from the first on, and prints the head, to be kept elsewhere and given the next time.
///
/// # Errors
///
/// When the database cannot be reached, or the log is broken; the error says where.
pub fn run(options: VerifyAudit) -> Result<()> {
    logs::start()?;
    let operations = Operations::open(options.operations, &options.data)?;
    let chain = super::block_on(verify(&operations.url, options.known.map(|head| head.0)))??;
    println!("the audit log holds: {}:{}", chain.length, chain.head);
    Ok(())
}

async fn verify(url: &str, known: Option<Chain>) -> Result<Chain> {
    let client = database::connect(url).await?;
    let mut chain = Chain::default();
    loop {
        let after = i64::try_from(chain.length).context("the audit log is too long")?;
        let row = client.query_one(sql::AUDIT_PAGE, &[&after, &PAGE]).await.context("cannot read the audit log")?;
        let page: AuditPage = serde_json::from_str(row.try_get(0)?).context("the audit log cannot be read")?;
        if page.links.is_empty() {
            let last = known.map_or(0, |known| known.length);
            ensure!(last <= chain.length, "the audit log was cut off: it ends at {}", chain.length);
            return Ok(chain);
        }
        for link in &page.links {
            chain.follow(link).context("the audit log is broken")?;
            let is_other = known.is_some_and(|known| known.length == chain.length && known.head != chain.head);
            ensure!(!is_other, "the audit log was written anew: link {} is another one", chain.length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_printed() {
        let chain = Chain { length: 7, ..Chain::default() };
        let head: Head = format!("{}:{}", chain.length, chain.head).parse().unwrap();
        assert_eq!(head.0, chain);
        for wrong in ["", "7", "7:abc", "x:sha256:00"] {
            assert!(wrong.parse::<Head>().is_err(), "{wrong}");
        }
    }
}
