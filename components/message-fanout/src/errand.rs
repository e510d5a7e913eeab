//! The event for a host that makes the request itself.

use std::time::Duration;

use anyhow::Result;

use crate::relay::{MEDIA_TYPE, PATIENCE, Relay};

/// A POST to make.
pub struct Errand {
    /// Where to.
    pub uri: String,
    /// What the body is.
    pub media_type: &'static [u8],
    /// The event.
    pub body: Vec<u8>,
    /// How long the answer may take.
    pub patience: Duration,
}

/// What to do about an event.
///
/// # Errors
/// Where the relay is, is not known.
pub async fn errand(event: Vec<u8>) -> Result<Errand> {
    let uri = Relay::get().await?.events();
    Ok(Errand { uri, media_type: MEDIA_TYPE, body: event, patience: PATIENCE })
}

#[cfg(target_family = "wasm")]
#[expect(unsafe_code, reason = "the generated export, which the host calls with memory that it filled")]
mod entry {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit",
        world: "hubline:functions/errand-function@0.1.0",
        runtime_path: "spin_sdk::wit_bindgen::rt",
    });

    use exports::hubline::functions::errand::{Guest, Request};

    struct Entry;

    export!(Entry);

    impl Guest for Entry {
        async fn run(event: Vec<u8>) -> Result<Request, String> {
            let super::Errand { uri, media_type, body, patience } =
                super::errand(event).await.map_err(|error| format!("{error:#}"))?;
            Ok(Request {
                method: "POST".to_owned(),
                uri,
                headers: vec![("content-type".to_owned(), media_type.to_vec())],
                body,
                patience: u32::try_from(patience.as_millis()).unwrap_or(u32::MAX),
            })
        }
    }
}
