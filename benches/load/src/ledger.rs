//! What happened in one conversation: who sent what and when, and whether the receivers saw what they were promised.

use uuid::Uuid;

/// Which of the two parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// The customer of the service request.
    Customer = 0,
    /// Its technician.
    Technician = 1,
}

impl Seat {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::Customer, Self::Technician];
}

/// Faults that no correct system has, whatever its speed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Faults {
    /// Acknowledged, and not received by a party that was connected to the end.
    pub lost: u64,
    /// Seen twice by one connection, a sender's own message as an event included.
    pub duplicated: u64,
    /// Events with a lower number than an earlier event of the same connection.
    pub out_of_order: u64,
    /// Numbers that nobody has seen though a higher one exists.
    pub gaps: u64,
    /// Events of another conversation, or of a message that nobody sent.
    pub strays: u64,
}

impl Faults {
    /// Whether there is any.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }

    /// Counts the faults of another conversation too.
    pub fn add(&mut self, other: &Self) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.out_of_order += other.out_of_order;
        self.gaps += other.gaps;
        self.strays += other.strays;
    }
}

/// A set of message numbers, dense from the first one that is possible.
#[derive(Debug, Default)]
struct Numbers(Vec<u64>);

impl Numbers {
    /// Adds a number; false if it was there.
    fn insert(&mut self, number: u64) -> bool {
        let (word, bit) = ((number / 64) as usize, 1 << (number % 64));
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        match self.0.get_mut(word) {
            Some(word) if *word & bit == 0 => {
                *word |= bit;
                true
            }
            _ => false,
        }
    }

    fn len(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// How many of these the other has not.
    fn missing_in(&self, other: &Self) -> u64 {
        let theirs = other.0.iter().copied().chain(std::iter::repeat(0));
        self.0.iter().zip(theirs).map(|(ours, theirs)| u64::from((ours & !theirs).count_ones())).sum()
    }

    fn extend(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (ours, theirs) in self.0.iter_mut().zip(&other.0) {
            *ours |= theirs;
        }
    }
}

/// What one connection has sent and seen.
#[derive(Debug, Default)]
struct View {
    /// When each of its sends was due, by number, in nanoseconds of the run.
    due: Vec<u64>,
    /// How many of those are answered.
    answered: u32,
    acknowledged: Numbers,
    /// Through an acknowledgement or an event.
    seen: Numbers,
    highest_event: u64,
    highest: u64,
    gone: bool,
}

/// The two views of a conversation, and its faults so far.
#[derive(Debug)]
pub struct Ledger {
    run: [u8; 6],
    /// The last number before the run.
    before: u64,
    views: [View; 2],
    faults: Faults,
    overtaken: u64,
}

impl Ledger {
    /// An empty conversation of the run with this name.
    pub fn new(run: [u8; 6]) -> Self {
        Self { run, before: 0, views: Default::default(), faults: Faults::default(), overtaken: 0 }
    }

    fn view(&mut self, seat: Seat) -> &mut View {
        let [customer, technician] = &mut self.views;
        match seat {
            Seat::Customer => customer,
            Seat::Technician => technician,
        }
    }

    /// A connection has joined when this was the last number.
    pub fn joined(&mut self, seat: Seat, last_seq: u64) {
        self.before = last_seq;
        self.view(seat).highest = last_seq;
    }

    /// Notes a send that was due at this time; its number among the sends of this party and the id to send it with.
    pub fn send(&mut self, seat: Seat, due: u64) -> (u32, Uuid) {
        let run = self.run;
        let view = self.view(seat);
        let number = view.due.len() as u32;
        view.due.push(due);
        (number, client_message_id(run, seat, number))
    }

    /// The send with this number was answered with the message number `seq`; when it was due.
    pub fn acknowledged(&mut self, seat: Seat, number: u32, seq: u64) -> Option<u64> {
        let view = self.view(seat);
        view.answered += 1;
        view.acknowledged.insert(seq);
        let due = view.due.get(number as usize).copied();
        self.see(seat, seq);
        due
    }

    /// The send with this number failed: whether it is persisted is not known.
    pub fn failed(&mut self, seat: Seat) {
        self.view(seat).answered += 1;
    }

    /// An event brought a message; when it was due, if the other party sent it.
    pub fn received(&mut self, seat: Seat, seq: u64, id: Uuid) -> Option<u64> {
        let view = self.view(seat);
        if seq < view.highest_event {
            self.faults.out_of_order += 1;
        } else {
            view.highest_event = seq;
        }
        self.see(seat, seq);
        let due = parse(self.run, id).and_then(|(sender, number)| self.view(sender).due.get(number as usize).copied());
        if due.is_none() {
            self.faults.strays += 1;
        }
        due
    }

    fn see(&mut self, seat: Seat, seq: u64) {
        let view = self.view(seat);
        let fresh = view.seen.insert(seq);
        let jumped = seq > view.highest + 1;
        view.highest = view.highest.max(seq);
        self.faults.duplicated += u64::from(!fresh);
        self.overtaken += u64::from(jumped);
    }

    /// An event of another conversation came to a connection of this one.
    pub fn stray(&mut self) {
        self.faults.strays += 1;
    }

    /// The connection is no more: nothing further can be expected of it.
    pub fn gone(&mut self, seat: Seat) {
        self.view(seat).gone = true;
    }

    /// Whether everything is answered and received that ever will be.
    pub fn settled(&self) -> bool {
        let answered = self.views.iter().all(|view| view.gone || view.due.len() == view.answered as usize);
        answered && self.lost() == 0
    }

