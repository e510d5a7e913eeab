//! What the registry is asked: the tags of a repository, and what an image states of itself.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use clients::{
    Request, Response, Secret,
    azure::{
        AzureError,
        registry::{
            Registry, Tag as Listed, read_access, read_blob_location, read_config, read_manifest, read_refresh,
            read_tags,
        },
    },
};
use rollback::{Digest, Repository, TagName, schema::SchemaRange, step::FailureCode, tag::Tag};

use super::cloud;
use crate::{
    desk::{Desk, Halt},
    fact::{FactName, Part},
    memory::SecretName,
    trouble::Trouble,
};

/// The most pages of tags that are read, a hundred tags each.
const PAGES: usize = 5;

/// How long the tokens of the registry are used: it lets them last some hours, and about one.
const REFRESH: TimeDelta = TimeDelta::hours(1);
const ACCESS: TimeDelta = TimeDelta::minutes(30);

/// How long the address of a blob is used: it opens it by itself for some minutes.
const ADDRESS: TimeDelta = TimeDelta::minutes(1);

/// The annotation or label by which an image states on which versions of the schema it runs.
const SCHEMA: &str = "hubline.schema";

fn trouble(error: AzureError) -> Trouble {
    Trouble::of(&error)
}

fn registry(desk: &Desk<'_>) -> Result<Registry, Halt> {
    let unconfigured = || Halt::fail(FailureCode::Refused, "the registry is not configured for this environment");
    let configured = desk.place.targets.registry.as_ref().ok_or_else(unconfigured)?;
    Ok(Registry::new(&configured.server))
}

/// A token that reads one repository: a login's, exchanged twice.
fn token(desk: &Desk<'_>, repository: &Repository) -> Result<Secret, Halt> {
    let registry = registry(desk)?;
    let challenge = registry.challenge(repository.as_str());
    let audience = desk.place.targets.registry.as_ref().map_or("", |registry| registry.audience.as_str());
    let tenant = desk.place.targets.azure.as_ref().map(|azure| azure.tenant.as_str());
    let login = cloud::token(desk, audience)?;
    let refresh = desk.secret(
        SecretName::RegistryRefresh,
        || Ok(registry.exchange(&challenge, tenant, &login)),
        |response| Ok((read_refresh(response).map_err(trouble)?, REFRESH)),
    )?;
    desk.secret(
        SecretName::RegistryAccess(repository.clone()),
        || Ok(registry.access(&challenge, &refresh)),
        |response| Ok((read_access(response).map_err(trouble)?, ACCESS)),
    )
}

/// The tags of a repository, those that were changed last first.
///
/// # Errors
/// Returns [`Halt`] while they are not known.
pub fn tags(desk: &Desk<'_>, name: &FactName, repository: &Repository) -> Result<Vec<Tag>, Halt> {
    let mut all: Vec<Tag> = Vec::new();
    let mut next: Option<String> = None;
    for page in 0..PAGES {
        let (own, place) = (registry(desk)?, next.clone());
        let (listed, further): (Vec<Listed>, Option<String>) = desk.ask(
            &name.page(page),
            || {
                let (registry, token) = (registry(desk)?, token(desk, repository)?);
                Ok(match place.as_deref() {
                    Some(page) => registry.next(page, Some(&token)),
                    None => registry.tags(repository.as_str(), Some(&token)),
                })
            },
            move |response| {
                let page = read_tags(response, &own).map_err(trouble)?;
                Ok((page.tags, page.next))
            },
        )?;
        let tag = |listed: Listed| Tag {
            name: listed.name,
            digest: listed.digest,
            created_at: listed.created_at,
            schema: None,
        };
        all.extend(listed.into_iter().map(tag));
        match further {
            Some(further) => next = Some(further),
            None => break,
        }
    }
    Ok(all)
}

/// What a tag points to now; nothing when it is gone.
///
/// # Errors
/// Returns [`Halt`] while it is not known.
pub fn tag_digest(
    desk: &Desk<'_>,
    name: &FactName,
    repository: &Repository,
    tag: &TagName,
) -> Result<Option<Digest>, Halt> {
    let listed = tags(desk, name, repository)?;
    Ok(listed.into_iter().find(|listed| listed.name == *tag).map(|listed| listed.digest))
}

/// On which versions of the schema an image states that it runs: in an annotation of its manifest, or in a label of its
/// configuration. Where neither can be read the image states nothing, and people must.
///
/// # Errors
/// Returns [`Halt`] while it is not known.
pub fn schema(
    desk: &Desk<'_>,
    name: &FactName,
    repository: &Repository,
    digest: Digest,
) -> Result<Option<SchemaRange>, Halt> {
    if let Some(known) = desk.known(name) {
        return Ok(known);
    }
    let (annotated, config): (Option<SchemaRange>, Option<Digest>) = desk.ask(
        &name.part(Part::Manifest),
        || Ok(registry(desk)?.manifest(repository.as_str(), digest, Some(&token(desk, repository)?))),
        move |response| {
            let manifest = passable(read_manifest(response, digest))?;
            Ok(manifest.map_or((None, None), |manifest| (stated(&manifest.annotations), manifest.config)))
        },
    )?;
    match config {
        Some(config) if annotated.is_none() => label(desk, name, repository, config),
        _ => Ok(annotated),
    }
}

/// What the label in the configuration of an image states.
fn label(
    desk: &Desk<'_>,
    name: &FactName,
    repository: &Repository,
    config: Digest,
) -> Result<Option<SchemaRange>, Halt> {
    let ask = || Ok(registry(desk)?.config(repository.as_str(), config, Some(&token(desk, repository)?)));
    let read = move |response: &Response| {
        let read = passable(read_config(response, config))?;
        Ok(read.and_then(|read| stated(&read.labels)))
    };
    let Some(store) = desk.place.targets.registry.as_ref().and_then(|registry| registry.blobs.clone()) else {
        return desk.ask(name, ask, read);
    };
    // Where blobs are kept elsewhere, the registry only tells where.
    let address = desk.secret(SecretName::RegistryBlob(config), ask, move |response| {
        let request = read_blob_location(response, &[&store]).map_err(trouble)?;
        Ok((request.url.clone().into(), ADDRESS))
    })?;
    desk.ask(name, || Ok(Request::get(address.expose().to_owned()).with_secret_address()), read)
}

fn stated(said: &BTreeMap<String, String>) -> Option<SchemaRange> {
    said.get(SCHEMA)?.parse().ok()
}

/// What was read, or nothing when the registry has decided that there is nothing to read here.
fn passable<T>(read: Result<T, AzureError>) -> Result<Option<T>, Trouble> {
    match read.map_err(trouble) {
        Ok(read) => Ok(Some(read)),
        Err(Trouble::Passing { failure, retry_after }) if failure.code != FailureCode::Garbled => {
            Err(Trouble::Passing { failure, retry_after })
        }
        // Blobs are often kept elsewhere, where we may not go.
        Err(_) => Ok(None),
    }
}
