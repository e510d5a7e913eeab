//! Artifacts of workflow runs.

use rollback::Digest;
use serde::{Deserialize, Serialize};

use super::{GitHub, GithubError, read, rejection};
use crate::{Method, Rejection, Request, Response, address};

/// The largest archive that is read.
const MOST: usize = 32 << 20;

/// An artifact.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Artifact {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The digest of its archive, as GitHub announces it.
    pub digest: Option<Digest>,
    /// Whether it is not kept any more.
    #[serde(default)]
    pub expired: bool,
    /// How large its archive is.
    #[serde(rename(deserialize = "size_in_bytes"), alias = "size", default)]
    pub size: u64,
}

impl GitHub {
    /// The artifacts of a workflow run that have this name. Read the answer with [`read_artifacts`].
    #[must_use]
    pub fn artifacts(&self, repository: &str, run: u64, name: &str) -> Request {
        let query = address::pairs([("name", name), ("per_page", "100")]);
        self.of(Method::Get, repository, &format!("actions/runs/{run}/artifacts?{query}"))
    }

    /// Where the archive of an artifact is, for a minute. Read the answer with [`read_archive_location`].
    #[must_use]
    pub fn archive(&self, repository: &str, artifact: u64) -> Request {
        self.of(Method::Get, repository, &format!("actions/artifacts/{artifact}/zip"))
    }
}

/// Reads the answer to [`GitHub::artifacts`].
///
/// # Errors
/// Returns [`GithubError`].
pub fn read_artifacts(response: &Response) -> Result<Vec<Artifact>, GithubError> {
    #[derive(Deserialize)]
    struct List {
        artifacts: Vec<Artifact>,
    }
    Ok(read::<List>(response, 200)?.artifacts)
}

/// Where github.com keeps artifacts, as its `GET /meta` lists it under `domains.actions`: each is an account of its own. Their
/// common parent is no place to go to, since anybody may have an account there.
#[must_use]
pub fn public_stores() -> Vec<String> {
    (0..20).map(|number| format!("https://productionresultssa{number}.blob.core.windows.net")).collect()
}

/// Reads the answer to [`GitHub::archive`] into the call that fetches it: without our token, which whoever keeps the archive
/// has no business with. `origins` are those that may be called, such as [`public_stores`].
///
/// The address opens the archive by itself, so it is never shown.
///
/// # Errors
/// Returns [`GithubError::ForeignAddress`] for another origin, [`GithubError::ArtifactExpired`], and others.
pub fn read_archive_location(response: &Response, origins: &[&str]) -> Result<Request, GithubError> {
    match response.status {
        301 | 302 | 303 | 307 | 308 => {
            let location = response.header("location").unwrap_or_default();
            let origin = address::origin(location).ok_or_else(|| Rejection::garbled("a redirect to nowhere"))?;
            if address::is_among(origins, &origin) {
                Ok(Request::get(location.to_owned()).with_secret_address().at_most(MOST))
            } else {
                Err(GithubError::ForeignAddress(origin))
            }
        }
        410 => Err(GithubError::ArtifactExpired),
        _ => Err(rejection(response).into()),
    }
}

/// Reads the archive: a ZIP file with the digest that was announced.
///
/// # Errors
/// Returns [`GithubError::ArtifactAltered`] when it has another, and others. Whoever keeps the archives says 403 when the
/// address is more than a minute old: ask for a new one.
pub fn read_archive(response: &Response, announced: Digest) -> Result<&[u8], GithubError> {
    match response.status {
        200 if Digest::of(&response.body) == announced => Ok(&response.body),
        200 => Err(GithubError::ArtifactAltered),
        403 => {
            let words = crate::Words::new("the address of the archive is too old");
            Err(Rejection::Unavailable { status: 403, after: None, words }.into())
        }
        404 | 410 => Err(GithubError::ArtifactExpired),
        // Its words are not GitHub's, and may repeat the address.
        _ => Err(Rejection::of(response, "").into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Fault, Retry};

    const STORE: &str = "https://store.example";

    fn location(url: &str) -> Result<Request, GithubError> {
        read_archive_location(&Response::for_test(302, &[("location", url)], ""), &[STORE])
    }

    #[test]
    fn the_archive_is_fetched_without_our_token() {
        let request = location("https://store.example/a.zip?sig=canary").unwrap();
        assert!(request.headers.iter().all(|(name, _)| name != "authorization"));
        assert_eq!(request.subject(), "GET https://store.example");
        assert_eq!(location("https://evil.example/a.zip").unwrap_err().code(), "foreign_address");
        assert_eq!(location("https://store.example@evil.example/").unwrap_err().code(), "garbled");
        assert_eq!(location("").unwrap_err().code(), "garbled");
        let gone = Response::of_json(410, &json!({"message": "Artifact has expired"}));
        assert_eq!(read_archive_location(&gone, &[STORE]), Err(GithubError::ArtifactExpired));
    }

    #[test]
    fn another_archive_than_the_announced_one_is_not_read() {
        let answer = Response::for_test(200, &[], "zip");
        assert_eq!(read_archive(&answer, Digest::of(b"zip")), Ok(&b"zip"[..]));
        assert_eq!(read_archive(&answer, Digest::of(b"other")), Err(GithubError::ArtifactAltered));
        let old = read_archive(&Response::for_test(403, &[], "<Error>"), Digest::of(b"zip")).unwrap_err();
        assert_eq!(old.retry(), Retry::Later(None));
    }

    #[test]
    fn an_artifact_has_its_digest() {
        let body = json!({"total_count": 1, "artifacts": [{"id": 11, "name": "plan", "size_in_bytes": 556,
            "expired": false, "digest": Digest::of(b"zip").to_string(), "expires_at": "2024-05-15T10:00:00Z",
            "workflow_run": {"id": 7, "head_sha": "a"}}]});
        let artifacts = read_artifacts(&Response::of_json(200, &body)).unwrap();
        assert_eq!(artifacts[0].digest, Some(Digest::of(b"zip")));
        let kept = serde_json::to_value(&artifacts[0]).unwrap();
        assert_eq!(serde_json::from_value::<Artifact>(kept).unwrap(), artifacts[0]);
    }
}
