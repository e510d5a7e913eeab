//! Which nodes to ring, and what for.

use std::collections::{BTreeMap, BTreeSet};

use chat::{
    NodeName, ServiceRequestId,
    wire::{DeliveryKey, Event, EventConversation},
};

use crate::{
    Instance,
    backplane::{Backplane, Ring},
};

/// What each node is to be told: one event a node, however many conversations it holds.
#[derive(Debug, Default)]
pub struct Rings {
    nodes: BTreeMap<NodeName, News>,
}

/// What one node is to be told.
#[derive(Debug, Default)]
struct News {
    conversations: Vec<EventConversation>,
    presence: BTreeSet<ServiceRequestId>,
}

impl Rings {
    /// Tells these nodes about a conversation.
    pub fn add<'a>(&mut self, nodes: impl IntoIterator<Item = &'a NodeName>, conversation: &EventConversation) {
        for node in nodes {
            self.nodes.entry(node.clone()).or_default().conversations.push(conversation.clone());
        }
    }

    /// Tells these nodes that somebody has come or gone in a conversation.
    pub fn add_presence<'a>(&mut self, nodes: impl IntoIterator<Item = &'a NodeName>, id: &ServiceRequestId) {
        for node in nodes {
            self.nodes.entry(node.clone()).or_default().presence.insert(id.clone());
        }
    }

    /// Whether nobody is to be told anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The events, signed.
    fn signed(self, epoch: &str, key: &DeliveryKey) -> Vec<Ring> {
        let events = self.nodes.into_iter().map(|(to, News { conversations, presence })| {
            let channel = format!("hubline.node.{to}");
            let presence = presence.into_iter().collect();
            let event = Event { to, epoch: epoch.to_owned(), conversations, presence }.sign(key);
            event.map(|event| Ring { channel, event })
        });
        // None of these types can fail to be written; a ring less would be a hint less.
        events.flatten().collect()
    }
}

impl Instance {
    /// Rings, after the answer: whoever asked is not kept waiting.
    ///
    /// `epoch` names the database's history that the conversations belong to.
    pub fn ring(&self, rings: Rings, epoch: &str) {
        let Some(url) = self.config.redis_url.as_ref().filter(|_| !rings.is_empty()) else { return };
        let Ok(key) = DeliveryKey::new(self.config.delivery_key.as_deref().unwrap_or_default()) else {
            eprintln!("misconfigured: delivery_key is not one key or two, so other nodes are not rung");
            return;
        };
        let rings = rings.signed(epoch, &key);
        let url = url.clone();
        spin_sdk::wit_bindgen::spawn(async move { Backplane::get().ring(&url, rings).await });
    }
}

impl Instance {
    /// Rings the worker of operations, after the answer. A ring says nothing but that something may be due.
    pub fn ring_operations(&self) {
        let Some(url) = self.config.redis_url.clone() else { return };
        let ring = Ring { channel: "hubline.operations".to_owned(), event: b"due".to_vec() };
        spin_sdk::wit_bindgen::spawn(async move { Backplane::get().ring(&url, vec![ring]).await });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_gets_one_event_with_all_that_it_holds() {
        let conversation = |id: &str| -> EventConversation {
            serde_json::from_value(serde_json::json!({
                "id": id, "version": 1, "lastSeq": 0, "status": "open", "closedAt": null, "messages": [],
                "who": {"customerId": "c", "technicianId": null, "serviceCenterId": "n"},
            }))
            .unwrap()
        };
        let [a, b]: [NodeName; 2] = ["a", "b"].map(|name| name.parse().unwrap());
        let mut rings = Rings::default();
        assert!(rings.is_empty());
        rings.add([&a, &b], &conversation("x"));
        rings.add([&a], &conversation("y"));
        rings.add([], &conversation("z"));
        rings.add_presence([&b], &"z".parse().unwrap());
        rings.add_presence([&b], &"z".parse().unwrap());
        let key = DeliveryKey::new("secret").unwrap();
        let signed = rings.signed("e", &key);
        let events: Vec<_> = signed.iter().map(|ring| Event::open(&key, &ring.event).unwrap()).collect();
        assert_eq!(signed[0].channel, "hubline.node.a");
        assert_eq!(signed[1].channel, "hubline.node.b");
        assert_eq!((&events[0].to, events[0].epoch.as_str()), (&a, "e"));
        let ids = |event: &Event| event.conversations.iter().map(|it| it.id.to_string()).collect::<Vec<_>>();
        assert_eq!(ids(&events[0]), ["x", "y"]);
        assert_eq!(ids(&events[1]), ["x"]);
        assert_eq!((events[0].presence.len(), events[1].presence.as_slice()), (0, ["z".parse().unwrap()].as_slice()));
    }
}
