//! A component that is called by the clock.

use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use manifest::Schedule;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wasmtime::component::InstancePre;

use crate::FireError;
use crate::bindings::cron_function::CronFunctionPre;
use crate::bindings::cron_function::fermyon::spin_cron::cron_types::Metadata;
use crate::metrics::{Calls, Outcome};
use crate::scope::Scope;
use crate::state::State;

/// A function with a cron trigger.
pub(crate) struct Scheduled {
    scope: Arc<Scope>,
    pre: CronFunctionPre<State>,
    calls: Arc<Calls>,
}

impl Scheduled {
    /// Makes one of a component that exports `handle-cron-event`.
    pub fn new(pre: InstancePre<State>, scope: Arc<Scope>, calls: Arc<Calls>) -> wasmtime::Result<Self> {
        Ok(Self { scope, pre: CronFunctionPre::new(pre)?, calls })
    }

    /// Fires at each moment of a schedule, until `stop`, even when no moment is left; one run is over before the next begins.
    pub async fn run(&self, schedule: &Schedule, stop: CancellationToken) {
        while let Some(next) = schedule.next_after(Utc::now()) {
            // The clock may be set back meanwhile: sleeping short of the moment is not firing early.
            while let Ok(left) = (next - Utc::now()).to_std() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(left) => {}
                }
            }
            if let Err(error) = self.fire().await {
                tracing::error!(component = &*self.scope.name, %error, "a scheduled run failed");
            }
        }
        stop.cancelled().await;
    }

    /// Runs once, in an instance of its own.
    pub async fn fire(&self) -> Result<(), FireError> {
        let start = Instant::now();
        self.calls.instance_began();
        let outcome = timeout(self.scope.services.limits.schedule, self.call()).await;
        let component = self.scope.name.to_string();
        let (ended, stopped) = match outcome {
            Ok(Ok(Ok(()))) => (Ok(()), false),
            Ok(Ok(Err(reason))) => (Err(FireError::Failed { component, reason }), false),
            Ok(Err(error)) => (Err(FireError::Stopped { component, reason: format!("{error:#}") }), true),
            Err(_) => (Err(FireError::Stopped { component, reason: "it took too long".to_owned() }), true),
        };
        self.calls.instance_ended(stopped);
        self.calls.ended(if ended.is_ok() { Outcome::Ok } else { Outcome::Failed }, start.elapsed());
        ended
    }

    async fn call(&self) -> wasmtime::Result<Result<(), String>> {
        let mut store = State::store(self.pre.engine(), &self.scope);
        let pulse = Arc::clone(&store.data().pulse);
        let timestamp = u64::try_from(Utc::now().timestamp()).unwrap_or(0);
        let run = async {
            let function = self.pre.instantiate_async(&mut store).await?;
            function.call_handle_cron_event(&mut store, Metadata { timestamp }).await
        };
        Ok(pulse.watch(run).await?.map_err(|error| error.to_string()))
    }
}
