//! The relay of this node.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures_util::future::join;
use http::Uri;
use spin_sdk::{
    variables,
    wasip3::{
        http::{
            client,
            types::{Fields, Method, Request, RequestOptions, Scheme},
        },
        wit_future, wit_stream,
    },
};

/// How long the relay may take. Under Spin the next event waits meanwhile.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Where the relay takes events.
const EVENTS: &str = "/internal/events";

/// What an event is, unopened.
pub(crate) const MEDIA_TYPE: &[u8] = b"application/octet-stream";

thread_local! {
    // An instance has one thread, and its variables never change.
    static RELAY: OnceCell<Rc<Relay>> = const { OnceCell::new() };
}

/// Where the relay is.
pub(crate) struct Relay {
    scheme: Scheme,
    authority: String,
    path: String,
}

impl Relay {
    /// The one of this instance.
    ///
    /// # Errors
    /// The variable `relay_url` is missing, or no address.
    pub(crate) async fn get() -> Result<Rc<Self>> {
        if let Some(known) = RELAY.with(|cell| cell.get().cloned()) {
            return Ok(known);
        }
        let url = variables::get("relay_url").await.context("relay_url is not set")?;
        let relay = Rc::new(Self::at(&url).context("relay_url is no address")?);
        Ok(RELAY.with(|cell| Rc::clone(cell.get_or_init(|| relay))))
    }

    fn at(url: &str) -> Option<Self> {
        let uri: Uri = url.trim_end_matches('/').parse().ok()?;
        let scheme = match uri.scheme_str()? {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let path = format!("{}{EVENTS}", uri.path().trim_end_matches('/'));
        Some(Self { scheme, authority: uri.authority()?.to_string(), path })
    }

    /// Where it takes events, as an address.
    pub(crate) fn events(&self) -> String {
        let scheme = if matches!(self.scheme, Scheme::Https) { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.path)
    }

    /// Posts an event; the status of the answer, whose body is nobody's.
    ///
    /// With WASI's own types: the SDK's are made of them and back, which took a third of all that an event costs, and this
    /// happens once for each batch of each other node.
    ///
    /// # Errors
    /// The relay can't be reached, or does not answer in time.
    pub(crate) async fn post(&self, event: Vec<u8>) -> Result<u16> {
        let headers = [
            ("content-type".to_owned(), MEDIA_TYPE.to_vec()),
            ("content-length".to_owned(), event.len().to_string().into_bytes()),
        ];
        let headers = Fields::from_list(&headers)?;
        let options = RequestOptions::new();
        // A host that knows no such limit has one of its own.
        let _ = options.set_first_byte_timeout(Some(u64::try_from(PATIENCE.as_nanos())?));
        let (mut body, contents) = wit_stream::new();
        let (end, trailers) = wit_future::new(|| Ok(None));
        let (request, _sent) = Request::new(headers, Some(contents), trailers, Some(options));
        let refused = |()| anyhow!("the host does not take the relay's address");
        request.set_method(&Method::Post).map_err(refused)?;
        request.set_scheme(Some(&self.scheme)).map_err(refused)?;
        request.set_authority(Some(&self.authority)).map_err(refused)?;
        request.set_path_with_query(Some(&self.path)).map_err(refused)?;
        let write = async move {
            // What is left over was not wanted, and the answer says why.
            drop(body.write_all(event).await);
            drop(body);
            // The host waits for it before the request is whole.
            drop(end.write(Ok(None)).await);
        };
        let (response, ()) = join(client::send(request), write).await;
        Ok(response.context("the relay can't be reached")?.get_status_code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_everything() {
        for (url, path) in [
            ("http://127.0.0.1:3001", "/internal/events"),
            ("http://127.0.0.1:3001/", "/internal/events"),
            ("http://127.0.0.1:3001/relay/", "/relay/internal/events"),
        ] {
            let relay = Relay::at(url).unwrap();
            assert_eq!((relay.authority.as_str(), relay.path.as_str()), ("127.0.0.1:3001", path), "{url}");
            assert!(matches!(relay.scheme, Scheme::Http));
            assert_eq!(relay.events(), format!("http://127.0.0.1:3001{path}"));
        }
        let secure = Relay::at("https://relay.example").unwrap();
        assert!(matches!(secure.scheme, Scheme::Https));
        assert_eq!(secure.events(), "https://relay.example/internal/events");
        for bad in ["", "relay.example:80", "/internal", "redis://relay.example", "http://"] {
            assert!(Relay::at(bad).is_none(), "{bad}");
        }
    }
}
