//! Who asks.

use function::{Instance, bearer};
use http::HeaderMap;
use identity::Identity;
use rollback::{Actor, Person, Role, permission::Move};
use store::operations::snapshot;

use crate::refused::Refused;

/// Who asks, as their token says. What they may do is for the table to say.
pub(crate) async fn identify(instance: &Instance, headers: &HeaderMap) -> Result<Actor, Refused> {
    actor(&*instance.identify(bearer(headers)?).await?)
}

/// Lets somebody through who may make a move now, by the table as it is now.
pub(crate) async fn authorise(instance: &Instance, actor: &Actor, movement: Move) -> Result<(), Refused> {
    let now = instance.database(async |db| snapshot(db, None, None, None).await).await?;
    Ok(now.context().authorise(actor, movement)?)
}

fn actor(identity: &Identity) -> Result<Actor, Refused> {
    let person = Person::parse(identity.subject.as_str())
        .map_err(|error| chat::ErrorCode::Unauthenticated.refusal(error.to_string()))?;
    let claimed = identity.roles.iter().filter_map(|role| role.as_str().parse::<Role>().ok()).collect();
    Ok(Actor { person, claimed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_roles_of_operations_are_claimed() {
        let identity = Identity {
            subject: "olga".parse().unwrap(),
            roles: vec![chat::Role::Platform, chat::Role::Operator, chat::Role::Auditor],
            center: None,
            expires_at: 0,
        };
        let actor = actor(&identity).unwrap();
        assert_eq!(actor.person.as_str(), "olga");
        assert_eq!(actor.claimed, [Role::Operator, Role::Auditor].into());
    }
}
