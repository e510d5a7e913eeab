//! Where the time of a message goes: the share of each hop, from the histograms of the server's nodes.

use std::fmt;

use serde::Serialize;

use crate::metrics::Hop;

/// The mean time of a message, and what of it each hop takes.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shares {
    /// Milliseconds in the mean: from when a message was due to its arrival, or from posting a batch to its answer.
    pub mean: f64,
    /// What it is made of. Those on the path add up to the mean.
    pub parts: Vec<Part>,
}

/// One hop.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// What it is called.
    pub hop: &'static str,
    /// In the mean.
    pub milliseconds: f64,
    /// Of the mean of a message.
    pub share: f64,
    /// Whether the message waits for it; else it goes on beside.
    pub on_path: bool,
    /// How it was derived.
    pub derivation: &'static str,
}

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journey {
    /// From one party to the other, both on the same node.
    Within,
    /// From one party to the other, on another node.
    Across,
    /// To the functions and back, in a batch.
    Batch,
}

const WAIT: &str = "hubline_relay_queue_wait_seconds";
const CALL: &str = "hubline_relay_send_call_seconds";
const SEND: &str = r#"hubline_function_duration_seconds{component="message-send",trigger="http"}"#;
const FAN_OUT: &str = r#"hubline_function_duration_seconds{component="message-fanout",trigger="redis"}"#;
const STATEMENT: &str = r#"hubline_postgres_statement_duration_seconds{component="message-send"}"#;
const PUBLISH: &str = r#"hubline_redis_command_duration_seconds{component="message-send"}"#;

impl Shares {
    /// Divides a mean, in milliseconds, by what the nodes say of their parts; `None` when they say nothing of sends.
    ///
    /// A histogram's mean counts each call once, however many messages it carries. Where calls of many messages take
    /// longer, the hops of a call seem shorter than they are to the average message, and the rest seems longer.
    pub fn of(journey: Journey, mean: f64, hops: &[Hop]) -> Option<Self> {
        let find = |name: &str| hops.iter().find(|hop| hop.name == name);
        let milliseconds = |name: &str| find(name).map(|hop| hop.mean * 1e3);
        let across = journey == Journey::Across;
        let mut parts = Parts { mean, list: Vec::new() };

        parts.add("lane", milliseconds(WAIT), true, "mean of hubline_relay_queue_wait_seconds");
        match find(SEND) {
            Some(send) => {
                let statements = find(STATEMENT).map_or(0.0, |hop| hop.mean * hop.per_second / send.per_second * 1e3);
                let call = send.mean * 1e3;
                parts.add(
                    "function",
                    Some(call - statements),
                    true,
                    "mean of message-send's hubline_function_duration_seconds, less postgres",
                );
                parts.add(
                    "postgres",
                    Some(statements),
                    true,
                    "sum of message-send's hubline_postgres_statement_duration_seconds, by its calls",
                );
            }
            None => parts.add(
                "function and postgres",
                milliseconds(CALL),
                true,
                "mean of hubline_relay_send_call_seconds: this server does not tell them apart",
            ),
        }
        parts.add(
            "redis publish",
            milliseconds(PUBLISH),
            across,
            "mean of message-send's hubline_redis_command_duration_seconds: at most, the subscriber hears before the \
             publisher has read its answer; on the path to another node only",
        );
        parts.add(
            "fan-out",
            milliseconds(FAN_OUT),
            across,
            "mean of message-fanout's hubline_function_duration_seconds, its relay's part included; on the path to \
             another node only",
        );
        if parts.list.is_empty() {
            return None;
        }
        let known: f64 = parts.list.iter().filter(|part| part.on_path).map(|part| part.milliseconds).sum();
        let (rest, derivation) = match journey {
            Journey::Batch => ("http", "the rest: the listener, its sockets and the generator"),
            _ => (
                "relay and sockets",
                "the rest: sockets, the relay beside its lanes, Redis's way to the subscriber, and the generator",
            ),
        };
        parts.add(rest, Some(mean - known), true, derivation);
        Some(Self { mean, parts: parts.list })
    }
}

struct Parts {
    mean: f64,
    list: Vec<Part>,
}

impl Parts {
    /// Adds a hop, if anything is known of it.
    fn add(&mut self, hop: &'static str, milliseconds: Option<f64>, on_path: bool, derivation: &'static str) {
        let Some(milliseconds) = milliseconds else { return };
        self.list.push(Part { hop, milliseconds, share: milliseconds / self.mean, on_path, derivation });
    }
}

impl fmt::Display for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} ms in the mean:", self.mean)?;
        for (place, part) in self.parts.iter().filter(|part| part.on_path).enumerate() {
            let separator = if place == 0 { "" } else { "," };
            write!(f, "{separator} {} {:.2} ({:.0} %)", part.hop, part.milliseconds, part.share * 100.0)?;
        }
        for (place, part) in self.parts.iter().filter(|part| !part.on_path).enumerate() {
            let before = if place == 0 { "; beside the path:" } else { "," };
            write!(f, "{before} {} {:.2}", part.hop, part.milliseconds)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(name: &str, per_second: f64, millis: f64) -> Hop {
        Hop { name: name.to_owned(), per_second, mean: millis / 1e3 }
    }

    fn hops() -> Vec<Hop> {
        vec![
            hop(WAIT, 2000.0, 0.5),
            hop(CALL, 1000.0, 1.3),
            hop(SEND, 1000.0, 1.2),
            // One call in ten asks twice.
            hop(STATEMENT, 1100.0, 0.5),
            hop(PUBLISH, 900.0, 0.1),
            hop(FAN_OUT, 900.0, 0.4),
        ]
    }

    fn part(shares: &Shares, hop: &str) -> (f64, bool) {
        let part = shares.parts.iter().find(|part| part.hop == hop).unwrap();
        ((part.milliseconds * 1e6).round() / 1e6, part.on_path)
    }

    #[test]
    fn what_the_nodes_do_not_explain_is_the_relays_and_the_sockets() {
        let shares = Shares::of(Journey::Across, 4.0, &hops()).unwrap();
        assert_eq!(part(&shares, "postgres"), (0.55, true));
        assert_eq!(part(&shares, "function"), (0.65, true));
        assert_eq!(part(&shares, "fan-out"), (0.4, true));
        assert_eq!(part(&shares, "relay and sockets"), (1.8, true));
        let whole: f64 = shares.parts.iter().map(|part| part.share).sum();
        assert!((whole - 1.0).abs() < 1e-9, "{shares}");
    }

    #[test]
    fn on_one_node_nobody_waits_for_a_ring() {
        let shares = Shares::of(Journey::Within, 4.0, &hops()).unwrap();
        assert_eq!(part(&shares, "redis publish"), (0.1, false));
        assert_eq!(part(&shares, "relay and sockets"), (2.3, true));
        assert!(shares.to_string().ends_with("beside the path: redis publish 0.10, fan-out 0.40"), "{shares}");
    }

    #[test]
    fn a_server_that_tells_less_has_fewer_parts() {
        let shares = Shares::of(Journey::Within, 2.0, &hops()[..2]).unwrap();
        assert_eq!(part(&shares, "function and postgres"), (1.3, true));
        assert_eq!(shares.parts.len(), 3);
        assert!(Shares::of(Journey::Within, 2.0, &[]).is_none());
    }
}
