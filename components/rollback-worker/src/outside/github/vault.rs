//! Secrets and variables of an environment.

use chrono::{DateTime, Utc};
use clients::{
    Secret,
    github::{
        PublicKey, SecretPlace, VariableWrite, read_public_key, read_secret_update, read_secret_write, read_variable,
        read_variable_creation, read_variable_write,
    },
};
use rollback::Digest;
use serde::{Deserialize, Serialize};

use super::{chance, configured, github, trouble};
use crate::{
    desk::{Desk, Halt},
    fact::{FactName, Part},
    memory::Purpose,
};

fn place<'a>(repository: &'a str, environment: &'a str) -> SecretPlace<'a> {
    SecretPlace { repository, environment: Some(environment) }
}

/// Writes a secret of the environment. What is kept as evidence is the digest of what was sent, sealed.
pub fn put_secret(desk: &Desk<'_>, name: &FactName, secret: &str, value: &Secret) -> Result<(), Halt> {
    if desk.known::<Written>(name).is_some() {
        return Ok(());
    }
    let configured = configured(desk)?;
    let (repository, environment) = (configured.repository.as_str(), desk.place.environment.as_str());
    let place = place(repository, environment);
    let key: PublicKey = desk.ask(
        &name.part(Part::Key),
        || Ok(github(desk, repository, Purpose::WritingSecrets)?.public_key(place)),
        |response| read_public_key(response).map_err(trouble),
    )?;
    let sealed = key.seal(value, chance()).map_err(|error| Halt::Fail(trouble(error).failure().clone()))?;
    let written = Written { key_id: sealed.key_id.clone(), sealed: sealed.digest };
    let _: Written = desk.ask(
        name,
        || Ok(github(desk, repository, Purpose::WritingSecrets)?.write_secret(place, secret, &sealed)),
        move |response| {
            read_secret_write(response).map_err(trouble)?;
            Ok(written.clone())
        },
    )?;
    Ok(())
}

/// What is kept of a secret that was written.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    key_id: String,
    sealed: Digest,
}

/// Writes a variable of the environment, which is created when it is not there.
pub fn put_variable(desk: &Desk<'_>, name: &FactName, variable: &str, value: &str) -> Result<(), Halt> {
    let configured = configured(desk)?;
    let (repository, environment) = (configured.repository.as_str(), desk.place.environment.as_str());
    let place = place(repository, environment);
    let written: bool = desk.ask(
        name,
        || Ok(github(desk, repository, Purpose::WritingSecrets)?.write_variable(place, variable, value)),
        |response| Ok(read_variable_write(response).map_err(trouble)? == VariableWrite::Written),
    )?;
    if !written {
        let _: bool = desk.ask(
            &name.part(Part::Creation),
            || Ok(github(desk, repository, Purpose::WritingSecrets)?.create_variable(place, variable, value)),
            |response| match response.status {
                // It has been created meanwhile; what it says is read back in any case.
                409 => Ok(true),
                _ => read_variable_creation(response).map_err(trouble).map(|()| true),
            },
        )?;
    }
    Ok(())
}

/// When a secret of the environment was last written.
pub fn secret_updated_at(desk: &Desk<'_>, name: &FactName, secret: &str) -> Result<Option<DateTime<Utc>>, Halt> {
    let configured = configured(desk)?;
    let (repository, environment) = (configured.repository.as_str(), desk.place.environment.as_str());
    desk.ask(
        name,
        || Ok(github(desk, repository, Purpose::WritingSecrets)?.secret(place(repository, environment), secret)),
        |response| read_secret_update(response).map_err(trouble),
    )
}

/// What a variable of the environment says.
pub fn variable(desk: &Desk<'_>, name: &FactName, variable: &str) -> Result<Option<String>, Halt> {
    let configured = configured(desk)?;
    let (repository, environment) = (configured.repository.as_str(), desk.place.environment.as_str());
    desk.ask(
        name,
        || Ok(github(desk, repository, Purpose::WritingSecrets)?.variable(place(repository, environment), variable)),
        |response| read_variable(response).map_err(trouble),
    )
}
