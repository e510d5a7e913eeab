//! The part that the clock calls: a synchronous export, with synchronous imports.

use spin_sdk::pg::ParameterValue;
use spin_sdk::pg::wit::postgres::Connection;
use spin_sdk::variables;

mod bindings {
    #![allow(missing_docs, reason = "generated code")]
    wit_bindgen::generate!({ path: "../../../../wit", world: "hubline:functions/cron-function@0.1.0", generate_all });
    pub struct Clock;
    export!(Clock);
}

use bindings::{Error, Metadata};

impl bindings::Guest for bindings::Clock {
    fn handle_cron_event(metadata: Metadata) -> Result<(), Error> {
        let failed = |error: String| Error::Other(error);
        // Answered at once, so it may be asked for in a synchronous export as well.
        let place = wit_bindgen::block_on(variables::get("fetched")).unwrap_or_default();
        if !place.is_empty() {
            super::outgoing::get(&place).map_err(|error| failed(format!("{error:#}")))?;
        }
        let url =
            wit_bindgen::block_on(variables::get("database_url")).map_err(|error| failed(format!("{error:?}")))?;
        let connection = Connection::open(&url).map_err(|error| failed(format!("{error:?}")))?;
        let moment = ParameterValue::Int64(i64::try_from(metadata.timestamp).unwrap_or(0));
        let fired = connection.execute("insert into fired (moment) values ($1)", &[moment]);
        fired.map(drop).map_err(|error| failed(format!("{error:?}")))
    }
}
