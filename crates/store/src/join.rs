//! Joining a conversation on a node.

use chat::{Actor, NodeName, Page, ServiceRequestId, wire::JoinAnswer};
use spin_sdk::pg::ParameterValue;
use uuid::Uuid;

use crate::{
    Database, StoreError,
    columns::Columns,
    query::{int8, one_row, text},
    sql,
};

/// Who joins what, and what their client has already.
#[derive(Clone, Copy, Debug)]
pub struct Join<'a> {
    /// The node that holds the connection.
    pub node: &'a NodeName,
    /// The run of its relay.
    pub incarnation: Uuid,
    /// The user.
    pub actor: &'a Actor,
    /// The service request.
    pub service_request_id: &'a ServiceRequestId,
    /// The last number that the client has; without it, it wants new messages only. One that this history does not have
    /// counts as 0.
    pub after_seq: Option<i64>,
    /// The history that this number belongs to; unknown to old clients, and then taken on trust.
    pub epoch: Option<&'a str>,
}

/// What a join has led to.
#[derive(Clone, Debug)]
pub struct Joined {
    /// What the client needs.
    pub answer: JoinAnswer,
    /// Other nodes that are to hear that somebody came; none when the user was known to be at this node.
    pub others: Vec<NodeName>,
}

/// Registers the user at the node, and reads what the client needs as of that moment: whatever is committed later rings
/// the node. Answers `None` to strangers, and registers nothing.
///
/// A number beyond the last one was given by a history that is no more, such as that of a primary whose standby was promoted
/// without its last commits: then it counts as 0.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn join(db: &impl Database, join: &Join<'_>) -> Result<Option<Joined>, StoreError> {
    let Some(joined) = once(db, join).await? else { return Ok(None) };
    if join.after_seq.is_none_or(|after| after <= joined.answer.last_seq) || joined.answer.restarted {
        return Ok(Some(joined));
    }
    let again = once(db, &Join { after_seq: Some(0), ..*join }).await?;
    Ok(again.map(|again| Joined { answer: JoinAnswer { restarted: true, ..again.answer }, others: joined.others }))
}

async fn once(db: &impl Database, join: &Join<'_>) -> Result<Option<Joined>, StoreError> {
    let row = one_row(db, sql::JOIN, parameters(join)).await?;
    row.map(|row| answer(row, join)).transpose()
}

fn parameters(join: &Join<'_>) -> Vec<ParameterValue> {
    vec![
        text(Some(join.service_request_id)),
        text(Some(join.node)),
        text(Some(join.incarnation.to_string())),
        text(Some(&join.actor.user)),
        text(join.actor.as_customer()),
        text(join.actor.as_technician()),
        text(join.actor.as_center()),
        int8(join.after_seq),
        text(join.epoch),
        int8(Some(Page::MOST)),
    ]
}

fn answer(mut row: Columns, join: &Join<'_>) -> Result<Joined, StoreError> {
    let last_seq = row.int8()?;
    let first_seq = row.int8()?.saturating_add(1);
    let epoch = row.text()?;
    let status = row.parsed()?;
    let closed_at = row.maybe_time()?;
    let version = row.int8()?;
    let who = row.parties()?;
    let elsewhere = row.attendance()?;
    let restarted = row.boolean()?;
    let has_more = row.boolean()?;
    let messages = row.messages(join.service_request_id)?;
    let others = row.maybe_nodes()?;
    let answer = JoinAnswer {
        service_request_id: join.service_request_id.clone(),
        first_seq,
        last_seq,
        epoch,
        status,
        closed_at,
        version,
        who,
        elsewhere,
        messages,
        has_more,
        restarted,
        voucher: None,
    };
    Ok(Joined { answer, others })
}
