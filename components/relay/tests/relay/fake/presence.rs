//! Who is registered, and who hears of it.

use super::*;

/// How long after a crash nodes that are not heard of may be there all the same.
const EARLY: Duration = Duration::from_secs(1);

/// A user of a node who follows a conversation, in the order of the database.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Registration {
    pub(super) id: ServiceRequestId,
    pub(super) node: String,
    pub(super) user: UserId,
    pub(super) role: Role,
}

impl Fake {
    /// Somebody has come or gone: the other nodes that hold the conversation are rung.
    pub(super) fn ring_presence(&self, node: &NodeName, id: &ServiceRequestId) {
        let events = {
            let state = self.state();
            let rung = state.holders(id.as_str(), Some(node.as_str()));
            rung.into_iter().map(|(node, address)| (address, state.presence(node, id))).collect()
        };
        self.ring(events);
    }

    /// A signed event for a node that says that somebody has come or gone in a conversation.
    pub fn presence(&self, node: &str, name: &str) -> Vec<u8> {
        self.state().presence(node, &id(name))
    }

    /// Registers a user of a node as somebody does who is not there any more.
    pub fn register(&self, node: &str, name: &str, user: &str, role: Role) {
        self.state().register(&node.parse().unwrap(), id(name), user.parse().unwrap(), role);
    }

    /// A node is not heard of any more, or is again.
    pub fn silence(&self, node: &str, silent: bool) {
        let mut state = self.state();
        if silent {
            state.silent.insert(node.to_owned())
        } else {
            state.silent.remove(node)
        };
    }

    /// The database crashes: registrations are gone. For a while nobody is called gone who may not be heard of yet.
    pub fn crash(&self) {
        let mut state = self.state();
        state.registered.clear();
        state.early = Some(Instant::now() + EARLY);
    }
}

impl State {
    /// Registers a user of a node. Whether they were not, or as somebody else.
    pub(super) fn register(&mut self, node: &NodeName, id: ServiceRequestId, user: UserId, role: Role) -> bool {
        let registration = Registration { id, node: node.to_string(), user, role };
        if self.registered.contains(&registration) {
            return false;
        }
        let Registration { id, node, user, .. } = &registration;
        self.registered.retain(|it| (&it.id, &it.node, &it.user) != (id, node, user));
        self.registered.push(registration);
        true
    }

    /// The parties that are registered for a node, and those that are on others.
    pub(super) fn attendances(&self, node: &NodeName, id: &ServiceRequestId) -> (Attendance, Attendance) {
        let parties = &self.conversations[id].parties;
        let (mut here, mut elsewhere) = (Attendance::NOBODY, Attendance::NOBODY);
        for it in self.registered.iter().filter(|it| it.id == *id) {
            let is = [
                (it.user == parties.customer_id, Role::Customer),
                (Some(&it.user) == parties.technician_id.as_ref(), Role::Technician),
                (it.role == Role::ServiceCenter, Role::ServiceCenter),
            ];
            let is: Attendance = is.into_iter().filter_map(|(so, role)| so.then_some(role)).collect();
            if it.node == node.as_str() {
                here = here | is;
            } else if !self.silent.contains(&it.node) {
                elsewhere = elsewhere | is;
            }
        }
        (here, elsewhere)
    }

    /// A part of a node's registrations, and where the next one begins.
    pub(super) fn inventory(&self, request: &SweepRequest) -> (Vec<Registration>, Option<i64>) {
        let Some(Inventory { after, most }) = request.inventory else { return (Vec::new(), None) };
        let (after, most) = (usize::try_from(after).unwrap(), usize::try_from(most).unwrap());
        let mut all: Vec<_> = self.registered.iter().filter(|it| it.node == request.node.as_str()).cloned().collect();
        all.sort();
        let end = after + most;
        let next = (end < all.len()).then(|| i64::try_from(end).unwrap());
        (all.into_iter().skip(after).take(most).collect(), next)
    }

    fn presence(&self, node: &str, id: &ServiceRequestId) -> Vec<u8> {
        let (to, epoch) = (node.parse().unwrap(), self.epoch.clone());
        signed(&Event { to, epoch, conversations: Vec::new(), presence: vec![id.clone()] })
    }
}
