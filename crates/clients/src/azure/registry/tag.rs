//! The tags of a repository.

use chrono::{DateTime, Utc};
use rollback::{Digest, TagName};
use serde::{Deserialize, Serialize};

use super::{AzureError, Registry, said};
use crate::{Response, address};

/// A tag.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// Its name.
    pub name: TagName,
    /// What it points to now.
    pub digest: Digest,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When something about it was last changed: what it points to, or whether it may be changed.
    pub updated_at: DateTime<Utc>,
    /// Whether it may not be moved: the registry itself then vouches for what it points to.
    pub locked: bool,
}

/// A page of tags.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tags {
    /// The tags. One whose digest is not SHA-256 can't be pinned and is left out.
    pub tags: Vec<Tag>,
    /// The address of the next page, for [`Registry::next`].
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct List {
    /// An empty repository has none at all.
    #[serde(default)]
    tags: Option<Vec<Found>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    name: String,
    digest: String,
    created_time: DateTime<Utc>,
    last_update_time: Option<DateTime<Utc>>,
    #[serde(default)]
    changeable_attributes: Attributes,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Attributes {
    write_enabled: Option<bool>,
}

/// Reads the answer to [`Registry::tags`] and [`Registry::next`].
///
/// # Errors
/// Returns [`AzureError`]: [`AzureError::UnknownRepository`], [`AzureError::RepositoryClosed`],
/// [`AzureError::ClassicRegistry`] and others.
pub fn read_tags(response: &Response, registry: &Registry) -> Result<Tags, AzureError> {
    match response.status {
        200 => {}
        405 => return Err(AzureError::ClassicRegistry),
        _ => return Err(said(response)),
    }
    let list: List = response.json()?;
    let tags = list.tags.unwrap_or_default().into_iter().filter_map(|found| {
        Some(Tag {
            name: found.name.parse().ok()?,
            digest: found.digest.parse().ok()?,
            created_at: found.created_time,
            updated_at: found.last_update_time.unwrap_or(found.created_time),
            locked: found.changeable_attributes.write_enabled == Some(false),
        })
    });
    let next = response.next_link().and_then(|link| address::at_same_origin(&registry.server, link));
    Ok(Tags { tags: tags.collect(), next })
}

/// Reads the answer to [`Registry::names`].
///
/// # Errors
/// Returns [`AzureError`].
pub fn read_names(response: &Response) -> Result<Vec<TagName>, AzureError> {
    #[derive(Deserialize)]
    struct Names {
        tags: Option<Vec<TagName>>,
    }
    if response.status == 200 { Ok(response.json::<Names>()?.tags.unwrap_or_default()) } else { Err(said(response)) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Fault, azure::registry::tests::registry};

    fn tag(name: &str, digest: &str) -> Value {
        json!({"name": name, "digest": digest, "createdTime": "2024-05-01T10:00:00.1234567Z",
            "lastUpdateTime": "2024-05-02T10:00:00.1234567Z", "signed": false,
            "changeableAttributes": {"deleteEnabled": true, "writeEnabled": false, "readEnabled": true, "listEnabled": true}})
    }

    #[test]
    fn tags_have_digests_and_times() {
        let request = registry().tags("team/orders", None);
        assert_eq!(request.url, "https://shop.azurecr.io/acr/v1/team/orders/_tags?n=100&orderby=timedesc");
        assert_eq!(request.patience.as_secs(), 5);
        let digest = Digest::of(b"a").to_string();
        let list = json!({"registry": "shop.azurecr.io", "imageName": "team/orders",
            "tags": [tag("v1.0.0-stable", &digest), tag("odd", "sha512:00")]});
        let link = [("link", "</acr/v1/team/orders/_tags?last=v1&n=100&orderby=timedesc>; rel=\"next\"")];
        let page = read_tags(&Response::for_test(200, &link, &list.to_string()), &registry()).unwrap();
        assert_eq!(page.tags.len(), 1, "what can't be pinned is left out");
        assert!(page.tags[0].locked && page.tags[0].updated_at > page.tags[0].created_at);
        let next = page.next.unwrap();
        assert_eq!(next, "https://shop.azurecr.io/acr/v1/team/orders/_tags?last=v1&n=100&orderby=timedesc");
        assert!(registry().next(&next, Some(&"t".into())).headers.iter().any(|(name, _)| name == "authorization"));
    }

    #[test]
    fn a_page_elsewhere_is_not_followed() {
        let link = [("link", "<https://evil.example/next>; rel=\"next\"")];
        let page = read_tags(&Response::for_test(200, &link, "{\"tags\": null}"), &registry()).unwrap();
        assert_eq!(page, Tags { tags: vec![], next: None });
    }

    #[test]
    fn a_classic_registry_lists_names() {
        let classic = read_tags(&Response::for_test(405, &[], ""), &registry()).unwrap_err();
        assert_eq!(classic.code(), "classic_registry");
        let names = Response::of_json(200, &json!({"name": "a", "tags": ["v1", "v2"]}));
        assert_eq!(read_names(&names).unwrap().len(), 2);
        assert_eq!(read_names(&Response::of_json(200, &json!({"name": "a", "tags": null}))).unwrap(), vec![]);
    }
}
