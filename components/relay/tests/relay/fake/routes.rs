//! What the functions answer to each call.

use super::*;

impl Fake {
    fn actor(&self, token: &str) -> Result<Actor, Refusal> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let identity = self.verifier.verify(token, i64::try_from(now).unwrap());
        Ok(identity.map_err(|error| ErrorCode::Unauthenticated.refusal(error.to_string()))?.actor())
    }

    pub(super) fn answer(&self, request: &Request<Bytes>) -> Result<Vec<u8>, Refusal> {
        let path = request.uri().path().to_owned();
        if path.starts_with("/internal/service-requests/") {
            return self.history(request, &path);
        }
        assert_eq!(request.headers()["x-hubline-key"], RELAY_KEY);
        let body = request.body();
        match path.as_str() {
            "/internal/messages" => self.send(serde_json::from_slice(body).expect("a batch")),
            "/internal/join" => self.join(serde_json::from_slice(body).unwrap()),
            "/internal/sweep" => Ok(self.sweep(&serde_json::from_slice(body).unwrap())),
            "/internal/leave" => {
                let LeaveRequest { node, left, .. } = serde_json::from_slice(body).unwrap();
                self.state().registered.retain(|(holder, id, user)| {
                    !(holder == node.as_str()
                        && left.iter().any(|leave| leave.service_request_id == *id && leave.user_id.as_str() == user))
                });
                Ok(b"{}".to_vec())
            }
            other => panic!("no such route: {other}"),
        }
    }

    fn send(&self, batch: SendRequest) -> Result<Vec<u8>, Refusal> {
        self.calls.send.fetch_add(1, Ordering::SeqCst);
        assert!(batch.items.len() <= SendRequest::MOST);
        let actors: Vec<_> = batch.tokens.iter().map(|token| self.actor(token)).collect();
        let mut state = self.state();
        if batch.items.iter().any(|item| Some(&item.body) == state.poison.as_ref()) {
            return Err(ErrorCode::Unavailable.refusal("trapped"));
        }
        state.batches.push(batch.items.len());
        let mut touched: BTreeMap<ServiceRequestId, Vec<Message>> = BTreeMap::new();
        let mut outcomes = Vec::new();
        for item in &batch.items {
            outcomes.push(match actors[item.token].clone().and_then(|actor| state.send(&actor, item)) {
                Ok((new, message)) => {
                    let messages = touched.entry(message.service_request_id.clone()).or_default();
                    messages.extend(new.then(|| message.clone()));
                    Outcome::Stored { new, message: Box::new(message) }
                }
                Err(error) => Outcome::Refused { error },
            });
        }
        let mut conversations = Vec::new();
        let mut events = Vec::new();
        for (id, messages) in touched {
            let conversation = state.conversations.get_mut(&id).unwrap();
            conversation.version += i64::from(!messages.is_empty());
            let (version, parties) = (conversation.version, conversation.parties.clone());
            conversations.push(SentConversation { id: id.clone(), version, parties, nodes: Vec::new() });
            if !messages.is_empty() {
                events.extend(state.events(id.as_str(), messages, batch.node.as_ref().map(|node| node.as_str())));
            }
        }
        let epoch = Some(state.epoch.clone());
        drop(state);
        self.ring(events);
        Ok(serde_json::to_vec(&SendAnswer { epoch, outcomes, conversations }).unwrap())
    }

    fn join(&self, request: JoinRequest) -> Result<Vec<u8>, Refusal> {
        self.calls.join.fetch_add(1, Ordering::SeqCst);
        let actor = self.actor(&request.token)?;
        let mut state = self.state();
        let missing = || ErrorCode::NotFound.refusal("there is no such service request");
        let name = ServiceRequestId::parse(&request.service_request_id).map_err(|_| missing())?;
        let conversation = state.conversations.get(&name).ok_or_else(missing)?.clone();
        conversation.parties.role_of(&actor).ok_or_else(missing)?;
        let entry = (request.node.to_string(), name.clone(), actor.user.to_string());
        if !state.registered.contains(&entry) {
            state.registered.push(entry);
        }
        let online = |user: &str| state.registered.iter().any(|(_, id, known)| *id == name && known == user);
        let Parties { customer_id, technician_id, service_center_id } = conversation.parties.clone();
        let mut present =
            vec![PartyPresence { online: online(customer_id.as_str()), user_id: customer_id, role: Role::Customer }];
        present.extend(technician_id.map(|user_id| PartyPresence {
            online: online(user_id.as_str()),
            user_id,
            role: Role::Technician,
        }));
        let center = PartyPresence { user_id: service_center_id.into(), role: Role::ServiceCenter, online: false };
        present.push(center);
        let replay = request.after_seq.is_some() && request.epoch.is_some_and(|epoch| epoch != state.epoch);
        let after = if replay { Some(0) } else { request.after_seq };
        let messages = after.map(|after| conversation.after(after, 200)).unwrap_or_default();
        let answer = JoinAnswer {
            service_request_id: name,
            last_seq: conversation.last(),
            purged_through: conversation.purged_through,
            epoch: state.epoch.clone(),
            status: conversation.status,
            closed_at: None,
            version: conversation.version,
            parties: present,
            has_more: messages.last().is_some_and(|message| message.seq < conversation.last()),
            who: conversation.parties,
            messages,
            replay,
        };
        Ok(serde_json::to_vec(&answer).unwrap())
    }

    fn sweep(&self, request: &SweepRequest) -> Vec<u8> {
        self.calls.sweep.fetch_add(1, Ordering::SeqCst);
        let state = self.state();
        let changed = request.conversations.iter().filter_map(|(id, version)| {
            let Some(conversation) = state.conversations.get(id) else {
                return Some(SweepChange {
                    id: id.clone(),
                    version: SweepChange::VANISHED,
                    last_seq: 0,
                    status: Status::Closed,
                    closed_at: None,
                    who: None,
                });
            };
            (conversation.version != *version).then(|| SweepChange {
                id: id.clone(),
                version: conversation.version,
                last_seq: conversation.last(),
                status: conversation.status,
                closed_at: None,
                who: Some(conversation.parties.clone()),
            })
        });
        serde_json::to_vec(&SweepAnswer { epoch: state.epoch.clone(), changed: changed.collect() }).unwrap()
    }

    fn history(&self, request: &Request<Bytes>, path: &str) -> Result<Vec<u8>, Refusal> {
        self.calls.history.fetch_add(1, Ordering::SeqCst);
        let token = request.headers()["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
        let actor = self.actor(token)?;
        let name = path.split('/').nth(3).unwrap();
        let query = request.uri().query().unwrap();
        let after = query.split('&').find_map(|pair| pair.strip_prefix("afterSeq=")).unwrap().parse().unwrap();
        let state = self.state();
        let conversation = state.conversations.get(name).ok_or_else(|| ErrorCode::NotFound.refusal("no"))?;
        conversation.parties.role_of(&actor).ok_or_else(|| ErrorCode::NotFound.refusal("no"))?;
        let messages = conversation.after(after, 50);
        let page = HistoryPage {
            has_more: messages.last().is_some_and(|message| message.seq < conversation.last()),
            messages,
            last_seq: conversation.last(),
            purged_through: Some(conversation.purged_through),
        };
        Ok(serde_json::to_vec(&page).unwrap())
    }
}
