//! Who talks in a service request.

use serde::{Deserialize, Serialize};

use crate::{Actor, Attendance, CenterId, Role, UserId};

/// Who talks in a service request: nobody else reads or writes there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Parties {
    /// The customer.
    pub customer_id: UserId,
    /// The assigned technician; `None` while there is none.
    #[serde(default)]
    pub technician_id: Option<UserId>,
    /// The service centre.
    pub service_center_id: CenterId,
}

impl Parties {
    /// As what this actor takes part; `None` for a stranger.
    ///
    /// Another technician of the same centre is a stranger, and so is the platform: it reads, by a right of its own.
    #[must_use]
    pub fn role_of(&self, actor: &Actor) -> Option<Role> {
        if actor.as_customer() == Some(&self.customer_id) {
            Some(Role::Customer)
        } else if self.technician_id.is_some() && actor.as_technician() == self.technician_id.as_ref() {
            Some(Role::Technician)
        } else if actor.as_center() == Some(&self.service_center_id) {
            Some(Role::ServiceCenter)
        } else {
            None
        }
    }

    /// Which parties this actor is: none for a stranger, and two for a user who is reported as both.
    #[must_use]
    pub fn attendance_of(&self, actor: &Actor) -> Attendance {
        let Some(role) = self.role_of(actor) else { return Attendance::NOBODY };
        let center = if role == Role::ServiceCenter { Attendance::of(role) } else { Attendance::NOBODY };
        let is = |party: Option<&UserId>, role| {
            if party == Some(&actor.user) { Attendance::of(role) } else { Attendance::NOBODY }
        };
        center | is(Some(&self.customer_id), Role::Customer) | is(self.technician_id.as_ref(), Role::Technician)
    }

    /// Who takes part as this: as the service centre the centre itself, whoever of its people is there. `None` when nobody
    /// does.
    #[must_use]
    pub fn party(&self, role: Role) -> Option<UserId> {
        match role {
            Role::Customer => Some(self.customer_id.clone()),
            Role::Technician => self.technician_id.clone(),
            Role::ServiceCenter => Some(self.service_center_id.clone().into()),
            Role::Platform | Role::Operator | Role::Approver | Role::Commander | Role::Auditor => None,
        }
    }
}

/// A party, and whether it is connected.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartyPresence {
    /// The user; for the service centre the centre itself, whoever of its people is there.
    pub user_id: UserId,
    /// As what they take part.
    pub role: Role,
    /// Whether at least one connection of theirs has joined.
    pub online: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(user: &str, roles: &[Role], center: Option<&str>) -> Actor {
        Actor {
            user: UserId::parse(user).unwrap(),
            roles: roles.to_vec(),
            center: center.map(|center| CenterId::parse(center).unwrap()),
        }
    }

    fn parties(technician: Option<&str>) -> Parties {
        Parties {
            customer_id: UserId::parse("carla").unwrap(),
            technician_id: technician.map(|technician| UserId::parse(technician).unwrap()),
            service_center_id: CenterId::parse("north").unwrap(),
        }
    }

    #[test]
    fn each_party_takes_part_as_what_it_is() {
        let parties = parties(Some("theo"));
        assert_eq!(parties.role_of(&actor("carla", &[Role::Customer], None)), Some(Role::Customer));
        assert_eq!(parties.role_of(&actor("theo", &[Role::Technician], Some("north"))), Some(Role::Technician));
        assert_eq!(parties.role_of(&actor("sue", &[Role::ServiceCenter], Some("north"))), Some(Role::ServiceCenter));
        let party = |role| parties.party(role).map(|user| user.to_string());
        assert_eq!(party(Role::Technician).unwrap(), "theo");
        assert_eq!(party(Role::ServiceCenter).unwrap(), "north");
        assert_eq!(party(Role::Platform), None);
    }

    #[test]
    fn who_is_two_parties_is_there_as_both() {
        let parties = parties(Some("carla"));
        let both = [Role::Customer, Role::Technician].into_iter().collect();
        assert_eq!(parties.attendance_of(&actor("carla", &[Role::Technician], Some("north"))), both);
        assert_eq!(parties.attendance_of(&actor("sue", &[Role::ServiceCenter], Some("north"))).bits(), 4);
        assert!(parties.attendance_of(&actor("carla", &[Role::Platform], None)).is_empty());
    }

    #[test]
    fn everybody_else_is_a_stranger() {
        let parties = parties(Some("theo"));
        for stranger in [
            actor("theo", &[Role::Customer], None),
            actor("carla", &[Role::Technician], Some("north")),
            actor("tina", &[Role::Technician], Some("north")),
            actor("sue", &[Role::ServiceCenter], Some("south")),
            actor("sue", &[Role::ServiceCenter], None),
            actor("north", &[Role::ServiceCenter], None),
            actor("carla", &[Role::Platform], None),
            actor("carla", &[], None),
        ] {
            assert_eq!(parties.role_of(&stranger), None, "{stranger:?}");
        }
        // Without a technician nobody is one by both sides being absent.
        assert_eq!(self::parties(None).role_of(&actor("x", &[Role::Customer], None)), None);
    }
}
