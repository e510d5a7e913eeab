//! Which component answers a request, and what it is told of the route.

use bytes::Bytes;
use http::header::{CONNECTION, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use manifest::{Captures, Route};

/// Headers that belong to one connection, not to the request.
const HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The routes of an application, the most specific first.
#[derive(Default)]
pub(crate) struct Routes(Vec<(Route, String)>);

impl Routes {
    /// Adds a route to a component.
    pub fn add(&mut self, route: Route, component: String) {
        self.0.push((route, component));
        self.0.sort_by_key(|(route, _)| route.specificity());
    }

    /// Finds the component for a request, and dresses the request as the component expects it: an absolute URI, and
    /// what the route's holes took in `spin-…` headers, which nobody outside can set; these for a component that is `told`
    /// of its routes.
    pub fn lead(&self, mut request: Request<Bytes>, told: impl FnOnce(&str) -> bool) -> Option<(&str, Request<Bytes>)> {
        let uri = request.uri().clone();
        let (captures, route, component) = self
            .0
            .iter()
            .find_map(|(route, component)| Some((route.captures(uri.path())?, route, component.as_str())))?;
        let authority = authority(&uri, request.headers());
        let headers = request.headers_mut();
        for header in &HOP_BY_HOP {
            headers.remove(header);
        }
        let reserved: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with("spin-")).cloned().collect();
        for name in reserved {
            headers.remove(name);
        }
        let path = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        if told(component) {
            describe(headers, route, &captures, &format!("http://{authority}{path}"));
        }
        let absolute = Uri::builder().scheme(Scheme::HTTP).authority(authority).path_and_query(path).build();
        *request.uri_mut() = absolute.ok()?;
        Some((component, request))
    }
}

/// The name under which the request reached this process.
fn authority(uri: &Uri, headers: &HeaderMap) -> Authority {
    let host = || headers.get(HOST)?.to_str().ok()?.parse().ok();
    uri.authority().cloned().or_else(host).unwrap_or(Authority::from_static("localhost"))
}

fn describe(headers: &mut HeaderMap, route: &Route, captures: &Captures<'_>, full_url: &str) {
    let mut set = |name: HeaderName, value: &str| {
        // A path is printable ASCII by the time it is a URI.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(HeaderName::from_static("spin-full-url"), full_url);
    set(HeaderName::from_static("spin-path-info"), captures.rest);
    set(HeaderName::from_static("spin-matched-route"), &route.to_string());
    for (name, value) in &captures.named {
        let name = format!("spin-path-match-{}", name.to_ascii_lowercase().replace('_', "-"));
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            set(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes {
        let mut routes = Routes::default();
        for (route, component) in [("/...", "web"), ("/v1/things/:thing_id", "things"), ("/v1/files/...", "files")] {
            routes.add(Route::parse(route).unwrap(), component.to_owned());
        }
        routes
    }

    fn request(uri: &str, headers: &[(&str, &str)]) -> Request<Bytes> {
        let builder = Request::get(uri);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        builder.body(Bytes::new()).unwrap()
    }

    #[test]
    fn leads_to_the_component_and_says_what_matched() {
        let routes = routes();
        let (component, led) = routes.lead(request("/v1/things/7?a=b", &[("host", "h:3000")]), |_| true).unwrap();
        assert_eq!(component, "things");
        assert_eq!(led.uri(), "http://h:3000/v1/things/7?a=b");
        assert_eq!(led.headers()["spin-path-match-thing-id"], "7");
        assert_eq!(led.headers()["spin-full-url"], "http://h:3000/v1/things/7?a=b");
        assert_eq!(led.headers()["spin-matched-route"], "/v1/things/:thing_id");
        let (component, led) = routes.lead(request("/v1/files/a/b", &[]), |_| true).unwrap();
        assert_eq!((component, led.uri().host()), ("files", Some("localhost")));
        assert_eq!(led.headers()["spin-path-info"], "/a/b");
    }

    #[test]
    fn tells_of_routes_only_who_is_told() {
        let routes = routes();
        let forged = [("spin-path-info", "/8"), ("x-own", "1")];
        let (component, led) =
            routes.lead(request("/v1/things/7", &forged), |component| component != "things").unwrap();
        assert_eq!((component, led.headers().len()), ("things", 1));
        assert_eq!(led.headers()["x-own"], "1");
    }

    #[test]
    fn believes_no_header_that_only_the_host_may_set() {
        let forged = [("spin-path-match-thing-id", "8"), ("spin-client", "x"), ("connection", "close"), ("x-own", "1")];
        let routes = routes();
        let (_, led) = routes.lead(request("/v1/things/7", &forged), |_| true).unwrap();
        assert_eq!(led.headers()["spin-path-match-thing-id"], "7");
        assert!(!led.headers().contains_key("spin-client"));
        assert!(!led.headers().contains_key("connection"));
        assert_eq!(led.headers()["x-own"], "1");
    }

    #[test]
    fn survives_any_host_header() {
        let routes = routes();
        for host in ["", "a b", "[", "user@h", "h:port"] {
            let (_, led) = routes.lead(request("/", &[("host", host)]), |_| true).unwrap();
            assert!(led.uri().authority().is_some(), "{host}");
        }
    }
}
