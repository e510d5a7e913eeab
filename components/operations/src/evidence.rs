//! What proves something, by its digest.

use bytes::Bytes;
use function::{Answer, Instance, Request};
use http::{HeaderValue, Response, header};
use rollback::{Digest, permission::Move};
use store::operations::evidence_file;

use crate::{
    caller::{self, authorise},
    refused::Refused,
};

/// A piece of evidence, its bytes as they were kept. It came from outside: no browser runs anything of it.
pub(crate) async fn get(digest: &str, request: &Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    authorise(&instance, &actor, Move::Read).await?;
    let missing = || Refused::not_found("evidence");
    let digest: Digest = digest.replace("%3A", ":").replace("%3a", ":").parse().map_err(|_| missing())?;
    let file = instance.database(async |db| evidence_file(db, digest).await).await?.ok_or_else(missing)?;
    let media_type = match file.evidence.media_type.as_str() {
        "application/json" => "application/json",
        text if text.starts_with("text/") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    let mut response = Response::new(Bytes::from(file.evidence.bytes));
    for (name, value) in [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(Answer::Own(response))
}
