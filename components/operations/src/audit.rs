//! The audit log, to be read and to be followed.

use function::{Answer, Instance, Request, answer};
use http::StatusCode;
use rollback::{audit::Chain, permission::Move};
use serde_json::{Value, json};
use store::operations::audit_page;

use crate::{
    caller::{self, authorise},
    query,
    refused::Refused,
    view,
};

/// How many records are followed at once.
const STRIDE: i64 = 1_000;

/// A part of the log: each record as it was hashed, and as it reads.
pub(crate) async fn page(request: &Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    authorise(&instance, &actor, Move::Audit).await?;
    let (after, most) = query::audit(request.uri().query())?;
    let page = instance.database(async |db| audit_page(db, after, most).await).await?;
    let links: Vec<Value> = page
        .links
        .iter()
        .map(|link| {
            let record = view::entry(link);
            json!({"seq": link.seq, "previous": link.previous, "text": link.text, "hash": link.hash, "record": record})
        })
        .collect();
    Ok(answer::json(StatusCode::OK, &json!({"links": links, "length": page.length, "head": page.head})))
}

/// Follows the whole log from its first record on, and says where it ends or where it is broken.
pub(crate) async fn verify(request: &Request) -> Result<Answer, Refused> {
    let instance = Instance::get().await?;
    let actor = caller::identify(&instance, request.headers()).await?;
    authorise(&instance, &actor, Move::Audit).await?;
    let mut chain = Chain::default();
    loop {
        let after = chain.length;
        let page = instance.database(async |db| audit_page(db, after, STRIDE).await).await?;
        for link in &page.links {
            if let Err(broken) = chain.follow(link) {
                let told = json!({
                    "intact": false, "length": chain.length, "head": chain.head, "broken": broken.to_string(),
                });
                return Ok(answer::json(StatusCode::OK, &told));
            }
        }
        if page.links.is_empty() || chain.length >= page.length {
            let told = json!({"intact": true, "length": chain.length, "head": chain.head, "broken": null});
            return Ok(answer::json(StatusCode::OK, &told));
        }
    }
}
