//! A message on its way to clients.

use std::sync::{Arc, OnceLock};

use chat::Actor;
use chat::cursor::{Arrival, Page};
use serde::Deserialize;
use serde_json::value::RawValue;
use signalr::{Completion, Invocation};
use signalr_server::Frame;
use uuid::Uuid;

/// A page of a conversation's history.
pub(crate) type History = Page<Arc<Post>>;

/// What a frame has around a message, generously.
const ENVELOPE: usize = 64;

/// A message on its way to clients, read as little as delivery needs and encoded once for all who get it.
#[derive(Debug)]
pub(crate) struct Post {
    /// Its number.
    pub(crate) seq: i64,
    /// Its id.
    pub(crate) id: Uuid,
    /// The sender's own name for it.
    pub(crate) name: Uuid,
    sender: Box<str>,
    json: Box<RawValue>,
    frame: OnceLock<Frame>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    id: Uuid,
    seq: i64,
    sender_id: Box<str>,
    client_message_id: Uuid,
}

impl Post {
    /// Reads a message of a function's answer or event.
    ///
    /// # Errors
    /// Returns serde's error for JSON that is no message.
    pub(crate) fn read(json: &RawValue) -> Result<Arc<Self>, serde_json::Error> {
        let Head { id, seq, sender_id, client_message_id } = serde_json::from_str(json.get())?;
        Ok(Arc::new(Self {
            seq,
            id,
            name: client_message_id,
            sender: sender_id,
            json: json.to_owned(),
            frame: OnceLock::new(),
        }))
    }

    /// The message as it arrives for this reader.
    pub(crate) fn arrival(self: &Arc<Self>, reader: &Actor) -> Arrival<Arc<Self>> {
        Arrival {
            seq: self.seq,
            own: (*self.sender == *reader.user.as_str()).then_some(self.name),
            message: Arc::clone(self),
        }
    }

    /// The message as it arrives for the connection that has sent it.
    pub(crate) fn result(self: &Arc<Self>) -> Arrival<Arc<Self>> {
        Arrival { seq: self.seq, own: Some(self.name), message: Arc::clone(self) }
    }

    /// The event that delivers it.
    pub(crate) fn event(&self) -> Frame {
        let encoded = self.frame.get_or_init(|| {
            Frame::encode(self.size(), |out| Invocation::encode_event("OnMessageReceived", &self.json, out))
        });
        encoded.clone()
    }

    /// About how many bytes a frame with it has.
    pub(crate) fn size(&self) -> usize {
        self.json.get().len() + ENVELOPE
    }

    /// The completion that answers its sender.
    pub(crate) fn completion(&self, invocation_id: &str) -> Frame {
        Frame::encode(self.size(), |out| Completion::encode_result(invocation_id, &self.json, out))
    }
}

#[cfg(test)]
mod tests {
    use chat::{Role, UserId};

    use super::*;

    #[test]
    fn it_is_passed_on_as_it_came() {
        let json = concat!(
            r#"{"id":"01890a5d-ac96-774b-bcce-b302099a8057","seq":7,"senderId":"carla","#,
            r#""clientMessageId":"6fa459ea-ee8a-4ca4-894e-db77e160355e","body":"ä\n"}"#,
        );
        let post = Post::read(serde_json::from_str(json).unwrap()).unwrap();
        assert_eq!(post.seq, 7);
        assert_eq!(
            post.event().as_str(),
            format!("{{\"type\":1,\"target\":\"OnMessageReceived\",\"arguments\":[{json}]}}\u{1e}")
        );
        assert_eq!(
            post.completion("x").as_str(),
            format!("{{\"type\":3,\"invocationId\":\"x\",\"result\":{json}}}\u{1e}")
        );
        assert_eq!(post.event().as_str().as_ptr(), post.event().as_str().as_ptr(), "encoded once");
        let actor =
            |user: &str| Actor { user: UserId::parse(user).unwrap(), roles: vec![Role::Customer], center: None };
        assert_eq!(post.arrival(&actor("carla")).own, Some(post.name));
        assert_eq!(post.arrival(&actor("theo")).own, None);
    }
}
