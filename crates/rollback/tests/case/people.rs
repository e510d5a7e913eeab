//! The people of the tests, and what the table says of them.

use std::collections::BTreeSet;

use rollback::{Actor, Person, Principal, Role, Scope};

/// Who is what. Bob is trusted with infrastructure.
const PEOPLE: [(&str, Role); 8] = [
    ("olaf", Role::Operator),
    ("otto", Role::Operator),
    ("ada", Role::Approver),
    ("bob", Role::Approver),
    ("cleo", Role::Commander),
    ("carl", Role::Commander),
    ("rita", Role::Auditor),
    ("worker", Role::Auditor),
];

/// A person.
pub fn person(name: &str) -> Person {
    name.parse().unwrap()
}

/// The table of principals.
pub fn table() -> Vec<Principal> {
    let scopes = |name| if name == "bob" { BTreeSet::from([Scope::Infrastructure]) } else { BTreeSet::new() };
    PEOPLE
        .iter()
        .map(|(name, role)| Principal {
            person: person(name),
            roles: BTreeSet::from([*role]),
            scopes: scopes(*name),
            revoked: false,
        })
        .collect()
}

/// Somebody whose token claims every role, so that the table alone decides.
pub fn actor(name: &str) -> Actor {
    Actor { person: person(name), claimed: Role::ALL.iter().copied().collect() }
}
