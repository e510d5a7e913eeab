//! The first request to each component of a node that has just started.

use std::fmt;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use chat::{CenterId, Role, UserId};
use identity::{Grant, Settings, mint};
use serde::Serialize;

use crate::budget::Budget;
use crate::contestant::TOKEN_SECRET;
use crate::median::median;

/// How long an answer may take before it is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whose service requests the platform reports here.
const CENTER: &str = "first-center";

/// How long the first request to one component took, after each start of the node.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct First {
    /// Which component.
    pub component: &'static str,
    /// Milliseconds from the first byte of the request to the head of the answer, start by start.
    pub milliseconds: Vec<f64>,
    /// Their median.
    pub median: f64,
}

/// A request that one component answers, and how it must be answered to count.
struct Probe {
    component: &'static str,
    request: String,
    statuses: &'static [u16],
}

impl First {
    /// Joins what each start has shown, each in the order of [`ask`].
    pub fn sum_up(starts: &[Vec<(&'static str, f64)>]) -> Vec<Self> {
        let Some(first) = starts.first() else { return Vec::new() };
        let of = |component: &'static str| {
            let all = starts.iter().flatten().filter(|(name, _)| *name == component);
            let milliseconds: Vec<f64> = all.map(|(_, took)| *took).collect();
            Self { component, median: median(milliseconds.clone()), milliseconds }
        };
        first.iter().map(|(component, _)| of(component)).collect()
    }

    /// What the budget says of the slowest component; `None` if none was asked.
    pub fn budget(firsts: &[Self]) -> Option<Budget> {
        firsts.iter().map(|first| first.median).max_by(f64::total_cmp).map(Budget::first_request)
    }
}

impl fmt::Display for First {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.milliseconds.iter().map(|took| format!("{took:.2}")).collect();
        write!(f, "{:<17}{:>7.2} ms   (of {})", self.component, self.median, all.join(", "))
    }
}

/// Asks each component of a node for the first time; milliseconds by component.
///
/// The first that needs PostgreSQL dials it, as the first request of a node does in life.
///
/// # Errors
/// An answer that is missing or another than it should be.
pub fn ask(address: SocketAddr) -> Result<Vec<(&'static str, f64)>> {
    let one = |Probe { component, request, statuses }| {
        let (status, took) = time(address, &request).with_context(|| format!("the first request to {component}"))?;
        ensure!(statuses.contains(&status), "the first request to {component} was answered with {status}");
        Ok((component, took.as_secs_f64() * 1e3))
    };
    probes(address)?.into_iter().map(one).collect()
}

fn probes(address: SocketAddr) -> Result<[Probe; 4]> {
    let (customer, platform) = (token("first-customer", Role::Customer)?, token("first-platform", Role::Platform)?);
    let request = |line: &str, token: &str, body: &str| {
        let length = body.len();
        format!(
            "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let message = r#"{"clientMessageId":"6fa459ea-ee8a-4ca4-894e-db77e160355e","body":"is anybody there?"}"#;
    let report = format!(r#"{{"customerId":"first-customer","serviceCenterId":"{CENTER}","status":"open"}}"#);
    let messages = "/v1/service-requests/first-unknown/messages";
    Ok([
        Probe {
            component: "message-send",
            request: request(&format!("POST {messages}"), &customer, message),
            statuses: &[404],
        },
        Probe {
            component: "message-history",
            request: request(&format!("GET {messages}"), &customer, ""),
            statuses: &[404],
        },
        Probe {
            component: "conversation",
            request: request("PUT /v1/service-requests/first-reported", &platform, &report),
            statuses: &[200, 201],
        },
        Probe { component: "web", request: request("GET /", &customer, ""), statuses: &[200] },
    ])
}

fn token(subject: &str, role: Role) -> Result<String> {
    let issued_at = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let settings = Settings { secret: Some(TOKEN_SECRET.to_owned()), ..Settings::default() };
    let grant = Grant {
        subject: UserId::parse(subject)?,
        roles: vec![role],
        center: Some(CenterId::parse(CENTER)?),
        issued_at,
        expires_at: issued_at + 3600,
    };
    Ok(mint(&settings, &grant)?)
}

/// The status of an answer, and how long its head took. To connect is no part of it.
fn time(address: SocketAddr, request: &str) -> Result<(u16, Duration)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    let start = Instant::now();
    stream.write_all(request.as_bytes())?;
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => bail!("the connection was closed"),
            length => head.extend_from_slice(piece.get(..length).unwrap_or_default()),
        }
    }
    let took = start.elapsed();
    let head = String::from_utf8_lossy(&head);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.context("an answer without a status")?, took))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_slowest_component_is_held_against_the_budget() {
        let firsts =
            First::sum_up(&[vec![("a", 1.0), ("b", 6.0)], vec![("a", 9.0), ("b", 4.0)], vec![("a", 2.0), ("b", 4.5)]]);
        let medians: Vec<_> = firsts.iter().map(|first| (first.component, first.median)).collect();
        assert_eq!(medians, [("a", 2.0), ("b", 4.5)]);
        assert_eq!(First::budget(&firsts), Some(Budget::first_request(4.5)));
        assert_eq!(First::budget(&First::sum_up(&[])), None);
    }

    #[test]
    fn an_answer_of_another_kind_is_not_timed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let error = ask(address).unwrap_err().to_string();
        assert!(error.contains("message-send was answered with 503"), "{error}");
        assert!(server.join().unwrap().starts_with("POST /v1/service-requests/first-unknown/messages HTTP/1.1\r\n"));
    }
}
