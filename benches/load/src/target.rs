//! The server that is measured, and the users who talk through it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use chat::{CenterId, Role, UserId};
use identity::Grant;
use url::Url;

use crate::ledger::Seat;
use crate::signer::Signer;

/// Seconds, more than any run has.
const TOKEN_LIFETIME: i64 = 6 * 3600;

/// One origin of the system.
#[derive(Debug, Clone)]
pub struct Node {
    /// `host:port`, for the socket and the `Host` header.
    pub authority: String,
}

impl Node {
    fn parse(url: &str) -> Result<Self> {
        let parsed = Url::parse(url).with_context(|| format!("{url} is not a URL"))?;
        ensure!(parsed.scheme() == "http", "{url}: only http:// is spoken here");
        ensure!(parsed.path() == "/" && parsed.query().is_none(), "{url}: name the origin alone, without a path");
        let host = parsed.host_str().with_context(|| format!("{url} names no host"))?;
        let port = parsed.port_or_known_default().with_context(|| format!("{url} names no port"))?;
        Ok(Self { authority: format!("{host}:{port}") })
    }
}

/// Where to connect, and as whom.
pub struct Target {
    nodes: Vec<Node>,
    /// What signs the users' tokens.
    signer: Signer,
    /// Begins every id of this run, so that runs never meet.
    prefix: String,
    /// Tells the messages of this run from any other.
    pub run: [u8; 6],
    /// Whether connections negotiate first.
    pub negotiate: bool,
}

impl Target {
    /// A system of one node, or of several.
    ///
    /// # Errors
    /// No URL, or one that is not a plain `http://` origin.
    pub fn new(urls: &[String], signer: Signer, negotiate: bool) -> Result<Self> {
        let nodes = urls.iter().map(|url| Node::parse(url)).collect::<Result<Vec<_>>>()?;
        ensure!(!nodes.is_empty(), "name at least one URL");
        let run: [u8; 6] = rand::random();
        let prefix = run.iter().fold("load-".to_owned(), |prefix, byte| format!("{prefix}{byte:02x}"));
        Ok(Self { nodes, signer, prefix, run, negotiate })
    }

    /// The node that a party of a conversation connects to: with several, the parties sit on different ones.
    ///
    /// # Errors
    /// Never: there is a node.
    pub fn node(&self, conversation: usize, seat: Seat) -> Result<&Node> {
        let place = (conversation + seat as usize) % self.nodes.len();
        self.nodes.get(place).context("the system has no node")
    }

    /// The id of a conversation's service request.
    pub fn service_request(&self, conversation: usize) -> String {
        format!("{}-{conversation}", self.prefix)
    }

    /// The user in that seat.
    pub fn user(&self, conversation: usize, seat: Seat) -> String {
        match seat {
            Seat::Customer => format!("{}-c{conversation}", self.prefix),
            Seat::Technician => format!("{}-t{conversation}", self.prefix),
        }
    }

    /// The service centre of all conversations.
    pub fn center(&self) -> String {
        format!("{}-center", self.prefix)
    }

    /// A token for the user in that seat.
    ///
    /// # Errors
    /// The secret is too weak.
    pub fn token(&self, conversation: usize, seat: Seat) -> Result<String> {
        let role = match seat {
            Seat::Customer => Role::Customer,
            Seat::Technician => Role::Technician,
        };
        self.sign(&self.user(conversation, seat), role)
    }

    /// A token that may report service requests.
    ///
    /// # Errors
    /// The secret is too weak.
    pub fn platform_token(&self) -> Result<String> {
        self.sign(&format!("{}-platform", self.prefix), Role::Platform)
    }

    fn sign(&self, subject: &str, role: Role) -> Result<String> {
        let issued_at = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
        let grant = Grant {
            subject: UserId::parse(subject)?,
            roles: vec![role],
            center: Some(CenterId::parse(&self.center())?),
            issued_at,
            expires_at: issued_at + TOKEN_LIFETIME,
        };
        self.signer.sign(&grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(urls: &[&str]) -> Result<Target> {
        let urls: Vec<_> = urls.iter().map(|&url| url.to_owned()).collect();
        Target::new(&urls, Signer::Secret(Box::default()), false)
    }

    #[test]
    fn the_parties_of_a_conversation_sit_on_different_nodes() {
        let target = target(&["http://127.0.0.1:1", "http://[::1]:2/"]).unwrap();
        let seats = |n| Seat::BOTH.map(|seat| target.node(n, seat).unwrap().authority.as_str());
        assert_eq!(seats(0), ["127.0.0.1:1", "[::1]:2"]);
        assert_eq!(seats(1), ["[::1]:2", "127.0.0.1:1"]);
    }

    #[test]
    fn only_plain_origins_are_taken() {
        for bad in ["https://x", "http://x/hubs", "http://x/?a", "x:1", ""] {
            assert!(target(&[bad]).is_err(), "{bad}");
        }
        assert!(target(&[]).is_err());
    }
}
