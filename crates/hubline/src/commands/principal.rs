//! `hubline principal`: who may be what in operations.

use std::collections::BTreeSet;

use anyhow::Result;
use clap::{Args, Subcommand};
use rollback::{Person, Role, Scope};
use tokio_postgres::Client;

use super::{DataDir, Operations, OperationsDatabase};
use crate::{database, logs, principals};

/// Options of `hubline principal`.
#[derive(Debug, Args)]
pub struct Principal {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say what a person may be. What they might before counts no more.
    Grant(Grant),
    /// Withdraw all of it, at once: approvals that were given count no more either.
    Revoke(Revoke),
    /// List everybody.
    List(List),
}

#[derive(Debug, Args)]
struct Grant {
    /// The person, as the claim `sub` of their tokens names them.
    person: Person,
    /// What they may be: operator, approver, commander, auditor.
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<Role>,
    /// What they are trusted with beyond that: infrastructure.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Revoke {
    /// The person.
    person: Person,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Place {
    #[command(flatten)]
    operations: OperationsDatabase,
    #[command(flatten)]
    data: DataDir,
}

/// Does what was asked.
///
/// # Errors
///
/// When the database cannot be reached or refuses.
pub fn run(options: Principal) -> Result<()> {
    logs::start()?;
    let place = match &options.action {
        Action::Grant(Grant { place, .. }) | Action::Revoke(Revoke { place, .. }) | Action::List(List { place }) => {
            place
        }
    };
    let operations = Operations::open(place.operations.clone(), &place.data)?;
    super::block_on(act(options.action, &operations.url))?
}

async fn act(action: Action, url: &str) -> Result<()> {
    let client = database::connect(url).await?;
    match action {
        Action::Grant(Grant { person, roles, scopes, .. }) => {
            let (roles, scopes) = (roles.into_iter().collect(), scopes.into_iter().collect());
            put(&client, rollback::Principal { person, roles, scopes, revoked: false }).await
        }
        Action::Revoke(Revoke { person, .. }) => {
            let (roles, scopes) = (BTreeSet::new(), BTreeSet::new());
            put(&client, rollback::Principal { person, roles, scopes, revoked: true }).await
        }
        Action::List(_) => list(&client).await,
    }
}

async fn put(client: &Client, principal: rollback::Principal) -> Result<()> {
    principals::put(client, &principal).await?;
    println!("{}", line(&principal));
    Ok(())
}

async fn list(client: &Client) -> Result<()> {
    for principal in principals::list(client).await? {
        println!("{}", line(&principal));
    }
    Ok(())
}

fn line(principal: &rollback::Principal) -> String {
    if principal.revoked {
        return format!("{}: withdrawn", principal.person);
    }
    let roles = principal.roles.iter().map(|role| role.as_str());
    let scopes = principal.scopes.iter().map(|scope| scope.as_str());
    format!("{}: {}", principal.person, roles.chain(scopes).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_a_line() {
        let principal = |revoked| rollback::Principal {
            person: "ada".parse().unwrap(),
            roles: BTreeSet::from([Role::Operator, Role::Approver]),
            scopes: BTreeSet::from([Scope::Infrastructure]),
            revoked,
        };
        assert_eq!(line(&principal(false)), "ada: operator, approver, infrastructure");
        assert_eq!(line(&principal(true)), "ada: withdrawn");
    }
}
