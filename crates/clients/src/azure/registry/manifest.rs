//! What an image is: its manifest, and what it says of itself. Everything is asked for by digest, and checked against it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rollback::Digest;
use serde::{Deserialize, Serialize};

use super::{AzureError, Registry, said};
use crate::{Method, Rejection, Request, Response, Secret, address};

/// The kinds of manifests that are read.
const KINDS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                     application/vnd.docker.distribution.manifest.list.v2+json, \
                     application/vnd.docker.distribution.manifest.v2+json";

/// A manifest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Manifest {
    /// The configuration of the image, where it is one.
    pub config: Option<Digest>,
    /// The images for each platform, where it is a list of them.
    pub platforms: Vec<Platform>,
    /// What it says of itself.
    pub annotations: BTreeMap<String, String>,
}

/// An image for a platform.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Platform {
    /// Its manifest.
    pub digest: Digest,
    /// The platform, such as `linux/amd64`.
    pub name: String,
}

/// What an image says of itself.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ImageConfig {
    /// When it was made.
    pub created: Option<DateTime<Utc>>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl Registry {
    /// A manifest. Read the answer with [`read_manifest`].
    #[must_use]
    pub fn manifest(&self, repository: &str, digest: Digest, token: Option<&Secret>) -> Request {
        self.get(&format!("v2/{}/manifests/{digest}", address::escaped_path(repository)), token).header("accept", KINDS)
    }

    /// What a tag points to. Read the answer with [`manifest_digest`].
    #[must_use]
    pub fn pointed_to(&self, repository: &str, tag: &str, token: Option<&Secret>) -> Request {
        let path = format!("v2/{}/manifests/{}", address::escaped_path(repository), address::escaped(tag));
        Request::new(Method::Head, address::under(&self.server, &path)).maybe_bearer(token).header("accept", KINDS)
    }

    /// The configuration of an image. Read the answer with [`read_config`], or with [`read_blob_location`] when it is a
    /// redirect.
    #[must_use]
    pub fn config(&self, repository: &str, digest: Digest, token: Option<&Secret>) -> Request {
        self.get(&format!("v2/{}/blobs/{digest}", address::escaped_path(repository)), token)
    }
}

/// Reads the answer to [`Registry::manifest`].
///
/// # Errors
/// Returns [`AzureError`], [`AzureError::Altered`] when it has another digest than it was asked for by.
pub fn read_manifest(response: &Response, digest: Digest) -> Result<Manifest, AzureError> {
    #[derive(Deserialize)]
    struct Found {
        config: Option<Descriptor>,
        #[serde(default)]
        manifests: Vec<Descriptor>,
        #[serde(default)]
        annotations: Option<BTreeMap<String, String>>,
    }
    #[derive(Deserialize)]
    struct Descriptor {
        digest: String,
        platform: Option<System>,
    }
    #[derive(Deserialize)]
    struct System {
        #[serde(default)]
        os: String,
        #[serde(default)]
        architecture: String,
    }
    checked(response, digest)?;
    let found: Found = response.json()?;
    let platforms = found.manifests.into_iter().filter_map(|descriptor| {
        let System { os, architecture } = descriptor.platform?;
        Some(Platform { digest: descriptor.digest.parse().ok()?, name: format!("{os}/{architecture}") })
    });
    let config = found.config.and_then(|descriptor| descriptor.digest.parse().ok());
    Ok(Manifest { config, platforms: platforms.collect(), annotations: found.annotations.unwrap_or_default() })
}

/// Reads the answer to [`Registry::pointed_to`].
///
/// # Errors
/// Returns [`AzureError`].
pub fn manifest_digest(response: &Response) -> Result<Digest, AzureError> {
    if response.status != 200 {
        return Err(said(response));
    }
    let digest = response.header("docker-content-digest").and_then(|digest| digest.parse().ok());
    digest.ok_or_else(|| Rejection::garbled("no digest of the manifest").into())
}

/// Reads the answer to [`Registry::config`] into the call that fetches it from where the registry keeps it, without our
/// token. `origins` are those that may be called.
///
/// # Errors
/// Returns [`AzureError::ForeignAddress`] for another origin.
pub fn read_blob_location(response: &Response, origins: &[&str]) -> Result<Request, AzureError> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return Err(said(response));
    }
    let location = response.header("location").unwrap_or_default();
    let origin = address::origin(location).ok_or_else(|| Rejection::garbled("a redirect to nowhere"))?;
    if address::is_among(origins, &origin) {
        Ok(Request::get(location.to_owned()).with_secret_address())
    } else {
        Err(AzureError::ForeignAddress(origin))
    }
}

