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

impl Door {
    /// Other nodes tell, as of this time in milliseconds, who has come or gone there.
    pub(crate) fn hear_presence(&self, presence: &[Presence], at: i64) {
        let mut state = self.state.lock();
        // Late, or repeated by somebody who can write to Redis.
        if presence.is_empty() || at < state.presence_at {
            return;
        }
        state.presence_at = at;
        for Presence { user_id, online } in presence {
            let was_online = state.elsewhere.contains(user_id);
            state.note_elsewhere(user_id, *online);
            if was_online != *online && state.connections_of(user_id) == 0 {
                state.announce(self, user_id, *online);
            }
        }
    }
}

impl State {
    /// Somebody has joined on this node. `presence` is what the database knows, this node's own connections included.
    pub(super) fn come_online(&mut self, door: &Door, actor: &Actor, presence: &[PartyPresence]) {
        let Some(party) = self.party(actor) else { return };
        self.presence_at = milliseconds_now();
        let new = self.connections_of(&party) == 1 && !self.elsewhere.contains(&party);
        for PartyPresence { user_id, online, .. } in presence {
            if self.connections_of(user_id) == 0 {
                self.note_elsewhere(user_id, *online);
            }
        }
        if new {
            self.announce(door, &party, true);
        }
    }

    /// A connection of this user follows no longer.
    pub(super) fn gone_offline(&self, door: &Door, actor: &Actor) {
        let Some(party) = self.party(actor) else { return };
        if self.connections_of(&party) == 0 && !self.elsewhere.contains(&party) {
            self.announce(door, &party, false);
        }
    }

    fn note_elsewhere(&mut self, user: &UserId, online: bool) {
        match self.elsewhere.iter().position(|known| known == user) {
            None if online => self.elsewhere.push(user.clone()),
            Some(index) if !online => {
                self.elsewhere.swap_remove(index);
            }
            _ => {}
        }
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

fn milliseconds_now() -> i64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}
