//! What proves something.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use rollback::Digest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    sql,
    statement::{ask_maybe, text},
};
use crate::{Database, StoreError};

/// Something that proves something, without a secret in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Evidence {
    /// Its name: the SHA-256 of its bytes.
    pub digest: Digest,
    /// What it is.
    pub media_type: String,
    /// Itself.
    pub bytes: Vec<u8>,
    /// Where it is from.
    pub source: String,
}

impl Evidence {
    /// Evidence, named by its bytes.
    #[must_use]
    pub fn new(media_type: &str, bytes: Vec<u8>, source: &str) -> Self {
        Self { digest: Digest::of(&bytes), media_type: media_type.to_owned(), bytes, source: source.to_owned() }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "digest": self.digest,
            "mediaType": self.media_type,
            "base64": BASE64_STANDARD.encode(&self.bytes),
            "source": self.source,
        })
    }
}

/// Evidence as it was kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EvidenceFile {
    /// The evidence.
    pub evidence: Evidence,
    /// Since when it is there.
    pub at: DateTime<Utc>,
}

/// A piece of evidence; none when there is none such.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn evidence_file<D: Database>(db: &D, digest: Digest) -> Result<Option<EvidenceFile>, StoreError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct File {
        digest: Digest,
        media_type: String,
        source: String,
        at: DateTime<Utc>,
        base64: String,
    }
    let Some(file): Option<File> = ask_maybe(db, sql::EVIDENCE_FILE, vec![text(digest)]).await? else {
        return Ok(None);
    };
    // PostgreSQL breaks it into lines.
    let encoded: String = file.base64.split_ascii_whitespace().collect();
    let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| StoreError::shape("base64"))?;
    let File { digest, media_type, source, at, .. } = file;
    Ok(Some(EvidenceFile { evidence: Evidence { digest, media_type, bytes, source }, at }))
}
