//! A future that is polled on at once when something in it wakes it while it is polled.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;

/// How long the work may go on before everybody else gets a turn.
const TURN: Duration = Duration::from_micros(500);

const RESTING: u8 = 0;
const POLLED: u8 = 1;
const NUDGED: u8 = 2;

/// Runs work that wakes itself, as the event loop of a store does several times in a call.
///
/// A task that is woken while it runs goes to the end of its executor's queue, and the executor may wake another thread to
/// take it from there: on a busy machine that thread has to wait for a processor first. Whoever is at work goes on
/// sooner.
pub(crate) async fn persistent<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let nudge = Arc::new(Nudge::default());
    let waker = Waker::from(Arc::clone(&nudge));
    std::future::poll_fn(move |context| {
        nudge.task.register(context.waker());
        let began = Instant::now();
        loop {
            nudge.state.store(POLLED, SeqCst);
            let progress = work.as_mut().poll(&mut Context::from_waker(&waker));
            let nudged = nudge.state.swap(RESTING, SeqCst) == NUDGED;
            if progress.is_ready() || !nudged {
                return progress;
            }
            if began.elapsed() >= TURN {
                context.waker().wake_by_ref();
                return progress;
            }
        }
    })
    .await
}

/// Notes who wakes the work while it is polled, and passes on what comes at other times.
#[derive(Default)]
struct Nudge {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Wake for Nudge {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Whoever polls looks at this again before it rests, so a nudge is never lost.
        if self.state.compare_exchange(POLLED, NUDGED, SeqCst, SeqCst).is_err_and(|state| state == RESTING) {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;
    use std::task::Poll;

    use futures_util::FutureExt;
    use futures_util::task::noop_waker_ref;

    use super::*;

    #[test]
    fn goes_on_at_once_but_not_for_ever() {
        let polls = AtomicUsize::new(0);
        let restless = poll_fn(|context| {
            polls.fetch_add(1, SeqCst);
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        let mut work = pin!(persistent(restless));
        let began = Instant::now();
        assert!(work.poll_unpin(&mut Context::from_waker(noop_waker_ref())).is_pending());
        assert!(polls.load(SeqCst) > 1 && began.elapsed() >= TURN);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn loses_no_nudge_wherever_it_comes_from() {
        for round in 0..200_u32 {
            let (sender, receiver) = tokio::sync::oneshot::channel();
            let other = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_micros(u64::from(round % 50)));
                sender.send(round)
            });
            let answer = tokio::time::timeout(Duration::from_secs(5), persistent(receiver)).await;
            assert_eq!(answer.unwrap(), Ok(round));
            other.join().unwrap().unwrap();
        }
    }
}
