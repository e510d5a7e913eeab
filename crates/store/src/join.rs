//! Joining a conversation on a node.

use chat::{Actor, NodeName, Page, Parties, PartyPresence, Role, ServiceRequestId, UserId, wire::JoinAnswer};
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
    /// The last number that the client has; without it, it wants new messages only.
    pub after_seq: Option<i64>,
    /// The history that this number belongs to; unknown to old clients, and then taken on trust.
    pub epoch: Option<&'a str>,
}

/// What a join has led to.
#[derive(Clone, Debug)]
pub struct Joined {
    /// What the client needs.
    pub answer: JoinAnswer,
    /// Other nodes that are to hear that the user came; none when they were known to be at this node.
    pub others: Vec<NodeName>,
}

/// Registers the user at the node, and reads what the client needs as of that moment: whatever is committed later rings
/// the node. Answers `None` to strangers, and registers nothing.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn join(db: &impl Database, join: &Join<'_>) -> Result<Option<Joined>, StoreError> {
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
    let purged_through = row.int8()?;
    let epoch = row.text()?;
    let status = row.parsed()?;
    let closed_at = row.maybe_time()?;
    let version = row.int8()?;
    let who = row.parties()?;
    let online = Online { customer: row.boolean()?, technician: row.boolean()?, center: row.boolean()? };
    let replay = row.boolean()?;
    let has_more = row.boolean()?;
    let messages = row.messages(join.service_request_id)?;
    let others = row.maybe_nodes()?;
    let answer = JoinAnswer {
        service_request_id: join.service_request_id.clone(),
        last_seq,
        purged_through,
        epoch,
        status,
        closed_at,
        version,
        parties: online.parties(&who),
        who,
        messages,
        has_more,
        replay,
    };
    Ok(Joined { answer, others })
}

/// Which of the parties has joined somewhere.
struct Online {
    customer: bool,
    technician: bool,
    center: bool,
}

impl Online {
    fn parties(&self, who: &Parties) -> Vec<PartyPresence> {
        let customer = PartyPresence { user_id: who.customer_id.clone(), role: Role::Customer, online: self.customer };
        let technician = who.technician_id.clone().map(|user_id| PartyPresence {
            user_id,
            role: Role::Technician,
            online: self.technician,
        });
        let center = PartyPresence {
            user_id: UserId::from(who.service_center_id.clone()),
            role: Role::ServiceCenter,
            online: self.center,
        };
        [Some(customer), technician, Some(center)].into_iter().flatten().collect()
    }
}
