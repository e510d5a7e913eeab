//! The people of the model. Some of them hold roles that should not be one person's.

use rollback::{Actor, Person, Principal, Role, Scope};

use crate::chance::Chance;

pub const NAMES: [&str; 7] = ["olaf", "otto", "ada", "bob", "cleo", "carl", "rita"];

pub fn person(name: &str) -> Person {
    name.parse().unwrap()
}

/// Somebody whose token claims every role.
pub fn actor(name: &str) -> Actor {
    Actor { person: person(name), claimed: Role::ALL.iter().copied().collect() }
}

/// The table: everybody's usual role, and now and then another one on top.
pub fn table(chance: &mut Chance) -> Vec<Principal> {
    let usual = [
        Role::Operator,
        Role::Operator,
        Role::Approver,
        Role::Approver,
        Role::Commander,
        Role::Commander,
        Role::Auditor,
    ];
    NAMES
        .iter()
        .zip(usual)
        .map(|(name, role)| {
            let mut roles = std::collections::BTreeSet::from([role]);
            if chance.one_in(4) {
                roles.insert(chance.one_of(Role::ALL));
            }
            let trusted = *name == "bob" || chance.one_in(4);
            Principal {
                person: person(name),
                roles,
                scopes: trusted.then_some(Scope::Infrastructure).into_iter().collect(),
                revoked: false,
            }
        })
        .collect()
}
