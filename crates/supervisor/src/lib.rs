//! Tasks that a process can't do its work without. One that ends, however it does, is noticed at once and by name, so that the
//! process can end with the reason: half a process looks alive, and serves nobody.

use std::any::Any;
use std::collections::HashMap;
use std::future::pending;

use tokio::task::{Id, JoinError, JoinHandle, JoinSet};

/// A task that must not end has ended.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the task `{task}` must not end, and has ended: {reason}")]
pub struct Ended {
    /// What the task is called.
    pub task: String,
    /// How it ended: the text of a panic, or that it returned.
    pub reason: String,
}

type Outcome = Result<(), Ended>;

/// Tasks that are to run until all of them are told to stop. Dropped, they end at once.
#[derive(Debug, Default)]
pub struct Tasks {
    running: JoinSet<Outcome>,
    names: HashMap<Id, String>,
}

impl Tasks {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts one, under a name for people.
    pub fn spawn(&mut self, name: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) {
        self.start(name.into(), async {
            task.await;
            Ok(())
        });
    }

    /// Watches over a task that watches over others: whatever ended there has ended here, by its own name.
    pub fn adopt(&mut self, name: impl Into<String>, task: JoinHandle<Result<(), Ended>>) {
        let name = name.into();
        let by = name.clone();
        self.start(name, async move { task.await.unwrap_or_else(|error| Err(ended(by, Some(error)))) });
    }

    /// Waits until one has ended; for ever when there is none.
    pub async fn first_end(&mut self) -> Ended {
        match self.running.join_next_with_id().await {
            None => pending().await,
            Some(Ok((id, outcome))) => outcome.err().unwrap_or_else(|| ended(self.name(id), None)),
            Some(Err(error)) => ended(self.name(error.id()), Some(error)),
        }
    }

    /// Waits until all have ended, after they were told to: returning is what they are meant to do now.
    ///
    /// # Errors
    /// Returns the first that did not end by returning.
    pub async fn rest(mut self) -> Result<(), Ended> {
        let mut worst = Ok(());
        while let Some(next) = self.running.join_next_with_id().await {
            let outcome = match next {
                Ok((_, outcome)) => outcome,
                Err(error) => Err(ended(self.name(error.id()), Some(error))),
            };
            worst = worst.and(outcome);
        }
        worst
    }

    fn start(&mut self, name: String, task: impl Future<Output = Outcome> + Send + 'static) {
        let handle = self.running.spawn(task);
        self.names.insert(handle.id(), name);
    }

    fn name(&self, id: Id) -> String {
        self.names.get(&id).cloned().unwrap_or_default()
    }
}

fn ended(task: String, error: Option<JoinError>) -> Ended {
    let reason = match error.map(JoinError::try_into_panic) {
        None => "it returned".to_owned(),
        Some(Ok(panic)) => format!("it panicked: {}", text(panic.as_ref())),
        Some(Err(_)) => "it was cancelled".to_owned(),
    };
    Ended { task, reason }
}

/// What a panic said, if it is a text.
fn text(panic: &(dyn Any + Send)) -> &str {
    let fixed = panic.downcast_ref::<&str>().copied();
    fixed.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::{sleep, timeout};

    use super::*;

    fn is(task: &str, reason: &str) -> Ended {
        Ended { task: task.to_owned(), reason: reason.to_owned() }
    }

    #[tokio::test]
    async fn the_first_end_is_known_by_name_and_reason() {
        for (task, reason) in
            [("returns", "it returned"), ("panics", "it panicked: no 7"), ("dies", "it panicked: out")]
        {
            let mut tasks = Tasks::new();
            tasks.spawn("goes on", pending());
            match task {
                "returns" => tasks.spawn(task, async {}),
                "panics" => tasks.spawn(task, async { panic!("no {}", std::hint::black_box(7)) }),
                _ => tasks.spawn(task, async { panic!("out") }),
            }
            assert_eq!(tasks.first_end().await, is(task, reason));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_on_does_not_end() {
        let mut tasks = Tasks::new();
        assert!(timeout(Duration::from_secs(60), tasks.first_end()).await.is_err(), "none, so none ends");
        tasks.spawn("goes on", pending());
        assert!(timeout(Duration::from_secs(60), tasks.first_end()).await.is_err());
    }

    #[tokio::test]
    async fn an_adopted_end_keeps_its_name() {
        let inner = async {
            let mut tasks = Tasks::new();
            tasks.spawn("lane", async { panic!("lost") });
            Err(tasks.first_end().await)
        };
        let mut tasks = Tasks::new();
        tasks.adopt("relay", tokio::spawn(inner));
        assert_eq!(tasks.first_end().await, is("lane", "it panicked: lost"));
        tasks.adopt("relay", tokio::spawn(async { panic!("whole") }));
        assert_eq!(tasks.first_end().await, is("relay", "it panicked: whole"));
        tasks.adopt("relay", tokio::spawn(async { Ok(()) }));
        assert_eq!(tasks.first_end().await, is("relay", "it returned"));
    }

    #[tokio::test]
    async fn whoever_was_told_to_stop_may_return() {
        let mut tasks = Tasks::new();
        tasks.spawn("one", sleep(Duration::from_millis(1)));
        tasks.spawn("other", async {});
        assert_eq!(tasks.rest().await, Ok(()));
        let mut tasks = Tasks::new();
        tasks.spawn("one", async {});
        tasks.spawn("other", async { panic!("on the way") });
        assert_eq!(tasks.rest().await, Err(is("other", "it panicked: on the way")));
    }

    #[tokio::test]
    async fn dropped_they_end() {
        let (alive, gone) = oneshot::channel::<()>();
        let mut tasks = Tasks::new();
        tasks.spawn("holds", async move {
            let _alive = alive;
            pending().await
        });
        drop(tasks);
        assert!(gone.await.is_err());
    }
}
