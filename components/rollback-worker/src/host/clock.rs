//! The clock's call.

use std::time::Duration;

use super::shift;

#[expect(unsafe_code, reason = "the generated export, which the host calls with memory that it filled")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package hubline:rollback-worker;
            world clock {
                include fermyon:spin-cron/spin-cron@2.0.0;
            }
        ",
        world: "hubline:rollback-worker/clock",
        generate_all,
        runtime_path: "spin_sdk::wit_bindgen::rt",
    });

    export!(Clock);

    /// Who the host calls.
    pub(super) struct Clock;
}

use bindings::{Error, Guest, Metadata};

/// For how long turns are begun. The clock calls every five seconds, and not before the last call is over.
const PATIENCE: Duration = Duration::from_secs(20);

impl Guest for bindings::Clock {
    fn handle_cron_event(_: Metadata) -> Result<(), Error> {
        shift::work(PATIENCE).map(drop).map_err(Error::Other)
    }
}
