//! People, as the table of operations principals knows them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Person, Role, Scope};

/// A row of the table of operations principals: what a person may be, until it is withdrawn.
///
/// The table is read again in the very transaction of each command, so a withdrawal takes effect at once.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Principal {
    /// Who.
    pub person: Person,
    /// What they may be.
    pub roles: BTreeSet<Role>,
    /// What they are trusted with beyond that.
    pub scopes: BTreeSet<Scope>,
    /// Whether all of it has been withdrawn.
    pub revoked: bool,
}

impl Principal {
    /// Whether the person may be this now.
    #[must_use]
    pub fn may_be(&self, role: Role) -> bool {
        !self.revoked && self.roles.contains(&role)
    }

    /// Whether the person is trusted with this now.
    #[must_use]
    pub fn is_trusted_with(&self, scope: Scope) -> bool {
        !self.revoked && self.scopes.contains(&scope)
    }
}

/// Somebody who commands: who they are and which roles their token claims. A role holds only when the table says so too.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Actor {
    /// Who.
    pub person: Person,
    /// What their token says they are.
    pub claimed: BTreeSet<Role>,
}

/// The row of a person, if there is one.
#[must_use]
pub fn find<'a>(principals: &'a [Principal], person: &Person) -> Option<&'a Principal> {
    principals.iter().find(|principal| principal.person == *person)
}
