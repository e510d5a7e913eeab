//! Who talks in a service request.

use serde::{Deserialize, Serialize};

use crate::{Actor, CenterId, Role, UserId};

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

    /// As whom this actor takes part: a person of the service centre as the centre. `None` for a stranger.
    #[must_use]
    pub fn party_of(&self, actor: &Actor) -> Option<UserId> {
        match self.role_of(actor)? {
            Role::ServiceCenter => Some(self.service_center_id.clone().into()),
            _ => Some(actor.user.clone()),
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
        let party = |actor: Actor| parties.party_of(&actor).map(|user| user.to_string());
        assert_eq!(party(actor("theo", &[Role::Technician], Some("north"))).unwrap(), "theo");
        assert_eq!(party(actor("sue", &[Role::ServiceCenter], Some("north"))).unwrap(), "north");
        assert_eq!(party(actor("sue", &[Role::ServiceCenter], None)), None);
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
