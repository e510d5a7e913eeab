//! Whether the database can serve.

use chat::{Actor, ServiceRequestId, UserId};
use uuid::Uuid;

use crate::{Database, Join, StoreError, join};

/// Has the database do what it does for a client that joins, for nobody: it looks, finds no party and registers nothing. So its
/// schema, its functions, what the role may and that it can be written are all asked at once.
///
/// # Errors
/// Returns [`StoreError`] when a client could not join either.
pub async fn ready(db: &impl Database) -> Result<(), StoreError> {
    let broken = |_| StoreError::shape("name");
    let nobody = Actor { user: UserId::parse("nobody").map_err(broken)?, roles: Vec::new(), center: None };
    let nothing = ServiceRequestId::parse(&Uuid::nil().to_string()).map_err(broken)?;
    let node = chat::NodeName::parse("nowhere").map_err(broken)?;
    let asked = Join {
        node: &node,
        incarnation: Uuid::nil(),
        actor: &nobody,
        service_request_id: &nothing,
        after_seq: None,
        epoch: None,
    };
    join(db, &asked).await.map(drop)
}
