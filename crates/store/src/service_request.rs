//! Service requests, as their owner reports them.

use chat::{Actor, Report, Role, ServiceRequestId, wire::ServiceRequest};
use spin_sdk::pg::ParameterValue;

use crate::{
    Conversation, Database, StoreError,
    columns::Columns,
    query::{int8, one_row, text},
    sql,
};

/// What became of a report.
#[derive(Clone, Debug)]
pub enum Put {
    /// It is stored.
    Stored {
        /// Whether the service request is new.
        created: bool,
        /// Whether anything differs from before; if so, its nodes have to be rung.
        changed: bool,
        /// What its owner and its parties see of it now.
        service_request: Box<ServiceRequest>,
        /// What the relays have to know of it.
        conversation: Box<Conversation>,
    },
    /// By the database's clock `closedAt` is in the future; nothing is stored.
    ClosedInFuture,
}

/// Creates or replaces a service request.
///
/// The closing is recorded when it is first reported, whatever `closedAt` says, and forgotten when the service request
/// is reported open again.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn put_service_request(
    db: &impl Database,
    id: &ServiceRequestId,
    report: &Report,
) -> Result<Put, StoreError> {
    let parameters = vec![
        text(Some(id)),
        text(Some(&report.parties.customer_id)),
        text(report.parties.technician_id.as_ref()),
        text(Some(&report.parties.service_center_id)),
        text(Some(report.status.as_str())),
        int8(report.closed_at.map(|time| time.timestamp_micros())),
    ];
    let row = one_row(db, sql::PUT_SERVICE_REQUEST, parameters).await?;
    put_answer(row.ok_or_else(|| StoreError::shape("row"))?, id)
}

fn put_answer(mut row: Columns, id: &ServiceRequestId) -> Result<Put, StoreError> {
    let (created, changed) = match row.text()?.as_str() {
        "created" => (true, true),
        "replaced" => (false, true),
        "same" => (false, false),
        "future" => return Ok(Put::ClosedInFuture),
        _ => return Err(StoreError::shape("outcome")),
    };
    let service_request = read(&mut row, id)?;
    let conversation = Conversation {
        id: id.clone(),
        version: row.int8()?,
        parties: service_request.report.parties.clone(),
        status: service_request.report.status,
        closed_at: service_request.report.closed_at,
        nodes: row.nodes()?,
    };
    Ok(Put::Stored {
        created,
        changed,
        service_request: Box::new(service_request),
        conversation: Box::new(conversation),
    })
}

/// Reads a service request for a party or the platform; `None` for a stranger.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn service_request(
    db: &impl Database,
    id: &ServiceRequestId,
    actor: &Actor,
) -> Result<Option<ServiceRequest>, StoreError> {
    let row = one_row(db, sql::SERVICE_REQUEST, reader(id, actor)).await?;
    row.map(|mut row| read(&mut row, id)).transpose()
}

/// The parameters that say who wants to read what.
pub(crate) fn reader(id: &ServiceRequestId, actor: &Actor) -> Vec<ParameterValue> {
    vec![
        text(Some(id)),
        ParameterValue::Boolean(actor.is(Role::Platform)),
        text(actor.as_customer()),
        text(actor.as_technician()),
        text(actor.as_center()),
    ]
}

fn read(row: &mut Columns, id: &ServiceRequestId) -> Result<ServiceRequest, StoreError> {
    Ok(ServiceRequest {
        id: id.clone(),
        report: Report { parties: row.parties()?, status: row.parsed()?, closed_at: row.maybe_time()? },
        last_seq: row.int8()?,
        epoch: row.text()?,
    })
}
