//! The clock's call.

use std::time::Duration;

use futures_util::FutureExt;

use crate::{host::Connection, purge};

#[expect(unsafe_code, reason = "the generated export, which the host calls with memory that it filled")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package hubline:message-purge;
            world clock {
                import fermyon:spin/variables@2.0.0;
                include fermyon:spin-cron/spin-cron@2.0.0;
            }
        ",
        world: "hubline:message-purge/clock",
        generate_all,
        runtime_path: "spin_sdk::wit_bindgen::rt",
    });

    export!(Clock);

    /// Who the host calls.
    pub(super) struct Clock;
}

use bindings::{Error, Guest, Metadata, fermyon::spin::variables};

/// How long a run may take. Nights are long, and what is left is due the next one.
const PATIENCE: Duration = Duration::from_secs(240);

impl Guest for bindings::Clock {
    fn handle_cron_event(_: Metadata) -> Result<(), Error> {
        run().map_err(Error::Other)
    }
}

fn run() -> Result<(), String> {
    let url = variables::get("purge_database_url").map_err(|error| error.to_string())?;
    let connection = Connection::open(&url).map_err(|error| error.to_string())?;
    // Every call below is over when it returns, so there is nothing to wait for.
    let outcome = purge(&connection, PATIENCE).now_or_never().ok_or("the database made a call wait")?;
    let progress = outcome.map_err(|error| error.to_string())?;
    println!("purged {} messages in {} batches; done: {}", progress.messages, progress.batches, progress.done);
    Ok(())
}
