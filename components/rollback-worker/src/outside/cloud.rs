//! What the cloud says of database servers.

use std::collections::BTreeMap;

use clients::{
    Secret,
    azure::{
        Arm, AzureError, Beside, Entra, Proof, Restore, read_beside, read_operation, read_restore, read_server,
        read_token,
    },
};
use rollback::{Reference, RunId, ServerName, recipe::DatabaseRecipe, step::FailureCode};

pub use clients::azure::{Progress, Server, Setting};

use crate::{
    desk::{Call, Desk, Halt},
    fact::FactName,
    memory::SecretName,
    settings::Azure,
    trouble::Trouble,
    turn::Taken,
};

/// The most pages that are read of what belongs to a server.
const PAGES: usize = 10;

fn trouble(error: AzureError) -> Trouble {
    Trouble::of(&error)
}

fn configured<'a>(desk: &Desk<'a>) -> Result<&'a Azure, Halt> {
    let unconfigured = || Halt::fail(FailureCode::Refused, "the cloud is not configured for this environment");
    desk.place.targets.azure.as_ref().ok_or_else(unconfigured)
}

/// A token of ours for an audience.
///
/// # Errors
/// Returns [`Halt`] while there is none.
pub fn token(desk: &Desk<'_>, audience: &str) -> Result<Secret, Halt> {
    let (azure, own) = (configured(desk)?, &desk.place.credentials.azure);
    let missing = || Halt::fail(FailureCode::LoginRefused, "azure: no credential is configured for this environment");
    let secret = own.client_secret.clone().map(Proof::Secret);
    let proof = own.assertion.clone().map(Proof::Assertion).or(secret).ok_or_else(missing)?;
    let entra = Entra::new(&azure.entra, &azure.tenant, &own.client_id, proof);
    let scope = format!("{}/.default", audience.trim_end_matches('/'));
    desk.secret(
        SecretName::Entra { client: own.client_id.clone(), audience: audience.to_owned() },
        || Ok(entra.token(&scope)),
        |response| {
            let granted = read_token(response).map_err(trouble)?;
            Ok((granted.token, granted.lasts))
        },
    )
}

fn arm(desk: &Desk<'_>) -> Result<Arm, Halt> {
    let azure = configured(desk)?;
    let audience = azure.audience.as_deref().unwrap_or(&azure.management);
    let token = token(desk, audience)?;
    Ok(Arm::new(&azure.management, &azure.subscription, &azure.resource_group, token))
}

/// A server; nothing when it is not there.
///
/// # Errors
/// Returns [`Halt`] while it is not known.
pub fn server(desk: &Desk<'_>, name: &FactName, server: &ServerName) -> Result<Option<Server>, Halt> {
    desk.ask(name, || Ok(arm(desk)?.server(server)), |response| read_server(response).map_err(trouble))
}

/// What belongs to a server and is compared with its source: firewall, parameters, administrators.
///
/// # Errors
/// Returns [`Halt`] while it is not known.
pub fn beside(desk: &Desk<'_>, name: &FactName, server: &ServerName) -> Result<BTreeMap<Setting, String>, Halt> {
    let mut setup = BTreeMap::new();
    for what in Beside::ALL {
        let mut next: Option<String> = None;
        for page in 0..PAGES {
            let place = next.clone();
            let (own, further): (BTreeMap<Setting, String>, Option<String>) = desk.ask(
                &name.beside(what).page(page),
                || {
                    let arm = arm(desk)?;
                    match place.as_deref() {
                        Some(page) => arm.next(page).map_err(|error| Halt::Fail(trouble(error).failure().clone())),
                        None => Ok(arm.beside(server, what)),
                    }
                },
                move |response| {
                    let page = read_beside(response, what).map_err(trouble)?;
                    Ok((page.setup, page.next))
                },
            )?;
            setup.extend(own);
            match further {
                Some(further) => next = Some(further),
                None => break,
            }
        }
    }
    Ok(setup)
}

/// The call that asks for the restored server.
///
/// # Errors
/// Returns [`Halt`] while it can't be made.
pub fn restore(
    desk: &Desk<'_>,
    name: FactName,
    recipe: &DatabaseRecipe,
    source: &Server,
    run: RunId,
) -> Result<Call, Halt> {
    let run = run.to_string();
    let restore = Restore { source, name: &recipe.restored, point_in_time: recipe.point_in_time, run: &run };
    let request = arm(desk)?.restore(&restore);
    let restored = recipe.restored.to_string();
    Ok(Call::shot(name, request, move |response| match read_restore(response) {
        Ok(accepted) => {
            // A server that is there at once has no operation: it is followed by its name.
            let followed = accepted.operation.unwrap_or_else(|| restored.clone());
            Ok(Taken { operation: Reference::parse(followed).ok() })
        }
        // A name that is taken may have been taken by this very run: whose it is, is found out by looking.
        Err(error @ (AzureError::NameTaken(_) | AzureError::Busy { .. })) => {
            let failure = trouble(error).failure().clone();
            Err(Trouble::Passing { failure, retry_after: None })
        }
        Err(error) => Err(trouble(error)),
    }))
}

/// By what a restore is followed that was taken, or found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Followed<'a> {
    /// By the address of its operation, and then by the server.
    Operation(&'a str),
    /// By the server alone.
    Server,
}

impl<'a> Followed<'a> {
    /// What stands on record of the restore: the address of its operation, or the name of the server that it makes.
    #[must_use]
    pub fn of(taken: &'a Reference, recipe: &DatabaseRecipe) -> Self {
        let is_server = taken.as_str().eq_ignore_ascii_case(recipe.restored.as_str());
        if is_server { Self::Server } else { Self::Operation(taken.as_str()) }
    }
}

/// How far an operation has come.
///
/// # Errors
/// Returns [`Halt`] while it is not known.
pub fn operation(desk: &Desk<'_>, name: &FactName, url: &str) -> Result<Progress, Halt> {
    desk.ask(
        name,
        || arm(desk)?.operation(url).map_err(|error| Halt::Fail(trouble(error).failure().clone())),
        |response| read_operation(response).map_err(trouble),
    )
}
