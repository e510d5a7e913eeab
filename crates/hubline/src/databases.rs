//! The databases: the operator's, or private ones of the data directory.

use anyhow::{Context, Result, ensure};
use embedded::{Account, Postgres, Redis};

use crate::data::Data;
use crate::roles::{self, CHAT, OPERATIONS, PURGE};
use crate::variables::Variables;

/// A database as its owner, who may migrate it.
pub enum Owner {
    /// The operator's.
    Given(String),
    /// A private one, which runs while this lives.
    Private(Postgres),
}

impl Owner {
    /// The address, with the owner's password.
    pub fn url(&self) -> &str {
        match self {
            Self::Given(url) => url,
            Self::Private(postgres) => postgres.url(),
        }
    }

    /// The address of the private database of operations. The operator's own one has an address that only they know.
    pub fn operations_url(&self) -> Option<&str> {
        match self {
            Self::Given(_) => None,
            Self::Private(postgres) => Some(postgres.operations_url()),
        }
    }
}

/// The database at an address, or the private one when there is no address.
///
/// # Errors
///
/// When the private one does not start.
pub fn owner(url: Option<String>, data: &Data) -> Result<Owner> {
    if let Some(url) = url {
        return Ok(Owner::Given(url));
    }
    tracing::info!("opening the private PostgreSQL");
    let postgres = Postgres::open(&data.postgres(), &Account::choose()?);
    Ok(Owner::Private(postgres.context("the private PostgreSQL cannot be used")?))
}

/// Has a variable with an address of a database, if it is set, as everything reads it. Whether it is set.
fn settled(variables: &mut Variables, name: &str) -> bool {
    let url = variables.get(name).map(roles::database_url);
    let is_set = url.is_some();
    if let Some(url) = url {
        variables.set(name, url);
    }
    is_set
}

/// Finds out where the database is and fills in the variables about it.
///
/// There is no owner when the operator set addresses of the parts' own logins only; the schema is their affair then.
///
/// # Errors
///
/// When the address is unusable or a private database does not start.
pub fn database(url: Option<String>, data: &Data, variables: &mut Variables) -> Result<Option<Owner>> {
    let is_set = settled(variables, "database_url");
    settled(variables, "purge_database_url");
    let owner = match url.as_deref().map(roles::database_url) {
        None if is_set => None,
        url => Some(owner(url, data)?),
    };
    if let Some(owner) = &owner {
        variables.settle("database_url", || roles::as_role(owner.url(), &CHAT))?;
        variables.settle("purge_database_url", || roles::as_role(owner.url(), &PURGE))?;
    }
    let url = variables.get("database_url").unwrap_or_default().to_owned();
    variables.settle("database_origin", || roles::database_origin(&url))?;
    Ok(owner)
}

/// Finds out where the database of operations is and fills in the variables about it: the operator's, or the private one
/// beside the chat's.
///
/// Answers its owner's address, if we are to migrate it. Without any there are no operations, and the chat works.
///
/// # Errors
///
/// When the address is unusable, or that of the chat.
pub fn operations(url: Option<String>, chat: Option<&Owner>, variables: &mut Variables) -> Result<Option<String>> {
    let is_set = settled(variables, "operations_database_url");
    let owner = match url.as_deref().map(roles::database_url) {
        None if is_set => None,
        None => chat.and_then(Owner::operations_url).map(str::to_owned),
        url => url,
    };
    if let Some(owner) = &owner {
        ensure!(chat.is_none_or(|chat| chat.url() != owner), "operations need another database than the chat");
        variables.settle("operations_database_url", || roles::as_role(owner, &OPERATIONS))?;
    }
    if let Some(url) = variables.get("operations_database_url").map(str::to_owned) {
        variables.settle("operations_database_origin", || roles::database_origin(&url))?;
    }
    Ok(owner)
}

/// Finds out where Redis is and fills in the variables about it; what it answers is the private one, if it had to be
/// started.
///
/// # Errors
///
/// When the address is unusable or a private Redis does not start.
pub fn redis(url: Option<String>, data: &Data, variables: &mut Variables) -> Result<Option<Redis>> {
    let mut private = None;
    if let Some(url) = url {
        variables.set("redis_url", url);
    } else if variables.get("redis_url").is_none() {
        tracing::info!("opening the private Redis");
        let redis = Redis::open(&data.redis(), &Account::choose()?).context("the private Redis cannot be used")?;
        variables.set("redis_url", redis.url());
        private = Some(redis);
    }
    let url = variables.get("redis_url").unwrap_or_default().to_owned();
    variables.settle("redis_origin", || roles::redis_origin(&url))?;
    Ok(private)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_sets_holds() {
        let place = tempfile::tempdir().unwrap();
        let data = Data::open(place.path()).unwrap();
        let mut variables = Variables::default();
        variables.set("database_url", "postgres://chat@db/x");
        assert!(database(None, &data, &mut variables).unwrap().is_none());
        assert_eq!(variables.get("database_origin"), Some("postgres://db:5432"));
        assert_eq!(variables.get("purge_database_url"), None);
    }

    #[test]
    fn either_scheme_is_the_same_database() {
        let place = tempfile::tempdir().unwrap();
        let data = Data::open(place.path()).unwrap();
        let mut variables = Variables::default();
        variables.set("operations_database_url", "postgresql://ops@db:2/x");
        let owner = database(Some("postgresql://me@db:1/x".into()), &data, &mut variables).unwrap().unwrap();
        assert_eq!(owner.url(), "postgres://me@db:1/x");
        operations(None, Some(&owner), &mut variables).unwrap();
        for name in ["database_url", "database_origin", "purge_database_url", "operations_database_url"] {
            assert!(variables.get(name).unwrap().starts_with("postgres://"), "{name}");
        }
        operations(Some("postgresql://me@db:1/x".into()), Some(&owner), &mut Variables::default()).unwrap_err();
    }

    #[test]
    fn operations_have_a_database_of_their_own() {
        let chat = Owner::Given("postgres://me@db:1/x".into());
        let mut variables = Variables::default();
        assert_eq!(operations(None, Some(&chat), &mut variables).unwrap(), None);
        assert_eq!(variables.get("operations_database_url"), None);
        operations(Some("postgres://me@db:1/x".into()), Some(&chat), &mut variables).unwrap_err();
        let owner = operations(Some("postgres://me@ops/x".into()), Some(&chat), &mut variables).unwrap();
        assert_eq!(owner.as_deref(), Some("postgres://me@ops/x"));
        assert!(variables.get("operations_database_url").unwrap().contains("hubline%5Foperations"));
        assert_eq!(variables.get("operations_database_origin"), Some("postgres://ops:5432"));
        // Once the variable is set, the schema is the operator's affair.
        assert_eq!(operations(None, Some(&chat), &mut variables).unwrap(), None);
    }

    #[test]
    fn an_owners_address_serves_every_part() {
        let place = tempfile::tempdir().unwrap();
        let data = Data::open(place.path()).unwrap();
        let mut variables = Variables::default();
        let owner = database(Some("postgres://me@db:1/x".into()), &data, &mut variables).unwrap().unwrap();
        assert_eq!(owner.url(), "postgres://me@db:1/x");
        assert!(variables.get("database_url").unwrap().contains("hubline%5Fchat"));
        assert!(variables.get("purge_database_url").unwrap().contains("hubline%5Fpurge"));
        assert!(redis(Some("redis://cache".into()), &data, &mut variables).unwrap().is_none());
        assert_eq!(variables.get("redis_origin"), Some("redis://cache:6379"));
    }
}
