//! The people of the demo: one of each role of operations, in the private database of a development set-up and nowhere else.

use std::net::SocketAddr;

use anyhow::Result;
use identity::Settings;
use rollback::{Principal, Role, Scope};
use tokio_postgres::Client;

use super::TTL;
use crate::principals;
use crate::tokens::{Holder, sign};

/// Who is shown first.
const PEOPLE: [Role; 4] = [Role::Operator, Role::Approver, Role::Commander, Role::Auditor];

/// Grants each of them their role; or, where there is no demo, withdraws what an earlier one granted.
///
/// # Errors
///
/// When the database refuses.
pub async fn settle(client: &Client, with_demo: bool) -> Result<()> {
    let known = principals::list(client).await?;
    for role in PEOPLE {
        let wanted = principal(role, with_demo)?;
        let row = known.iter().find(|row| row.person == wanted.person);
        // Each change is a record of the audit log: what is right already is left alone.
        if row.map_or(with_demo, |row| *row != wanted) {
            principals::put(client, &wanted).await?;
        }
    }
    Ok(())
}

/// The address of the page of operations with a token of each. They travel in the fragment, which browsers keep to themselves.
///
/// # Errors
///
/// When tokens cannot be signed.
pub fn address(settings: &Settings, listen: SocketAddr) -> Result<String> {
    let tokens = PEOPLE.iter().map(|role| {
        let holder = Holder { subject: name(*role).parse()?, role: role.as_str().parse()?, center: None };
        Ok(format!("token={}", sign(settings, holder, TTL)?))
    });
    Ok(format!("http://{listen}/operations#{}", tokens.collect::<Result<Vec<_>>>()?.join("&")))
}

fn name(role: Role) -> String {
    format!("demo-{role}")
}

fn principal(role: Role, granted: bool) -> Result<Principal> {
    let scopes = (granted && role == Role::Approver).then_some(Scope::Infrastructure);
    Ok(Principal {
        person: name(role).parse()?,
        roles: granted.then_some(role).into_iter().collect(),
        scopes: scopes.into_iter().collect(),
        revoked: !granted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_one_role_and_together_they_have_all() {
        let people: Vec<_> = PEOPLE.iter().map(|role| principal(*role, true).unwrap()).collect();
        assert_eq!(people.len(), Role::ALL.len());
        for (person, role) in people.iter().zip(PEOPLE) {
            assert!(person.may_be(role) && person.roles.len() == 1, "{role}");
        }
        assert!(people.iter().any(|person| person.is_trusted_with(Scope::Infrastructure)));
    }

    #[test]
    fn who_is_withdrawn_may_be_nothing() {
        for role in PEOPLE {
            let person = principal(role, false).unwrap();
            assert!(person.revoked && person.roles.is_empty() && person.scopes.is_empty());
        }
    }
}
