//! The first request to each component of a node that has just started.

use std::fmt;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use chat::{Role, UserId};
use identity::{Grant, Settings, mint};
use serde::Serialize;

use crate::budget::Budget;
use crate::contestant::TOKEN_SECRET;
use crate::http;
use crate::median::median;
use crate::metrics::Metrics;

/// How long an answer may take before it is none.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// The median of what of it PostgreSQL took, by the component's own histogram: to make the first connection, and to
    /// plan the first statement.
    pub postgres: f64,
}

/// One first request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    /// To which component.
    pub component: &'static str,
    /// How long it took, in milliseconds.
    pub milliseconds: f64,
    /// How much of that in PostgreSQL.
    pub postgres: f64,
}

/// A request that one component answers, and how it must be answered to count.
struct Probe {
    component: &'static str,
    request: String,
    status: u16,
}

impl First {
    /// Joins what each start has shown, each in the order of [`ask`].
    pub fn sum_up(starts: &[Vec<Asked>]) -> Vec<Self> {
        let Some(first) = starts.first() else { return Vec::new() };
        let of = |component: &'static str| {
            let all: Vec<_> = starts.iter().flatten().filter(|asked| asked.component == component).collect();
            let milliseconds: Vec<f64> = all.iter().map(|asked| asked.milliseconds).collect();
            let postgres = median(all.iter().map(|asked| asked.postgres).collect());
            Self { component, median: median(milliseconds.clone()), milliseconds, postgres }
        };
        first.iter().map(|asked| of(asked.component)).collect()
    }

    /// What the budget says of the slowest component; `None` if none was asked.
    pub fn budget(firsts: &[Self]) -> Option<Budget> {
        firsts.iter().map(|first| first.median).max_by(f64::total_cmp).map(Budget::first_request)
    }
}

impl fmt::Display for First {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.milliseconds.iter().map(|took| format!("{took:.2}")).collect();
        let Self { component, median, postgres, .. } = self;
        write!(f, "{component:<17}{median:>7.2} ms, postgres {postgres:.2} of it   (of {})", all.join(", "))
    }
}

/// Asks components of a node for the first time; not `conversation`, which its own relay asks as soon as it starts.
///
/// # Errors
/// An answer that is missing or another than it should be.
pub fn ask(address: SocketAddr) -> Result<Vec<Asked>> {
    let one = |Probe { component, request, status: expected }| {
        let (status, took) = time(address, &request).with_context(|| format!("the first request to {component}"))?;
        ensure!(status == expected, "the first request to {component} was answered with {status}");
        Ok(Asked { component, milliseconds: took.as_secs_f64() * 1e3, postgres: 0.0 })
    };
    // The relay has them prepare themselves before anybody asks; after that nobody else asks these components.
    let prepared = Metrics::parse(&http::get(address, "/metrics")?);
    let mut asked = probes(address)?.into_iter().map(one).collect::<Result<Vec<_>>>()?;
    let seen = Metrics::parse(&http::get(address, "/metrics")?).since(&prepared, 1.0);
    for asked in &mut asked {
        let name = format!("hubline_postgres_statement_duration_seconds{{component=\"{}\"}}", asked.component);
        let hop = seen.iter().find(|hop| hop.name == name);
        asked.postgres = hop.map_or(0.0, |hop| hop.mean * hop.per_second * 1e3);
    }
    Ok(asked)
}

fn probes(address: SocketAddr) -> Result<[Probe; 3]> {
    let customer = token()?;
    let request = |line: &str, body: &str| {
        let length = body.len();
        format!(
            "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {customer}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let message = r#"{"clientMessageId":"6fa459ea-ee8a-4ca4-894e-db77e160355e","body":"is anybody there?"}"#;
    let messages = "/v1/service-requests/first-unknown/messages";
    Ok([
        Probe { component: "message-send", request: request(&format!("POST {messages}"), message), status: 404 },
        Probe { component: "message-history", request: request(&format!("GET {messages}"), ""), status: 404 },
        Probe { component: "web", request: request("GET /", ""), status: 200 },
    ])
}

/// A customer of nothing.
fn token() -> Result<String> {
    let issued_at = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let settings = Settings { secret: Some(TOKEN_SECRET.to_owned()), ..Settings::default() };
    let grant = Grant {
        subject: UserId::parse("first-customer")?,
        roles: vec![Role::Customer],
        center: None,
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
    let start = Instant::now();
    stream.write_all(request.as_bytes())?;
    let head = through_head(&mut stream)?;
    let took = start.elapsed();
    let head = String::from_utf8_lossy(&head);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.context("an answer without a status")?, took))
}

/// Reads until the head of a request or an answer is there, and whatever came with its end.
fn through_head(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => bail!("the connection was closed"),
            length => head.extend_from_slice(piece.get(..length).unwrap_or_default()),
        }
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_slowest_component_is_held_against_the_budget() {
        let asked = |component, milliseconds| Asked { component, milliseconds, postgres: milliseconds / 2.0 };
        let firsts = First::sum_up(&[
            vec![asked("a", 1.0), asked("b", 6.0)],
            vec![asked("a", 9.0), asked("b", 4.0)],
            vec![asked("a", 2.0), asked("b", 4.5)],
        ]);
        assert!(firsts[0].to_string().ends_with(" 2.00 ms, postgres 1.00 of it   (of 1.00, 9.00, 2.00)"));
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
            ["200 OK", "503 Service Unavailable"].map(|status| {
                let (mut stream, _) = listener.accept().unwrap();
                let request = through_head(&mut stream).unwrap();
                stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).unwrap();
                String::from_utf8(request).unwrap()
            })
        });
        let error = ask(address).unwrap_err().to_string();
        assert!(error.contains("message-send was answered with 503"), "{error}");
        let [counted, asked] = server.join().unwrap();
        assert!(counted.starts_with("GET /metrics "));
        assert!(asked.starts_with("POST /v1/service-requests/first-unknown/messages HTTP/1.1\r\n"));
    }
}
