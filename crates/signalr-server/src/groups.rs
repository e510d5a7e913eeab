//! Groups: connections under a name.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

use crate::connection::Connection;
use crate::frame::Frame;

/// Connections under names, to each of which a hub sends as to one. A group is there while somebody is in it.
///
/// Which groups a caller is in is kept beside the groups, so that [`Groups::leave_all`] costs what it leaves.
pub struct Groups<C> {
    state: Mutex<State<C>>,
}

struct State<C> {
    members: HashMap<Arc<str>, Vec<Arc<C>>>,
    /// By the address of a caller, which is its own for as long as it is in a group.
    joined: HashMap<usize, Vec<Arc<str>>>,
}

impl<C> Default for Groups<C> {
    fn default() -> Self {
        Self { state: Mutex::new(State { members: HashMap::new(), joined: HashMap::new() }) }
    }
}

impl<C: AsRef<Connection>> Groups<C> {
    /// Takes a caller into a group. Whether it was not in it before. One whose connection has ended is in none any more.
    pub fn join(&self, group: &str, caller: &Arc<C>) -> bool {
        let State { members, joined } = &mut *self.state.lock();
        // A connection ends before its hub hears of it: whoever comes in here now is taken out by that.
        if (**caller).as_ref().has_ended() {
            return false;
        }
        let name = members.get_key_value(group).map_or_else(|| Arc::from(group), |(name, _)| Arc::clone(name));
        let names = joined.entry(address(caller)).or_default();
        if names.contains(&name) {
            return false;
        }
        names.push(Arc::clone(&name));
        members.entry(name).or_default().push(Arc::clone(caller));
        true
    }

    /// Takes a caller out of a group. Whether it was in it.
    pub fn leave(&self, group: &str, caller: &Arc<C>) -> bool {
        let State { members, joined } = &mut *self.state.lock();
        let Some(names) = joined.get_mut(&address(caller)) else { return false };
        let Some(place) = names.iter().position(|name| **name == *group) else { return false };
        names.swap_remove(place);
        if names.is_empty() {
            joined.remove(&address(caller));
        }
        remove(members, group, caller);
        true
    }

    /// Takes a caller out of all of its groups, as when its connection has ended.
    pub fn leave_all(&self, caller: &Arc<C>) {
        let State { members, joined } = &mut *self.state.lock();
        for group in joined.remove(&address(caller)).unwrap_or_default() {
            remove(members, &group, caller);
        }
    }

    /// Who is in a group.
    #[must_use]
    pub fn members(&self, group: &str) -> Vec<Arc<C>> {
        self.state.lock().members.get(group).cloned().unwrap_or_default()
    }

    /// Invokes a method of each client in a group; the message is encoded once.
    pub fn send(&self, group: &str, target: &str, argument: &impl Serialize) {
        let members = self.members(group);
        if members.is_empty() {
            return;
        }
        let frame = Frame::event(target, argument);
        for member in members {
            (*member).as_ref().push(frame.clone());
        }
    }
}

fn address<C>(caller: &Arc<C>) -> usize {
    Arc::as_ptr(caller) as usize
}

fn remove<C>(members: &mut HashMap<Arc<str>, Vec<Arc<C>>>, group: &str, caller: &Arc<C>) {
    if let Some(callers) = members.get_mut(group) {
        callers.retain(|member| !Arc::ptr_eq(member, caller));
        if callers.is_empty() {
            members.remove(group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::outbox::Next;

    fn caller() -> Arc<Connection> {
        Arc::new(Connection::new(1024, Arc::new(Counts::default())))
    }

    fn heard(caller: &Connection) -> Vec<String> {
        let mut heard = Vec::new();
        while let Next::Frame(frame) = caller.outbox.pop() {
            heard.push(frame.as_str().to_owned());
        }
        heard
    }

    #[test]
    fn who_is_in_a_group_hears_what_it_is_told() {
        let (groups, one, other) = (Groups::default(), caller(), caller());
        assert!(groups.join("a", &one) && groups.join("a", &other) && groups.join("b", &other));
        assert!(!groups.join("a", &one), "once is enough");
        groups.send("a", "Said", &"hello");
        let hello = format!("{{\"type\":1,\"target\":\"Said\",\"arguments\":[\"hello\"]}}{}", '\u{1e}');
        assert_eq!((heard(&one), heard(&other)), (vec![hello.clone()], vec![hello]));
        assert!(groups.leave("a", &one) && !groups.leave("a", &one));
        groups.send("a", "Said", &1);
        groups.send("b", "Said", &2);
        groups.send("nobody's", "Said", &3);
        assert_eq!((heard(&one).len(), heard(&other).len()), (0, 2));
    }

    #[test]
    fn nothing_is_kept_of_who_has_gone() {
        let (groups, one) = (Groups::default(), caller());
        for group in ["a", "b", "c"] {
            groups.join(group, &one);
        }
        groups.leave("c", &one);
        one.outbox.end(None, false);
        groups.leave_all(&one);
        assert!(!groups.join("d", &one), "who has gone does not come in");
        let state = groups.state.lock();
        assert!(state.members.is_empty() && state.joined.is_empty());
        assert_eq!(Arc::strong_count(&one), 1);
    }
}
