//! The way down: not ready first, serving on while balancers notice, and then clients sent elsewhere one after another.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use supervisor::{Ended, Tasks};

use crate::health::Health;
use crate::shutdown::Shutdown;
use crate::variables::Variables;

/// What the rest of the way may take, when everybody has been sent away: answering what is under way, and goodbyes.
const REST: Duration = Duration::from_secs(15);

/// How long it may take at most to notice, and to send clients away.
const LONGEST: Duration = Duration::from_secs(3600);

/// How a process goes down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Drain {
    wait: Duration,
    spread: Duration,
}

/// What ends the work of a process.
pub enum End {
    /// An order.
    Ordered,
    /// A task that must not end.
    Failed(Ended),
}

impl Drain {
    /// As the variables say, in seconds: for how long to serve on, and over which time to send clients away.
    ///
    /// # Errors
    ///
    /// When one of them is no time.
    pub fn new(variables: &Variables) -> Result<Self> {
        let seconds = |name| time(variables.get(name).unwrap_or("5")).with_context(|| format!("{name} is unusable"));
        Ok(Self { wait: seconds("drain_wait")?, spread: seconds("drain_spread")? })
    }

    /// Over which time clients are sent away.
    pub fn spread(&self) -> Duration {
        self.spread
    }

    /// How long the way down may take once nobody new is taken. With the defaults all of it is over in 25 s; supervisors
    /// commonly wait 30 s before they kill.
    pub fn bound(&self) -> Duration {
        self.spread + REST
    }

    /// Waits for the order to end, or for a task to end that must not. From then on the process says that it is not ready, and
    /// goes on serving for as long as others need to notice.
    ///
    /// `None` when a second order ended the wait: the process ends at once.
    pub async fn awaited<const N: usize>(
        &self,
        health: &Health,
        shutdown: &mut Shutdown,
        mut tasks: [&mut Tasks; N],
    ) -> Option<End> {
        let end = tokio::select! {
            () = shutdown.ordered() => End::Ordered,
            ended = first_end(&mut tasks) => End::Failed(ended),
        };
        health.drain();
        if let End::Failed(ended) = end {
            // Nobody is served well from here on: the sooner clients are elsewhere, the better.
            tracing::error!("{ended}: stopping");
            return Some(End::Failed(ended));
        }
        tracing::info!(
            "stopping: not ready from now on, and serving on for {:?}; a second order ends it at once",
            self.wait
        );
        tokio::select! {
            () = tokio::time::sleep(self.wait) => Some(End::Ordered),
            ended = first_end(&mut tasks) => {
                tracing::error!("{ended}");
                Some(End::Failed(ended))
            }
            () = shutdown.ordered() => {
                tracing::warn!("stopped at once");
                None
            }
        }
    }
}

impl End {
    /// What the process answers to who started it.
    ///
    /// # Errors
    ///
    /// When it was not ordered to end.
    pub fn outcome(self) -> Result<()> {
        match self {
            Self::Ordered => Ok(()),
            Self::Failed(ended) => Err(ended.into()),
        }
    }
}

/// Waits for the first end of all.
async fn first_end<const N: usize>(tasks: &mut [&mut Tasks; N]) -> Ended {
    let ends = tasks.iter_mut().map(|tasks| Box::pin(tasks.first_end()));
    futures_util::future::select_all(ends).await.0
}

/// Reads a time in seconds, such as `5` or `0.5`.
fn time(text: &str) -> Result<Duration> {
    let seconds: f64 = text.trim().parse().ok().with_context(|| format!("`{text}` is no number of seconds"))?;
    let time = Duration::try_from_secs_f64(seconds).with_context(|| format!("`{text}` is no time"))?;
    ensure!(time <= LONGEST, "`{text}` is longer than {LONGEST:?}");
    Ok(time)
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use axum::extract::State;
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn times_are_seconds() {
        let mut variables = Variables::default();
        let usual = Drain { wait: Duration::from_secs(5), spread: Duration::from_secs(5) };
        assert_eq!(Drain::new(&variables).unwrap(), usual);
        assert!(usual.wait + usual.bound() < Duration::from_secs(30), "supervisors kill after that");
        variables.set("drain_wait", "0.25");
        variables.set("drain_spread", "0");
        assert_eq!(Drain::new(&variables).unwrap(), Drain { wait: Duration::from_millis(250), spread: Duration::ZERO });
    }

    #[tokio::test]
    async fn a_task_that_ends_takes_the_process_down_with_its_reason() {
        let health = Health::new(Arc::new(|| async { Ok(()) }.boxed()), Arc::new(|| async { String::new() }.boxed()));
        let (mut relay, mut servers) = (Tasks::new(), Tasks::new());
        relay.spawn("sweep", async { panic!("out of order") });
        servers.spawn("listener", pending());
        // An hour to notice, of which nothing is waited for.
        let drain = Drain { wait: LONGEST, spread: LONGEST };
        let end = drain.awaited(&health, &mut Shutdown::listen().unwrap(), [&mut servers, &mut relay]).await.unwrap();
        assert_eq!(Health::ready(State(health)).await.status(), 503);
        let error = end.outcome().unwrap_err().to_string();
        assert_eq!(error, "the task `sweep` must not end, and has ended: it panicked: out of order");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for wrong in ["x", "-1", "NaN", "inf", "1e300", "3601", "5s", "5,5"] {
            let mut variables = Variables::default();
            variables.set("drain_spread", wrong);
            let error = format!("{:#}", Drain::new(&variables).unwrap_err());
            assert!(error.contains("drain_spread") && error.contains(wrong), "{error}");
        }
    }
}
