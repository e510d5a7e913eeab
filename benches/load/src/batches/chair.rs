//! One connection's share of the conversations: it writes their batches and checks the answers.

use anyhow::{Context, Result, ensure};
use uuid::Uuid;

use crate::batches::batch::{Answer, Batch, Item, Outcome};
use crate::hub::Message;
use crate::ledger::{Faults, Seat};
use crate::target::Target;

/// The node that the batches come from. Nobody has joined there, so nobody is rung.
const NODE: &str = "load";

/// Conversations that only this connection writes to, one batch after another, so that their numbers can be foretold.
pub struct Chair {
    talks: Vec<Talk>,
    /// How many messages a batch has.
    size: usize,
    /// How many messages have been written in all.
    written: usize,
    /// The messages of the batch that is under way: which conversation, and what the sender calls it.
    sent: Vec<(usize, Uuid)>,
    faults: Faults,
}

/// One conversation.
struct Talk {
    service_request: String,
    tokens: [String; 2],
    /// Its last number, unless the outcome of a message is not known.
    last: Option<u64>,
}

impl Chair {
    /// A share of the conversations; nothing has been written to them.
    ///
    /// # Errors
    /// The secret is too weak, or there is no conversation.
    pub fn new(target: &Target, conversations: impl Iterator<Item = usize>, size: usize) -> Result<Self> {
        let talk = |conversation| {
            Ok(Talk {
                service_request: target.service_request(conversation),
                tokens: [target.token(conversation, Seat::Customer)?, target.token(conversation, Seat::Technician)?],
                last: Some(0),
            })
        };
        let talks = conversations.map(talk).collect::<Result<Vec<_>>>()?;
        ensure!(!talks.is_empty(), "a connection without conversations");
        Ok(Self { talks, size, written: 0, sent: Vec::new(), faults: Faults::default() })
    }

    /// Writes the next batch: a message of each conversation in turn, of its customer and its technician by turns.
    ///
    /// # Errors
    /// Never in memory.
    pub fn next(&mut self, body: &str) -> Result<Vec<u8>> {
        let Self { talks, size, written, sent, .. } = self;
        sent.clear();
        let mut batch = Batch { node: NODE, tokens: Vec::with_capacity(*size), items: Vec::with_capacity(*size) };
        for _ in 0..*size {
            let (place, round) = (*written % talks.len(), *written / talks.len());
            let talk = talks.get(place).context("no conversation")?;
            let [customer, technician] = &talk.tokens;
            let token = if round % 2 == 0 { customer } else { technician }.as_str();
            let known = batch.tokens.iter().position(|known| std::ptr::eq(*known, token));
            let token = known.unwrap_or_else(|| {
                batch.tokens.push(token);
                batch.tokens.len() - 1
            });
            let client_message_id = Uuid::new_v4();
            sent.push((place, client_message_id));
            batch.items.push(Item { token, service_request_id: &talk.service_request, client_message_id, body });
            *written += 1;
        }
        Ok(serde_json::to_vec(&batch)?)
    }

    /// Checks the answer to the last batch: each message is stored, by this very batch and with the next number of its
    /// conversation. How many are; `refused` is told of the others.
    ///
    /// # Errors
    /// An answer that is none, or to another batch.
    pub fn check(&mut self, answer: &[u8], mut refused: impl FnMut(String)) -> Result<u64> {
        let Answer { outcomes } = serde_json::from_slice(answer).context("an answer that can't be read")?;
        let Self { talks, sent, faults, .. } = self;
        ensure!(outcomes.len() == sent.len(), "{} outcomes of {} messages", outcomes.len(), sent.len());
        let mut stored = 0;
        for (outcome, (place, id)) in outcomes.into_iter().zip(sent) {
            let talk = talks.get_mut(*place).context("no conversation")?;
            match outcome {
                Outcome { message: Some(message), error: None, new } => {
                    talk.note(&message, *id, new, faults);
                    stored += 1;
                }
                Outcome { error, .. } => {
                    talk.last = None;
                    refused(error.map_or_else(|| "no outcome".to_owned(), |refusal| refusal.code.into_owned()));
                }
            }
        }
        Ok(stored)
    }

    /// What no correct system shows.
    pub fn faults(&self) -> Faults {
        self.faults
    }
}

impl Talk {
    fn note(&mut self, message: &Message<'_>, id: Uuid, new: bool, faults: &mut Faults) {
        let own = message.service_request_id == self.service_request && message.client_message_id == id;
        faults.strays += u64::from(!own);
        faults.duplicated += u64::from(!new);
        if let Some(last) = self.last {
            faults.gaps += message.seq.saturating_sub(last + 1);
            faults.out_of_order += u64::from(message.seq <= last);
        }
        self.last = Some(message.seq);
    }
}

