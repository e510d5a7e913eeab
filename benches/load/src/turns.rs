//! Many parties of whom a few talk at once: each answer calls up whoever's turn is next.

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The parties in their order, and whose turn it is.
#[derive(Default)]
pub struct Turns(Mutex<Circle>);

#[derive(Default)]
struct Circle {
    places: Vec<UnboundedSender<u64>>,
    next: usize,
}

impl Turns {
    /// A place behind all others: where its holder is told when a send is due, in nanoseconds since the start of the run.
    pub fn take_a_place(&self) -> UnboundedReceiver<u64> {
        let (call, calls) = unbounded_channel();
        self.0.lock().places.push(call);
        calls
    }

    /// Calls up the next one that is still there. Whoever has lost its connection is noted where it was lost.
    pub fn call(&self, due: u64) {
        let mut circle = self.0.lock();
        for _ in 0..circle.places.len() {
            let place = circle.next % circle.places.len();
            circle.next = place + 1;
            if circle.places.get(place).is_some_and(|call| call.send(due).is_ok()) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_a_turn_before_anybody_has_another() {
        let turns = Turns::default();
        let mut places: Vec<_> = (0..3).map(|_| turns.take_a_place()).collect();
        (0..4).for_each(|due| turns.call(due));
        let mut called = |place: usize| std::iter::from_fn(|| places[place].try_recv().ok()).collect::<Vec<_>>();
        assert_eq!((called(0), called(1), called(2)), (vec![0, 3], vec![1], vec![2]));
        drop(places.remove(1));
        (4..6).for_each(|due| turns.call(due));
        let mut called = |place: usize| std::iter::from_fn(|| places[place].try_recv().ok()).collect::<Vec<_>>();
        assert_eq!((called(0), called(1)), (vec![5], vec![4]), "who is gone is passed over");
    }
}
