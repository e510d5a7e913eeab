//! Bringing a database's schema up to date: forward, one step at a time, each once.

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use store::{Migration, sql};
use tokio_postgres::Client;

/// Applies every step of a schema that was not applied yet and answers their names.
///
/// Several processes may do this at once: one does, the others wait for it.
///
/// # Errors
///
/// When the database refuses, or holds a step that is not the one we know under its number.
pub async fn apply(client: &mut Client, steps: &'static [Migration]) -> Result<Vec<&'static str>> {
    client.batch_execute(sql::LOCK_MIGRATIONS).await.context("cannot lock the migrations")?;
    client.batch_execute(sql::MIGRATION_TABLE).await.context("cannot make the table of migrations")?;
    let applied = applied(client).await?;
    let mut names = Vec::new();
    for migration in pending(steps, &applied)? {
        step(client, migration).await.with_context(|| format!("migration {} failed", migration.name))?;
        tracing::info!(version = migration.version, name = migration.name, "migrated");
        names.push(migration.name);
    }
    Ok(names)
}

/// A step as the database remembers it.
struct Applied {
    version: i64,
    name: String,
    checksum: Vec<u8>,
}

async fn applied(client: &Client) -> Result<Vec<Applied>> {
    let rows = client.query(sql::MIGRATIONS_APPLIED, &[]).await.context("cannot read the table of migrations")?;
    rows.iter()
        .map(|row| Ok(Applied { version: row.try_get(0)?, name: row.try_get(1)?, checksum: row.try_get(2)? }))
        .collect()
}

/// The steps to apply, in order.
///
/// A database may be ahead of us: an older release is put back without putting back the schema, and lives with it.
fn pending<'a>(known: &'a [Migration], applied: &[Applied]) -> Result<Vec<&'a Migration>> {
    for there in applied {
        match known.iter().find(|migration| migration.version == there.version) {
            Some(migration) => ensure!(
                checksum(migration) == there.checksum,
                "migration {} ({}) was applied with another text than it has now",
                there.version,
                there.name
            ),
            None => tracing::warn!(version = there.version, name = there.name, "the database is ahead of this program"),
        }
    }
    let is_new = |migration: &&Migration| applied.iter().all(|there| there.version != migration.version);
    Ok(known.iter().filter(is_new).collect())
}

/// Applies a step and notes it, both or neither.
async fn step(client: &mut Client, migration: &Migration) -> Result<()> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(migration.sql).await?;
    // A step may have gone on as another role; the note is the migrating user's own.
    transaction.batch_execute("reset role").await?;
    let checksum = checksum(migration);
    transaction.execute(sql::RECORD_MIGRATION, &[&migration.version, &migration.name, &checksum]).await?;
    transaction.commit().await?;
    Ok(())
}

fn checksum(migration: &Migration) -> Vec<u8> {
    Sha256::digest(migration.sql).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Migration; 2] = [
        Migration { version: 1, name: "one", sql: "select 1" },
        Migration { version: 2, name: "two", sql: "select 2" },
    ];

    fn note(migration: &Migration) -> Applied {
        Applied { version: migration.version, name: migration.name.to_owned(), checksum: checksum(migration) }
    }

    fn names(pending: Vec<&Migration>) -> Vec<&str> {
        pending.iter().map(|migration| migration.name).collect()
    }

    #[test]
    fn what_was_applied_is_not_applied_again() {
        assert_eq!(names(pending(&KNOWN, &[]).unwrap()), ["one", "two"]);
        assert_eq!(names(pending(&KNOWN, &[note(&KNOWN[0])]).unwrap()), ["two"]);
        assert!(pending(&KNOWN, &[note(&KNOWN[0]), note(&KNOWN[1])]).unwrap().is_empty());
    }

    #[test]
    fn an_edited_step_is_noticed() {
        let edited = Migration { sql: "select 0", ..KNOWN[0] };
        let error = pending(&KNOWN, &[note(&edited)]).unwrap_err().to_string();
        assert!(error.contains("migration 1 (one)"), "{error}");
    }

    #[test]
    fn a_database_ahead_of_us_is_lived_with() {
        let later = Migration { version: 3, name: "three", sql: "select 3" };
        assert!(pending(&KNOWN[..1], &[note(&KNOWN[0]), note(&later)]).unwrap().is_empty());
    }
}
