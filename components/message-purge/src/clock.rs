//! The clock's call.

use std::{thread::sleep, time::Duration};

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

impl Guest for bindings::Clock {
    fn handle_cron_event(_: Metadata) -> Result<(), Error> {
        run().map_err(Error::Other)
    }
}

fn run() -> Result<(), String> {
    let url = variables::get("purge_database_url").map_err(|error| error.to_string())?;
    if url.is_empty() {
        return Err("purge_database_url is not set, so nothing is ever purged".to_owned());
    }
    // What is left when it is over is gone on with by the next firing, minutes later.
    let patience = variables::get("purge_patience").map_err(|error| error.to_string())?;
    let patience: u32 = patience.parse().map_err(|_| "purge_patience must be a number of seconds")?;
    let work = purge(|| Connection::open(&url), Duration::from_secs(patience.into()), sleep);
    // Every call is over when it returns, so there is nothing to wait for.
    let outcome = work.now_or_never().ok_or("the database made a call wait")?;
    let progress = outcome.map_err(|error| error.to_string())?;
    if progress.batches > 0 || !progress.done {
        println!("{progress}");
    }
    Ok(())
}
