//! Which parties of a conversation are there.

use std::ops::{BitOr, BitXor, Sub};

use serde::{Deserialize, Serialize};

use crate::Role;

/// Which parties of a conversation are there: a set of the three roles that take part.
///
/// In JSON and in the database it is a number: 1 for the customer, 2 for the technician, 4 for the service centre, added up.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(from = "u8", into = "u8")]
pub struct Attendance(u8);

impl Attendance {
    /// Nobody is there.
    pub const NOBODY: Self = Self(0);

    /// The roles that take part.
    pub const ROLES: [Role; 3] = [Role::Customer, Role::Technician, Role::ServiceCenter];

    const ALL: u8 = 0b111;

    /// The party of this role alone; nobody for a role that takes no part.
    #[must_use]
    pub fn of(role: Role) -> Self {
        Self(match role {
            Role::Customer => 1,
            Role::Technician => 2,
            Role::ServiceCenter => 4,
            Role::Platform | Role::Operator | Role::Approver | Role::Commander | Role::Auditor => 0,
        })
    }

    /// Whether the party of this role is there.
    #[must_use]
    pub fn has(self, role: Role) -> bool {
        self.0 & Self::of(role).0 != 0
    }

    /// Whether nobody is there.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::NOBODY
    }

    /// The number.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }
}

impl From<u8> for Attendance {
    /// A number; what stands for no party in it is left out.
    fn from(bits: u8) -> Self {
        Self(bits & Self::ALL)
    }
}

impl From<Attendance> for u8 {
    fn from(attendance: Attendance) -> Self {
        attendance.0
    }
}

impl FromIterator<Role> for Attendance {
    fn from_iter<T: IntoIterator<Item = Role>>(roles: T) -> Self {
        roles.into_iter().fold(Self::NOBODY, |all, role| all | Self::of(role))
    }
}

impl BitOr for Attendance {
    type Output = Self;

    /// Who is in either.
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitXor for Attendance {
    type Output = Self;

    /// Who is in one of them and not in the other.
    fn bitxor(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

impl Sub for Attendance {
    type Output = Self;

    /// Who is in the first and not in the second.
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_set_of_the_roles_that_take_part() {
        let both: Attendance = [Role::Customer, Role::ServiceCenter, Role::Platform].into_iter().collect();
        assert_eq!(Attendance::ROLES.map(|role| both.has(role)), [true, false, true]);
        assert!(!both.has(Role::Platform) && !both.has(Role::Auditor));
        let technician = Attendance::of(Role::Technician);
        assert_eq!((both | technician) - both, technician);
        assert_eq!(both ^ (both | technician), technician);
        assert!((both - both).is_empty());
    }

    #[test]
    fn it_travels_as_a_number() {
        let both: Attendance = [Role::Customer, Role::ServiceCenter].into_iter().collect();
        assert_eq!(serde_json::to_string(&both).unwrap(), "5");
        assert_eq!(serde_json::from_str::<Attendance>("5").unwrap(), both);
        assert_eq!(Attendance::from(0xff).bits(), 7);
    }
}
