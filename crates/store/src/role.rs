//! The role that statements run with.

use crate::{
    Database, StoreError,
    query::{one_row, text},
    sql,
};

/// What a part of Hubline may do in the database: the role that migrations made for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// The chat's functions.
    Chat,
    /// Retention.
    Purge,
    /// The functions of operations.
    Operations,
}

impl Role {
    /// The role's name in PostgreSQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "hubline_chat",
            Self::Purge => "hubline_purge",
            Self::Operations => "hubline_operations",
        }
    }
}

/// Makes sure that a new connection works as the role that is meant: that role, or a login that inherits it and no other
/// part's. A pooler that drops a connection's options has everything run as the login behind them, often the database's owner.
///
/// # Errors
/// Returns [`StoreError::Role`] when it works as somebody else, and another [`StoreError`] when the database can't say.
pub async fn demand_role(db: &impl Database, role: Role) -> Result<(), StoreError> {
    let row = one_row(db, sql::ROLE_IN_FORCE, vec![text(Some(role.name()))]).await?;
    let mut row = row.ok_or_else(|| StoreError::shape("row"))?;
    let (in_force, login) = (row.text()?, row.text()?);
    match row.boolean()? {
        true => Ok(()),
        false => Err(StoreError::Role { meant: role.name(), in_force, login }),
    }
}
