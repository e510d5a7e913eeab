//! The few messages of the hub that the generator sends and understands: SignalR's JSON protocol.

use std::borrow::Cow;
use std::io::Write;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// Ends every message of the hub protocol.
pub const TERMINATOR: u8 = 0x1E;

/// The first message of a connection.
pub const HANDSHAKE: &[u8] = b"{\"protocol\":\"json\",\"version\":1}\x1e";

/// Keeps an idle connection alive.
pub const PING: &[u8] = b"{\"type\":6}\x1e";

/// The invocation id of the only join of a connection; sends are numbered.
const JOIN: &str = "join";

/// Writes a join that asks for new messages only.
///
/// The arguments are those that every server of the contract takes; some count them strictly.
///
/// # Errors
/// Never in memory; the signature is the writer's.
pub fn join(service_request: &str, out: &mut Vec<u8>) -> Result<()> {
    write!(
        out,
        r#"{{"type":1,"invocationId":"{JOIN}","target":"JoinServiceRequest","arguments":["{service_request}",null]}}"#
    )?;
    out.push(TERMINATOR);
    Ok(())
}

/// Writes the send with this number. `service_request` and `body` must need no escaping.
///
/// # Errors
/// Never in memory; the signature is the writer's.
pub fn send(number: u32, service_request: &str, client_message_id: Uuid, body: &str, out: &mut Vec<u8>) -> Result<()> {
    write!(
        out,
        r#"{{"type":1,"invocationId":"{number}","target":"SendMessage","arguments":["{service_request}",{{"clientMessageId":"{}","body":"{body}"}}]}}"#,
        client_message_id.as_hyphenated()
    )?;
    out.push(TERMINATOR);
    Ok(())
}

/// What the hub said.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// The handshake is done.
    Ready,
    /// The join is done; the last number at that moment.
    Joined(u64),
    /// The send with this number is persisted.
    Sent(u32, Message<'a>),
    /// A message of the other party.
    Received(Message<'a>),
    /// An invocation failed: its number, or none for the join.
    Failed(Option<u32>, Cow<'a, str>),
    /// The hub is about to close the connection.
    Closing(Cow<'a, str>),
    /// Pings and events that the measurement does not need.
    Other,
}

/// The part of a message that the receivers check.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Message<'a> {
    /// The conversation.
    #[serde(borrow)]
    pub service_request_id: Cow<'a, str>,
    /// Its number there.
    pub seq: u64,
    /// What the sender called it.
    pub client_message_id: Uuid,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    r#type: Option<u8>,
    #[serde(borrow)]
    target: Option<Cow<'a, str>>,
    #[serde(borrow)]
    invocation_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Joined {
    last_seq: u64,
}

/// Reads one message, without its terminator.
///
/// # Errors
/// It is not of the protocol, or an answer lacks what the contract promises.
pub fn decode(record: &[u8]) -> Result<Incoming<'_>> {
    let envelope: Envelope<'_> = serde_json::from_slice(record)
        .with_context(|| format!("not a hub message: {}", String::from_utf8_lossy(record)))?;
    Ok(match envelope.r#type {
        None => match envelope.error {
            Some(error) => bail!("the handshake was refused: {error}"),
            None => Incoming::Ready,
        },
        Some(1) if envelope.target.as_deref() == Some("OnMessageReceived") => {
            let arguments = envelope.arguments.context("an event without arguments")?;
            let [message] = serde_json::from_str::<[Message<'_>; 1]>(arguments.get())?;
            Incoming::Received(message)
        }
        Some(3) => {
            let invocation = envelope.invocation_id.context("a completion without an invocation id")?;
            let number = if invocation == JOIN { None } else { Some(invocation.parse()?) };
            match (envelope.error, envelope.result, number) {
                (Some(error), ..) => Incoming::Failed(number, error),
                (None, Some(result), None) => Incoming::Joined(serde_json::from_str::<Joined>(result.get())?.last_seq),
                (None, Some(result), Some(number)) => Incoming::Sent(number, serde_json::from_str(result.get())?),
                (None, None, _) => bail!("a completion without a result"),
            }
        }
        Some(7) => Incoming::Closing(envelope.error.unwrap_or(Cow::Borrowed("no reason given"))),
        Some(_) => Incoming::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = r#"{"id":"x","serviceRequestId":"sr","seq":7,"clientMessageId":"67e55044-10b1-426f-9247-bb680e5fe0c8","body":"b"}"#;

    #[test]
    fn a_send_is_valid_json() {
        let (mut out, id) = (Vec::new(), Uuid::from_u128(7));
        send(12, "sr", id, "hello", &mut out).unwrap();
        assert_eq!(out.pop(), Some(TERMINATOR));
        let sent: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(sent["arguments"], serde_json::json!(["sr", {"clientMessageId": id, "body": "hello"}]));
        assert_eq!(sent["invocationId"], "12");
    }

    #[test]
    fn answers_and_events_are_told_apart() {
        let message = || serde_json::from_str::<Message<'_>>(MESSAGE).unwrap();
        let cases = [
            ("{}".to_owned(), Incoming::Ready),
            (r#"{"type":6}"#.to_owned(), Incoming::Other),
            (r#"{"type":3,"invocationId":"join","result":{"lastSeq":4}}"#.to_owned(), Incoming::Joined(4)),
            (format!(r#"{{"type":3,"invocationId":"9","result":{MESSAGE}}}"#), Incoming::Sent(9, message())),
            (
                format!(r#"{{"type":1,"target":"OnMessageReceived","arguments":[{MESSAGE}]}}"#),
                Incoming::Received(message()),
            ),
            (r#"{"type":1,"target":"OnPresenceChanged","arguments":[{}]}"#.to_owned(), Incoming::Other),
            (
                r#"{"type":3,"invocationId":"9","error":"closed: over"}"#.to_owned(),
                Incoming::Failed(Some(9), "closed: over".into()),
            ),
            (
                r#"{"type":7,"error":"shutting down","allowReconnect":true}"#.to_owned(),
                Incoming::Closing("shutting down".into()),
            ),
        ];
        for (record, expected) in cases {
            assert_eq!(decode(record.as_bytes()).unwrap(), expected, "{record}");
        }
    }

    #[test]
    fn what_breaks_the_contract_is_an_error() {
        for record in [r#"{"error":"no"}"#, "[]", "", r#"{"type":3,"result":1}"#, r#"{"type":3,"invocationId":"1"}"#] {
            assert!(decode(record.as_bytes()).is_err(), "{record}");
        }
    }
}
