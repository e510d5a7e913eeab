//! The proxies in front, and what they say of a request: who sent it, and to which address.

mod forwarded;
mod network;

use std::net::IpAddr;
use std::sync::Arc;

use http::header::HOST;
use http::{HeaderMap, HeaderName};

use crate::setup_error::SetupError;
use forwarded::{Hop, forwarded, node};
use network::Network;

const X_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The address that a connection came from: a request's extension, set by whoever accepts connections.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The proxies whose word counts; clones are the same proxies.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    trusted: Arc<[Network]>,
}

/// A request as the outermost trusted proxy saw it, or as it came when there is none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sender {
    /// The client's address; none when nobody knows where the connection came from.
    pub address: Option<IpAddr>,
    /// The scheme that the client used, when a proxy says so: `http` or `https`.
    pub scheme: Option<String>,
    /// The host, and the port if one was written, that the client asked.
    pub host: Option<String>,
}

impl Proxies {
    /// Takes addresses and networks: `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`.
    ///
    /// # Errors
    /// Refuses what is neither; a list with a mistake would have clients taken for their proxy without a word.
    pub fn new(list: &[String]) -> Result<Self, SetupError> {
        let networks = list.iter().map(|text| Network::parse(text).ok_or_else(|| SetupError::Proxy(text.clone())));
        Ok(Self { trusted: networks.collect::<Result<_, _>>()? })
    }

    /// Who sent a request, and to which address. What a proxy says counts when the connection comes from a trusted one; of a
    /// chain of them the outermost is believed, and nobody beyond it.
    ///
    /// `Forwarded` (RFC 7239) and `X-Forwarded-For`, `-Host`, `-Port` and `-Proto` are read. A request that has both
    /// `Forwarded` and `X-Forwarded-For`, naming different clients, has one of them from the client itself: then neither
    /// counts.
    #[must_use]
    pub fn sender(&self, peer: Option<Peer>, headers: &HeaderMap) -> Sender {
        let peer = peer.map(|Peer(address)| address.to_canonical());
        let direct = Sender { address: peer, scheme: None, host: text(headers, &HOST) };
        let Some(proxy) = peer.filter(|peer| self.trusts(*peer)) else { return direct };
        let standard = headers.contains_key(http::header::FORWARDED).then(|| self.walk(proxy, forwarded(headers)));
        let usual = headers.contains_key(X_FOR).then(|| self.walk(proxy, addresses(headers)));
        match (standard, usual) {
            (Some((one, _)), Some((other, _))) if one.address != other.address => direct,
            (Some((hop, _)), _) => direct.seen(hop),
            (None, Some((hop, depth))) => direct.seen(described(headers, hop.address, depth)),
            (None, None) => direct.seen(described(headers, Some(proxy), 1)),
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// Goes from proxy to proxy towards the client; what the outermost one says, and how many there are. An address that is
    /// hidden or broken ends the way: who it is of can't be told from its proxy.
    fn walk(&self, proxy: IpAddr, hops: Vec<Hop>) -> (Hop, usize) {
        let mut last = Hop { address: Some(proxy), ..Hop::default() };
        let mut depth = 0;
        for hop in hops.into_iter().rev() {
            depth += 1;
            let known = hop.address.or(last.address);
            let goes_on = hop.address.is_some_and(|address| self.trusts(address));
            last = Hop { address: known, ..hop };
            if !goes_on {
                break;
            }
        }
        (last, depth.max(1))
    }
}

impl Sender {
    /// The same with what a proxy has seen in its place.
    fn seen(self, hop: Hop) -> Self {
        let scheme = hop.scheme.filter(|scheme| matches!(scheme.as_str(), "http" | "https"));
        Self { address: hop.address, scheme, host: hop.host.or(self.host) }
    }

    /// The address that the client asked, in words.
    pub(crate) fn asked(&self) -> String {
        match (&self.scheme, &self.host) {
            (Some(scheme), Some(host)) => format!("{scheme}://{host}"),
            (None, Some(host)) => host.clone(),
            (_, None) => "no host".to_owned(),
        }
    }
}

/// The addresses of `X-Forwarded-For`, the client's first.
fn addresses(headers: &HeaderMap) -> Vec<Hop> {
    list(headers, &X_FOR).map(|text| Hop { address: node(text), ..Hop::default() }).collect()
}

/// What the outermost of so many proxies says in the other `X-Forwarded-` headers. Some proxies lengthen these lists and some
/// replace them, so a shorter one belongs to the innermost.
fn described(headers: &HeaderMap, address: Option<IpAddr>, depth: usize) -> Hop {
    let of = |name: HeaderName| {
        let mut values: Vec<_> = list(headers, &name).collect();
        let at = values.len().checked_sub(1)?.min(depth.saturating_sub(1));
        values.reverse();
        values.get(at).filter(|value| !value.is_empty()).map(|value| (*value).to_owned())
    };
    let has_port = |host: &str| host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let host = match (of(X_HOST), of(X_PORT)) {
        (Some(host), Some(port)) if !has_port(&host) => Some(format!("{host}:{port}")),
        (host, _) => host,
    };
    Hop { address, scheme: of(X_PROTO).map(|scheme| scheme.to_ascii_lowercase()), host }
}

/// The values of a header that lists them, over all its lines.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests;
