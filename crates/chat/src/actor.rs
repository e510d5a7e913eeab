//! Who asks, as far as the chat is concerned.

use crate::{CenterId, Role, UserId};

/// Who asks: what a verified token says about its bearer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Actor {
    /// The user.
    pub user: UserId,
    /// What they are; a token may name several.
    pub roles: Vec<Role>,
    /// The service centre that they belong to, if any.
    pub center: Option<CenterId>,
}

impl Actor {
    /// Whether the token names this role.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Who they are as a customer; `None` when their token does not say that they are one.
    #[must_use]
    pub fn as_customer(&self) -> Option<&UserId> {
        self.is(Role::Customer).then_some(&self.user)
    }

    /// Who they are as a technician; `None` when their token does not say that they are one.
    #[must_use]
    pub fn as_technician(&self) -> Option<&UserId> {
        self.is(Role::Technician).then_some(&self.user)
    }

    /// The service centre that they speak for; `None` when their token does not say that they do.
    ///
    /// A technician's token names a centre too, and does not speak for it.
    #[must_use]
    pub fn as_center(&self) -> Option<&CenterId> {
        if self.is(Role::ServiceCenter) { self.center.as_ref() } else { None }
    }
}