/// Reads the configuration of an image.
///
/// # Errors
/// Returns [`AzureError`], [`AzureError::Altered`] when it has another digest than it was asked for by.
pub fn read_config(response: &Response, digest: Digest) -> Result<ImageConfig, AzureError> {
    #[derive(Deserialize)]
    struct Found {
        created: Option<DateTime<Utc>>,
        #[serde(default)]
        config: Option<Config>,
    }
    #[derive(Deserialize)]
    struct Config {
        #[serde(rename = "Labels", default)]
        labels: Option<BTreeMap<String, String>>,
    }
    checked(response, digest)?;
    let Found { created, config } = response.json()?;
    Ok(ImageConfig { created, labels: config.and_then(|config| config.labels).unwrap_or_default() })
}

fn checked(response: &Response, digest: Digest) -> Result<(), AzureError> {
    match response.status {
        200 if Digest::of(&response.body) == digest => Ok(()),
        200 => Err(AzureError::Altered),
        _ => Err(said(response)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Fault, azure::registry::tests::registry};

    #[test]
    fn an_image_says_on_which_schema_it_runs() {
        let config = json!({"created": "2024-05-01T10:00:00Z", "architecture": "amd64", "os": "linux",
            "config": {"Labels": {"hubline.schema": "12-15"}}})
        .to_string();
        let digest = Digest::of(config.as_bytes());
        let read = read_config(&Response::for_test(200, &[], &config), digest).unwrap();
        assert_eq!(read.labels["hubline.schema"], "12-15");
        let swapped = Response::for_test(200, &[], &config.replace("12", "10"));
        assert_eq!(read_config(&swapped, digest).unwrap_err().code(), "altered");
        let bare = "{\"config\": {\"Labels\": null}}";
        assert!(
            read_config(&Response::for_test(200, &[], bare), Digest::of(bare.as_bytes())).unwrap().labels.is_empty()
        );
    }

    #[test]
    fn a_manifest_is_an_image_or_a_list_of_them() {
        let image = json!({"schemaVersion": 2, "config": {"digest": Digest::of(b"c").to_string()}, "layers": [],
            "annotations": {"hubline.schema": "12"}})
        .to_string();
        let read = read_manifest(&Response::for_test(200, &[], &image), Digest::of(image.as_bytes())).unwrap();
        assert_eq!(read.config, Some(Digest::of(b"c")));
        assert_eq!(read.annotations["hubline.schema"], "12");
        let list = json!({"schemaVersion": 2, "manifests": [
            {"digest": Digest::of(b"m").to_string(), "platform": {"os": "linux", "architecture": "amd64"}},
            {"digest": Digest::of(b"n").to_string()}]})
        .to_string();
        let read = read_manifest(&Response::for_test(200, &[], &list), Digest::of(list.as_bytes())).unwrap();
        assert_eq!(read.platforms, vec![Platform { digest: Digest::of(b"m"), name: "linux/amd64".to_owned() }]);
    }

    #[test]
    fn a_tag_points_to_a_digest() {
        let digest = Digest::of(b"m").to_string();
        let answer = Response::for_test(200, &[("docker-content-digest", digest.as_str())], "");
        assert_eq!(manifest_digest(&answer), Ok(Digest::of(b"m")));
        assert_eq!(manifest_digest(&Response::for_test(200, &[], "")).unwrap_err().code(), "garbled");
        assert_eq!(
            registry().pointed_to("a/b", "v1", None).subject(),
            "HEAD https://shop.azurecr.io/v2/a/b/manifests/v1"
        );
    }

    #[test]
    fn a_blob_is_fetched_without_our_token() {
        let redirect = Response::for_test(307, &[("location", "https://store.example/x?sig=canary")], "");
        let request = read_blob_location(&redirect, &["https://store.example"]).unwrap();
        assert_eq!(request.subject(), "GET https://store.example");
        assert!(request.headers.iter().all(|(name, _)| name != "authorization"));
        assert_eq!(read_blob_location(&redirect, &[]).unwrap_err().code(), "foreign_address");
    }
}
