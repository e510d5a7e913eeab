//! Sending nothing, so that the first message finds everything prepared.

use uuid::Uuid;

use crate::{
    Database, StoreError,
    query::{int4s, int8, one_row, text, texts},
    sql,
};

/// No service request has this id, nor can one.
const NOWHERE: &str = "";

/// Has the database look up and plan what sends need. On a new connection that takes it a few milliseconds, which the
/// first message would have to wait for.
///
/// # Errors
/// Returns [`StoreError`] when the database can't be reached, or is not what this version knows.
pub async fn rehearse(db: &impl Database) -> Result<(), StoreError> {
    let id = Uuid::nil().to_string();
    let parameters = [NOWHERE, "", "", "", "", &id, &id, ""].map(|value| text(Some(value)));
    one_row(db, sql::SEND_NEW, parameters.into()).await?;
    let one = |value: &str| texts([Some(value)]);
    let mut parameters = vec![one(NOWHERE), one(""), one(""), one(""), one("")];
    parameters.extend([int4s([1]), int4s([1]), one(&id), one(&id), one(""), int8(None)]);
    one_row(db, sql::SEND, parameters).await?;
    Ok(())
}
