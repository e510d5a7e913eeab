//! Who is there.

use std::time::SystemTime;

use chat::wire::Presence;
use chat::{Actor, PartyPresence, ServiceRequestId, UserId};
use serde::Serialize;

use super::{Door, State};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PresenceChanged<'a> {
    service_request_id: &'a ServiceRequestId,
    user_id: &'a UserId,
    online: bool,
}

/// A party as other nodes have it.
#[derive(Debug)]
pub(super) struct Elsewhere {
    user_id: UserId,
    online: bool,
    /// As of when that is known, in milliseconds since 1970.
    at: i64,
}

impl Door {
    /// Other nodes tell, as of this time in milliseconds, who has come or gone there.
    pub(crate) fn hear_presence(&self, presence: &[Presence], at: i64) {
        let mut state = self.state.lock();
        for Presence { user_id, online } in presence {
            let was_online = state.is_elsewhere(user_id);
            state.note_elsewhere(user_id, *online, at);
            let online = state.is_elsewhere(user_id);
            if was_online != online && state.connections_of(user_id) == 0 {
                state.announce(self, user_id, online);
            }
        }
    }
}

impl State {
    /// Takes in what the database knows of who is there, asked for at this time, by a join that has not ended. What is
    /// known here is newer: who has joined on this node meanwhile, and what other nodes have told since.
    pub(super) fn know_presence(&mut self, presence: &mut [PartyPresence], asked_at: i64) {
        for PartyPresence { user_id, online, .. } in presence.iter() {
            // The database counts this node's own connections too, those included that are about to join.
            if !self.is_about(user_id) {
                self.note_elsewhere(user_id, *online, asked_at);
            }
        }
        self.presence_at = self.presence_at.max(asked_at);
        for PartyPresence { user_id, online, .. } in presence {
            *online = match self.is_about(user_id) {
                true => *online || self.connections_of(user_id) > 0,
                false => self.is_elsewhere(user_id),
            };
        }
    }

    /// Somebody has joined on this node.
    pub(super) fn come_online(&self, door: &Door, actor: &Actor) {
        let Some(party) = self.party(actor) else { return };
        if self.connections_of(&party) == 1 && !self.is_elsewhere(&party) {
            self.announce(door, &party, true);
        }
    }

    /// A connection of this user follows no longer.
    pub(super) fn gone_offline(&self, door: &Door, actor: &Actor) {
        let Some(party) = self.party(actor) else { return };
        if self.connections_of(&party) == 0 && !self.is_elsewhere(&party) {
            self.announce(door, &party, false);
        }
    }

    /// Late news, or what somebody repeats who can write to Redis, is no news.
    fn note_elsewhere(&mut self, user: &UserId, online: bool, at: i64) {
        match self.elsewhere.iter_mut().find(|known| known.user_id == *user) {
            Some(known) if at >= known.at => (known.online, known.at) = (online, at),
            None if at >= self.presence_at => self.elsewhere.push(Elsewhere { user_id: user.clone(), online, at }),
            _ => {}
        }
    }

    fn is_elsewhere(&self, user: &UserId) -> bool {
        self.elsewhere.iter().any(|known| known.online && known.user_id == *user)
    }

    /// Whether a connection of this party follows on this node, or is about to.
    fn is_about(&self, party: &UserId) -> bool {
        let mut about = self.members.iter().filter(|member| member.line.follows());
        about.any(|member| self.party(&member.connection.actor).as_ref() == Some(party))
    }

    /// As whom this user takes part: a person of the service centre as the centre. The platform only watches.
    fn party(&self, actor: &Actor) -> Option<UserId> {
        self.facts.as_ref()?.parties.party_of(actor)
    }

    fn connections_of(&self, party: &UserId) -> usize {
        let following = self.members.iter().filter(|member| member.line.position().is_some());
        following.filter(|member| self.party(&member.connection.actor).as_ref() == Some(party)).count()
    }

    /// Tells everybody else who follows.
    fn announce(&self, door: &Door, party: &UserId, online: bool) {
        let event = PresenceChanged { service_request_id: &door.id, user_id: party, online };
        for member in &self.members {
            if member.line.position().is_some() && self.party(&member.connection.actor).as_ref() != Some(party) {
                member.connection.tell("OnPresenceChanged", &event);
            }
        }
    }
}

/// The time, in milliseconds since 1970.
pub(crate) fn milliseconds_now() -> i64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}
