//! Pages of a conversation.

use chat::{Actor, Page, ServiceRequestId, wire::HistoryPage};

use crate::{
    Database, StoreError,
    columns::Columns,
    query::{int8, one_row},
    service_request::reader,
    sql,
};

/// Reads a page for a party or the platform; `None` for a stranger.
///
/// With `after` the page starts there and more comes later; else it ends at `before`, or at the newest message, and
/// more comes earlier.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn history(
    db: &impl Database,
    id: &ServiceRequestId,
    actor: &Actor,
    page: Page,
) -> Result<Option<HistoryPage>, StoreError> {
    let mut parameters = reader(id, actor);
    let statement = match page.after {
        Some(after) => {
            parameters.push(int8(Some(after)));
            sql::HISTORY_AFTER
        }
        None => sql::HISTORY_BEFORE,
    };
    parameters.push(int8(Some(page.before.unwrap_or(i64::MAX))));
    parameters.push(int8(Some(page.limit)));
    let row = one_row(db, statement, parameters).await?;
    row.map(|row| answer(row, id)).transpose()
}

fn answer(mut row: Columns, id: &ServiceRequestId) -> Result<HistoryPage, StoreError> {
    let last_seq = row.int8()?;
    let first_seq = row.int8()?.saturating_add(1);
    let has_more = row.boolean()?;
    let messages = row.messages(id)?;
    Ok(HistoryPage { messages, has_more, first_seq, last_seq })
}
