//! One user on one connection: joins a conversation, sends when it is time, and notes what comes.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Result, bail};
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::hub::{self, Incoming, TERMINATOR};
use crate::ledger::{Ledger, Seat};
use crate::socket::Socket;
use crate::tally::Run;
use crate::target::Target;
use crate::turns::Turns;

/// SignalR's server gives up on a silent client after 30 s.
const PING_EVERY: Duration = Duration::from_secs(10);

/// When a party sends.
pub enum Pace {
    /// At once after each answer, with so many unanswered.
    Closed(u32),
    /// When a send is due, whatever came of the earlier ones.
    Open(UnboundedReceiver<u64>),
    /// When it is called up; after the answer it calls up whoever's turn is next.
    Turns(UnboundedReceiver<u64>, Arc<Turns>),
}

/// A party that has joined its conversation.
pub struct Party {
    socket: Socket,
    seat: Seat,
    service_request: String,
    ledger: Arc<Mutex<Ledger>>,
    ping: Interval,
    /// What has come, while it is being looked at.
    records: Vec<u8>,
    /// The message that is being written.
    record: Vec<u8>,
}

impl Party {
    /// Connects and joins.
    ///
    /// # Errors
    /// The server can't be reached, refuses, or does not speak the protocol.
    pub async fn join(target: &Target, conversation: usize, seat: Seat, ledger: Arc<Mutex<Ledger>>) -> Result<Self> {
        let token = target.token(conversation, seat)?;
        let socket = Socket::connect(target.node(conversation, seat)?, &token, target.negotiate).await?;
        let mut ping = interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let service_request = target.service_request(conversation);
        let mut party = Self { socket, seat, service_request, ledger, ping, records: Vec::new(), record: Vec::new() };
        let last_seq = party.await_join().await?;
        party.ledger.lock().joined(seat, last_seq);
        Ok(party)
    }

    async fn await_join(&mut self) -> Result<u64> {
        self.socket.send(hub::HANDSHAKE);
        hub::join(&self.service_request, &mut self.record)?;
        self.socket.send(&self.record);
        loop {
            poll_fn(|context| self.socket.poll_exchange(context)).await?;
            self.socket.take_records(&mut self.records);
            for record in complete(&self.records) {
                match hub::decode(record)? {
                    Incoming::Joined(last_seq) => return Ok(last_seq),
                    Incoming::Failed(_, error) => bail!("joining {}: {error}", self.service_request),
                    Incoming::Closing(reason) => bail!("the hub closed the connection: {reason}"),
                    _ => {}
                }
            }
        }
    }

    /// Sends and receives until it is dropped or the connection is lost, which is noted.
    pub async fn talk(mut self, run: Arc<Run>, mut pace: Pace) {
        if let Err(error) = self.converse(&run, &mut pace).await {
            self.ledger.lock().gone(self.seat);
            run.failed(format!("connection lost: {error:#}"));
        }
    }

    async fn converse(&mut self, run: &Run, pace: &mut Pace) -> Result<()> {
        if let Pace::Closed(outstanding) = pace {
            for _ in 0..*outstanding {
                self.send(run, run.now())?;
            }
        }
        loop {
            poll_fn(|context| self.poll_turn(context, run, pace)).await?;
            let mut records = std::mem::take(&mut self.records);
            self.socket.take_records(&mut records);
            for record in complete(&records) {
                let answered = self.take(run, hub::decode(record)?)?;
                if !answered || run.now() >= run.window().end {
                    continue;
                }
                match pace {
                    Pace::Closed(_) => self.send(run, run.now())?,
                    Pace::Turns(_, turns) => turns.call(run.now()),
                    Pace::Open(_) => {}
                }
            }
            self.records = records;
        }
    }

    /// Sends whatever is due, then reads.
    fn poll_turn(&mut self, context: &mut Context<'_>, run: &Run, pace: &mut Pace) -> Poll<Result<()>> {
        if let Pace::Open(dues) | Pace::Turns(dues, _) = pace {
            while let Poll::Ready(Some(due)) = dues.poll_recv(context) {
                self.send(run, due)?;
            }
        }
        while self.ping.poll_tick(context).is_ready() {
            self.socket.send(hub::PING);
        }
        self.socket.poll_exchange(context)
    }

    fn send(&mut self, run: &Run, due: u64) -> Result<()> {
        let (number, id) = self.ledger.lock().send(self.seat, due);
        self.record.clear();
        hub::send(number, &self.service_request, id, &run.body, &mut self.record)?;
        self.socket.send(&self.record);
        run.sent(due);
        Ok(())
    }

    /// Notes what the hub said; whether it was the answer to a send.
    fn take(&self, run: &Run, incoming: Incoming<'_>) -> Result<bool> {
        let mut ledger = self.ledger.lock();
        match incoming {
            Incoming::Sent(number, message) => {
                if let Some(due) = ledger.acknowledged(self.seat, number, message.seq) {
                    run.acknowledged(due);
                }
                return Ok(true);
            }
            Incoming::Received(message) if message.service_request_id != self.service_request => ledger.stray(),
            Incoming::Received(message) => {
                if let Some(due) = ledger.received(self.seat, message.seq, message.client_message_id) {
                    run.received(due);
                }
            }
            Incoming::Failed(_, error) => {
                ledger.failed(self.seat);
                run.failed(error.into_owned());
                return Ok(true);
            }
            Incoming::Closing(reason) => bail!("the hub closed it: {reason}"),
            Incoming::Ready | Incoming::Joined(_) | Incoming::Other => {}
        }
        Ok(false)
    }
}

/// The hub messages in a text that ends with a terminator.
fn complete(records: &[u8]) -> impl Iterator<Item = &[u8]> {
    records.split(|byte| *byte == TERMINATOR).filter(|record| !record.is_empty())
}
