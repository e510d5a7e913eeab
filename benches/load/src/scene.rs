//! Sets the scene: service requests with their two parties, connected and joined.

use std::sync::Arc;

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use serde_json::json;

use crate::http::Connection;
use crate::ledger::{Ledger, Seat};
use crate::party::Party;
use crate::target::Target;

/// How many connections report service requests at once.
const REPORTERS: usize = 8;

/// How many parties connect and join at once.
const JOINING: usize = 32;

/// Conversations, and the parties that have joined them.
pub struct Scene {
    /// One a conversation.
    pub ledgers: Vec<Arc<Mutex<Ledger>>>,
    /// Two a conversation: first all customers, then all technicians, so that the turn of a conversation's two parties
    /// comes half a round apart.
    pub parties: Vec<Party>,
}

impl Scene {
    /// Reports the service requests, connects both parties of each, and joins them.
    ///
    /// # Errors
    /// The system can't be reached, or refuses any of it.
    pub async fn set(target: &Target, conversations: usize) -> Result<Self> {
        report_all(target, conversations).await?;
        let ledgers: Vec<_> = (0..conversations).map(|_| Arc::new(Mutex::new(Ledger::new(target.run)))).collect();
        let seats = Seat::BOTH.into_iter().flat_map(|seat| ledgers.iter().enumerate().map(move |it| (seat, it)));
        let joining = seats.map(|(seat, (conversation, ledger))| {
            let ledger = Arc::clone(ledger);
            async move {
                let joined = Party::join(target, conversation, seat, ledger).await;
                joined.with_context(|| format!("conversation {conversation}, {seat:?}"))
            }
        });
        let parties = stream::iter(joining).buffered(JOINING).try_collect().await?;
        Ok(Self { ledgers, parties })
    }
}

/// Reports the service requests of so many conversations.
///
/// # Errors
/// The system can't be reached, or refuses one.
pub async fn report_all(target: &Target, conversations: usize) -> Result<()> {
    let reporters = REPORTERS.min(conversations);
    let reporting = (0..reporters).map(|first| report(target, (first..conversations).step_by(reporters)));
    futures_util::future::try_join_all(reporting).await?;
    Ok(())
}

/// Reports some service requests on one connection.
async fn report(target: &Target, conversations: impl Iterator<Item = usize>) -> Result<()> {
    let token = target.platform_token()?;
    let mut connection = Connection::open(target.node(0, Seat::Customer)?).await?;
    for conversation in conversations {
        let body = json!({
            "customerId": target.user(conversation, Seat::Customer),
            "technicianId": target.user(conversation, Seat::Technician),
            "serviceCenterId": target.center(),
            "status": "open",
        });
        connection.put_service_request(&target.service_request(conversation), &token, &body).await?;
    }
    Ok(())
}
