//! What the issuer of tokens has published, as both databases keep it.

use chat::wire::IssuerKeys;
use serde::Deserialize;
use spin_sdk::pg::ParameterValue;

use crate::{Database, DbValue, StoreError, operations, query::int8, query::text, sql};

/// Which database keeps the keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keeper {
    /// That of the chat.
    Chat,
    /// That of operations.
    Operations,
}

/// What is done with what is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeysAct<'a> {
    /// It is read.
    Read,
    /// The issuer is about to be asked, by whoever shows the number of the last time first.
    Ask(i64),
    /// What came of asking it under this number: its key set, or nothing.
    Tell(i64, Option<&'a str>),
}

/// What is kept of an issuer.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptKeys {
    /// What it has published.
    #[serde(flatten)]
    pub published: IssuerKeys,
    /// With what functions vouch for its tokens to each other, another one for each key set. It is for nobody else. Only the
    /// database of the chat has one.
    #[serde(default)]
    pub vouching_key: Option<String>,
}

/// Does this with what is kept of the issuer at this address, and reads it.
///
/// Whether it was done says [`IssuerKeys::done`]: somebody else may have been first.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn issuer_keys(
    db: &impl Database,
    keeper: Keeper,
    url: &str,
    act: KeysAct<'_>,
) -> Result<KeptKeys, StoreError> {
    let statement = match keeper {
        Keeper::Chat => sql::ISSUER_KEYS,
        Keeper::Operations => operations::sql::ISSUER_KEYS,
    };
    let (ask, is_over, keys) = match act {
        KeysAct::Read => (None, false, None),
        KeysAct::Ask(ask) => (Some(ask), false, None),
        KeysAct::Tell(ask, keys) => (Some(ask), true, keys),
    };
    let parameters = vec![text(Some(url)), int8(ask), ParameterValue::Boolean(is_over), text(keys)];
    let row = db.one_row(statement, parameters).await?;
    match row.and_then(|row| row.into_iter().next()) {
        Some(DbValue::Str(kept)) => serde_json::from_str(&kept)
            .map_err(|error| StoreError::Unexpected(format!("an answer of another shape: {error}"))),
        _ => Err(StoreError::shape("text")),
    }
}
