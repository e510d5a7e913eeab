//! Service requests, as their owner reports them.

use chat::{Actor, Report, Role, ServiceRequestId, wire::ServiceRequest};
use spin_sdk::pg::ParameterValue;

use crate::{
    Conversation, Database, StoreError,
    columns::Columns,
    query::{int8, one_row, text, texts},
    sql,
};

/// What the caller of a report expects to be there; by default it does not mind.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Expected {
    /// One of these, each as [`ServiceRequest::reported`] gives it, or `*` for whatever is there. `None`: anything, or
    /// nothing.
    pub seen: Option<Vec<String>>,
    /// Nothing at all.
    pub nothing: bool,
}

/// What became of a report.
#[derive(Clone, Debug)]
pub enum Put {
    /// It is stored.
    Stored {
        /// Whether the service request is new.
        created: bool,
        /// What its owner and its parties see of it now.
        service_request: Box<ServiceRequest>,
        /// What the relays have to know of it, when anything may differ for its parties; its nodes have to be rung then.
        changed: Option<Box<Conversation>>,
    },
    /// By the database's clock `closedAt` is in the future, and by more than clocks differ; nothing is stored.
    ClosedInFuture,
    /// A later report is stored, or another one with the same revision; nothing is stored.
    Stale,
    /// What is there is not what was expected; nothing is stored.
    Mismatch,
}

/// Creates or replaces a service request.
///
/// The closing is recorded when it is first reported, whatever `closedAt` says, and forgotten when the service request
/// is reported open again. A report that is stored already, revision and all, changes nothing and is answered as the first
/// time, whatever is expected: who repeats it has not heard that answer.
///
/// A report without a revision replaces whatever there is, and leaves the stored revision as it is.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn put_service_request(
    db: &impl Database,
    id: &ServiceRequestId,
    report: &Report,
    expected: &Expected,
) -> Result<Put, StoreError> {
    let seen = expected.seen.as_ref();
    let parameters = vec![
        text(Some(id)),
        text(Some(&report.parties.customer_id)),
        text(report.parties.technician_id.as_ref()),
        text(Some(&report.parties.service_center_id)),
        text(Some(report.status.as_str())),
        int8(report.closed_at.map(|time| time.timestamp_micros())),
        int8(report.revision),
        seen.map_or(ParameterValue::DbNull, |seen| texts(seen.iter().map(Some))),
        ParameterValue::Boolean(expected.nothing),
    ];
    let row = one_row(db, sql::PUT_SERVICE_REQUEST, parameters).await?;
    put_answer(row.ok_or_else(|| StoreError::shape("row"))?, id)
}

fn put_answer(mut row: Columns, id: &ServiceRequestId) -> Result<Put, StoreError> {
    let (created, differs) = match row.text()?.as_str() {
        "created" => (true, true),
        "replaced" => (false, true),
        "same" => (false, false),
        "future" => return Ok(Put::ClosedInFuture),
        "stale" => return Ok(Put::Stale),
        "mismatch" => return Ok(Put::Mismatch),
        _ => return Err(StoreError::shape("outcome")),
    };
    let service_request = read(&mut row, id)?;
    let (version, nodes) = (row.int8()?, row.nodes()?);
    // Of what is purged there are no parties, and nobody holds it.
    let changed = service_request.parties().filter(|_| differs).map(|parties| {
        Box::new(Conversation {
            id: id.clone(),
            version,
            last_seq: service_request.last_seq,
            parties,
            status: service_request.status,
            closed_at: service_request.closed_at,
            nodes,
        })
    });
    Ok(Put::Stored { created, service_request: Box::new(service_request), changed })
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
        customer_id: row.maybe_parsed()?,
        technician_id: row.maybe_parsed()?,
        service_center_id: row.maybe_parsed()?,
        status: row.parsed()?,
        closed_at: row.maybe_time()?,
        revision: row.maybe_int8()?,
        reports: row.int8()?,
        last_seq: row.int8()?,
        epoch: row.text()?,
    })
}