    fn lost(&self) -> u64 {
        let mut acknowledged = Numbers::default();
        for view in &self.views {
            acknowledged.extend(&view.acknowledged);
        }
        self.views.iter().filter(|view| !view.gone).map(|view| acknowledged.missing_in(&view.seen)).sum()
    }

    /// All faults, at the end.
    pub fn faults(&self) -> Faults {
        let mut seen = Numbers::default();
        for view in &self.views {
            seen.extend(&view.seen);
        }
        let highest = self.views.iter().map(|view| view.highest).max().unwrap_or_default();
        Faults {
            lost: self.lost(),
            gaps: highest.saturating_sub(self.before).saturating_sub(seen.len()),
            ..self.faults
        }
    }

    /// How often a number reached a connection before a lower one, acknowledgements included: allowed by the letter of
    /// SignalR, not by the contract of Hubline.
    pub fn overtaken(&self) -> u64 {
        self.overtaken
    }

    /// Sends without an answer.
    pub fn unanswered(&self) -> u64 {
        self.views.iter().map(|view| view.due.len() as u64 - u64::from(view.answered)).sum()
    }
}

/// Names the send: the receiver learns from it alone who sent it and when.
fn client_message_id(run: [u8; 6], seat: Seat, number: u32) -> Uuid {
    let [a, b, c, d, e, f] = run;
    let [w, x, y, z] = number.to_be_bytes();
    uuid::Builder::from_random_bytes([a, b, c, d, e, f, 0, 0, 0, seat as u8, 0, 0, w, x, y, z]).into_uuid()
}

fn parse(run: [u8; 6], id: Uuid) -> Option<(Seat, u32)> {
    let [a, b, c, d, e, f, _, _, _, seat, _, _, w, x, y, z] = id.into_bytes();
    let seat = match seat {
        0 => Seat::Customer,
        1 => Seat::Technician,
        _ => return None,
    };
    (run == [a, b, c, d, e, f]).then_some((seat, u32::from_be_bytes([w, x, y, z])))
}

#[cfg(test)]
mod tests {
    use super::Seat::{Customer, Technician};
    use super::*;

    const RUN: [u8; 6] = [1, 2, 3, 4, 5, 6];

    /// A conversation in which the customer has sent `n` messages, numbered 1 to n and all acknowledged.
    fn sent(n: u64) -> (Ledger, Vec<Uuid>) {
        let mut ledger = Ledger::new(RUN);
        let mut ids = Vec::new();
        for seq in 1..=n {
            let (number, id) = ledger.send(Customer, seq * 10);
            assert_eq!(ledger.acknowledged(Customer, number, seq), Some(seq * 10));
            ids.push(id);
        }
        (ledger, ids)
    }

    #[test]
    fn a_good_run_has_no_faults() {
        let (mut ledger, ids) = sent(200);
        assert!(!ledger.settled());
        for (seq, id) in (1..).zip(ids) {
            assert_eq!(ledger.received(Technician, seq, id), Some(seq * 10));
        }
        assert!(ledger.settled());
        assert_eq!((ledger.faults(), ledger.overtaken()), (Faults::default(), 0));
    }

    #[test]
    fn what_is_acknowledged_and_not_received_is_lost() {
        let (mut ledger, ids) = sent(3);
        ledger.received(Technician, 1, ids[0]);
        ledger.received(Technician, 3, ids[2]);
        assert_eq!(ledger.faults(), Faults { lost: 1, ..Faults::default() });
        assert_eq!(ledger.overtaken(), 1);
        ledger.gone(Technician);
        assert_eq!(ledger.faults().lost, 0, "nothing can be asked of a connection that is gone");
    }

    #[test]
    fn a_send_of_unknown_outcome_may_arrive() {
        let (mut ledger, _) = sent(0);
        let (_, id) = ledger.send(Customer, 5);
        assert!(!ledger.settled());
        ledger.failed(Customer);
        assert!(ledger.settled());
        ledger.received(Technician, 1, id);
        assert!(!ledger.faults().any());
    }

    #[test]
    fn duplicates_disorder_gaps_and_strays_are_counted() {
        let (mut ledger, ids) = sent(2);
        ledger.received(Technician, 2, ids[1]);
        ledger.received(Technician, 1, ids[0]);
        ledger.received(Technician, 1, ids[0]);
        ledger.received(Customer, 1, ids[0]);
        ledger.received(Technician, 4, Uuid::from_u128(9));
        let expected = Faults { duplicated: 2, out_of_order: 2, gaps: 1, strays: 1, lost: 0 };
        assert_eq!(ledger.faults(), expected);
    }

    #[test]
    fn a_run_may_start_in_the_middle() {
        let mut ledger = Ledger::new(RUN);
        ledger.joined(Customer, 40);
        ledger.joined(Technician, 40);
        let (number, id) = ledger.send(Technician, 1);
        ledger.acknowledged(Technician, number, 41);
        ledger.received(Customer, 41, id);
        assert_eq!((ledger.faults(), ledger.overtaken()), (Faults::default(), 0));
    }

    #[test]
    fn ids_are_random_uuids_by_their_form() {
        let id = client_message_id(RUN, Technician, 70_000);
        assert_eq!(id.get_version_num(), 4);
        assert_eq!(parse(RUN, id), Some((Technician, 70_000)));
        assert_eq!(parse([0; 6], id), None);
    }
}