#[cfg(test)]
mod tests {
    use identity::Settings;
    use serde_json::{Value, json};

    use super::*;
    use crate::signer::Signer;

    fn chair(conversations: usize, size: usize) -> Chair {
        let settings =
            Settings { secret: Some("a secret of at least thirty-two bytes".to_owned()), ..Settings::default() };
        let target =
            Target::new(&["http://127.0.0.1:1".to_owned()], Signer::Secret(Box::new(settings)), false).unwrap();
        Chair::new(&target, 0..conversations, size).unwrap()
    }

    /// The answer of a server that gives the messages of a batch these numbers.
    fn answer(batch: &[u8], numbers: &[u64]) -> Value {
        let batch: Value = serde_json::from_slice(batch).unwrap();
        let outcome = |(item, seq): (&Value, &u64)| {
            let (id, name) = (&item["serviceRequestId"], &item["clientMessageId"]);
            json!({"new": true, "message": {"serviceRequestId": id, "clientMessageId": name, "seq": seq, "body": "x"}})
        };
        let items = batch["items"].as_array().unwrap();
        json!({"outcomes": items.iter().zip(numbers).map(outcome).collect::<Vec<_>>(), "conversations": []})
    }

    fn check(chair: &mut Chair, answer: &Value) -> (u64, Vec<String>) {
        let mut refusals = Vec::new();
        let stored = chair.check(answer.to_string().as_bytes(), |refusal| refusals.push(refusal)).unwrap();
        (stored, refusals)
    }

    #[test]
    fn batches_go_round_the_conversations_and_both_their_users() {
        let mut chair = chair(3, 2);
        let batches: Vec<Value> = (0..3).map(|_| serde_json::from_slice(&chair.next("x").unwrap()).unwrap()).collect();
        let places: Vec<_> = batches
            .iter()
            .flat_map(|batch| batch["items"].as_array().unwrap())
            .map(|item| item["serviceRequestId"].as_str().unwrap().rsplit_once('-').unwrap().1.to_owned())
            .collect();
        assert_eq!(places, ["0", "1", "2", "0", "1", "2"]);
        // The customer of one and the technician of the other.
        assert_ne!(batches[1]["tokens"][0], batches[1]["tokens"][1]);
        assert_eq!(batches[1]["items"][1]["token"], 1);
    }

    #[test]
    fn a_user_of_several_messages_has_one_token() {
        let batch: Value = serde_json::from_slice(&chair(1, 4).next("x").unwrap()).unwrap();
        assert_eq!(batch["tokens"].as_array().unwrap().len(), 2);
        let tokens: Vec<_> = batch["items"].as_array().unwrap().iter().map(|item| item["token"].clone()).collect();
        assert_eq!(tokens, [0, 1, 0, 1]);
    }

    #[test]
    fn numbers_ascend_without_gaps() {
        let mut chair = chair(2, 4);
        let batch = chair.next("x").unwrap();
        assert_eq!(check(&mut chair, &answer(&batch, &[1, 1, 2, 2])), (4, vec![]));
        assert!(!chair.faults().any());
        let batch = chair.next("x").unwrap();
        check(&mut chair, &answer(&batch, &[5, 2, 6, 3]));
        assert_eq!(chair.faults(), Faults { gaps: 2, out_of_order: 1, ..Faults::default() });
    }

    #[test]
    fn what_is_refused_repeated_or_of_another_is_found() {
        let mut chair = chair(2, 2);
        let batch = chair.next("x").unwrap();
        let mut said = answer(&batch, &[1, 1]);
        said["outcomes"][0] = json!({"error": {"code": "closed", "detail": "closed"}});
        said["outcomes"][1]["new"] = json!(false);
        said["outcomes"][1]["message"]["serviceRequestId"] = json!("another");
        assert_eq!(check(&mut chair, &said), (1, vec!["closed".to_owned()]));
        assert_eq!(chair.faults(), Faults { duplicated: 1, strays: 1, ..Faults::default() });
        // After a refusal any number may be the next.
        let batch = chair.next("x").unwrap();
        check(&mut chair, &answer(&batch, &[9, 2]));
        assert_eq!(chair.faults().gaps, 0);
        assert!(chair.check(b"{\"outcomes\":[]}", |_| {}).is_err());
    }
}
