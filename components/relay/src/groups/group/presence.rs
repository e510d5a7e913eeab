//! Who is there.
//!
//! On this node that is known from its own connections. Of other nodes the database tells, which is asked at each join, at
//! each sweep, and soon after an event that says that somebody has come or gone. Of two answers the later asked one is newer
//! if it was asked for after the other had come; when they overlap nobody knows, and the database is asked again. No clock has
//! a say in it.

use chat::wire::{Follower, Held};
use chat::{Actor, Attendance, Parties, PartyPresence, Role, ServiceRequestId, UserId};
use serde::Serialize;
use tokio::time::Instant;

use super::{Aftermath, Group, Member, State};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PresenceChanged<'a> {
    service_request_id: &'a ServiceRequestId,
    user_id: &'a UserId,
    online: bool,
}

impl Group {
    /// What a sweep tells of it. `None` when nobody follows.
    pub(crate) fn held(&self) -> Option<Held> {
        let state = self.state.lock();
        let (here, coming) = (state.here(), state.coming());
        let follows = state.members.iter().any(|member| member.cursor.follows());
        follows.then(|| Held {
            id: self.id.clone(),
            version: state.facts.as_ref().map_or(0, |facts| facts.version),
            here,
            coming: coming - here,
            elsewhere: state.presence.elsewhere,
        })
    }

    /// Takes note of which parties are registered for this node. Whether one has joined that is not.
    pub(crate) fn needs_registering(&self, registered: Attendance) -> bool {
        let mut state = self.state.lock();
        let (here, coming) = (state.here(), state.coming());
        let lacks = !(here - registered).is_empty();
        // One too many is for nobody, or for somebody who is there as another: that is registered anew.
        state.presence.unregistered = lacks || !(registered - (here | coming)).is_empty();
        lacks
    }

    /// The users who have joined, each once, if they are to be registered again. They are asked for once.
    pub(crate) fn unregistered(&self) -> Vec<Follower> {
        let mut state = self.state.lock();
        if !std::mem::take(&mut state.presence.unregistered) {
            return Vec::new();
        }
        let mut followers: Vec<Follower> = Vec::new();
        for member in state.members.iter().filter(|member| member.is_there) {
            let actor = &member.caller.actor;
            let Some(role) = state.role_of(actor) else { continue };
            match followers.iter_mut().find(|known| known.user_id == actor.user) {
                // Customer and technician are known by their ids; that somebody is there for the centre only this says.
                Some(known) if role == Role::ServiceCenter => known.role = role,
                Some(_) => {}
                None => {
                    let (service_request_id, user_id) = (self.id.clone(), actor.user.clone());
                    followers.push(Follower { service_request_id, user_id, role });
                }
            }
        }
        followers
    }

    /// The database says, as of some moment after it was asked, which parties are on other nodes.
    pub(crate) fn hear_presence(&self, who: &Parties, elsewhere: Attendance, asked: Instant) -> Aftermath {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        // Of other parties than those of today it says nothing; the next sweep does.
        if state.facts.as_ref().is_some_and(|facts| facts.parties == *who) {
            if state.presence.is_older_than(asked) {
                state.presence.know(elsewhere);
                state.tell_presence(self);
            } else {
                aftermath.inquire = elsewhere != state.presence.elsewhere;
            }
        }
        state.tidy(self);
        aftermath
    }
}

impl State {
    /// Takes in what a join tells of other nodes. Whether the database is to be asked again: a join does not know whether
    /// somebody is gone or only not heard of yet, and what it overlaps with may be newer.
    pub(super) fn join_presence(&mut self, who: &Parties, elsewhere: Attendance, asked: Instant) -> bool {
        if self.facts.as_ref().is_none_or(|facts| facts.parties != *who) {
            return true;
        }
        let known = self.presence.elsewhere;
        if !self.presence.is_older_than(asked) {
            return known != elsewhere;
        }
        // Nobody was looked after before the first one joined.
        let is_first = self.members.iter().all(|member| !member.is_there);
        self.presence.know(if is_first { elsewhere } else { known | elsewhere });
        !(self.presence.elsewhere - elsewhere).is_empty()
    }

    /// The parties as a client sees them who has just joined.
    pub(super) fn roll(&self, joined: &Actor) -> Vec<PartyPresence> {
        let Some(facts) = &self.facts else { return Vec::new() };
        let there = self.here() | self.presence.elsewhere | self.attendance_of(joined);
        let party =
            |role| facts.parties.party(role).map(|user_id| PartyPresence { user_id, role, online: there.has(role) });
        Attendance::ROLES.into_iter().filter_map(party).collect()
    }

    /// Tells the followers who has come or gone since they were told last.
    pub(super) fn tell_presence(&mut self, group: &Group) {
        let there = self.here() | self.presence.elsewhere;
        let changed = there ^ std::mem::replace(&mut self.presence.told, there);
        if changed.is_empty() {
            return;
        }
        for role in Attendance::ROLES.into_iter().filter(|role| changed.has(*role)) {
            self.announce(group, role, there.has(role));
        }
    }

    /// The parties are to be others: who of them changes is gone, and whether the new ones are there is to be found out.
    pub(super) fn replace_parties(&mut self, group: &Group, parties: &Parties) {
        let Some(facts) = &self.facts else { return };
        let replaced: Attendance =
            Attendance::ROLES.into_iter().filter(|role| facts.parties.party(*role) != parties.party(*role)).collect();
        self.presence.elsewhere = self.presence.elsewhere - replaced;
        let told = self.presence.told;
        self.presence.told = told - replaced;
        for role in Attendance::ROLES.into_iter().filter(|role| replaced.has(*role) && told.has(*role)) {
            self.announce(group, role, false);
        }
    }

    /// The parties of which a connection has joined.
    fn here(&self) -> Attendance {
        self.attendance(|member| member.is_there)
    }

    /// The parties of which a connection follows or is about to.
    fn coming(&self) -> Attendance {
        self.attendance(|member| member.cursor.follows())
    }

    fn attendance(&self, counts: impl Fn(&Member) -> bool) -> Attendance {
        let members = self.members.iter().filter(|member| counts(member));
        members.fold(Attendance::NOBODY, |all, member| all | self.attendance_of(&member.caller.actor))
    }

    /// Which parties this user is. The platform only watches.
    fn attendance_of(&self, actor: &Actor) -> Attendance {
        self.facts.as_ref().map(|facts| facts.parties.attendance_of(actor)).unwrap_or_default()
    }

    /// As what this user takes part.
    fn role_of(&self, actor: &Actor) -> Option<Role> {
        self.facts.as_ref()?.parties.role_of(actor)
    }

    /// Tells everybody who follows but the party itself.
    fn announce(&self, group: &Group, role: Role, online: bool) {
        let Some(user_id) = self.facts.as_ref().and_then(|facts| facts.parties.party(role)) else { return };
        let event = PresenceChanged { service_request_id: &group.id, user_id: &user_id, online };
        for member in &self.members {
            if member.cursor.position().is_some() && !self.attendance_of(&member.caller.actor).has(role) {
                member.caller.send("OnPresenceChanged", &event);
            }
        }
    }
}
