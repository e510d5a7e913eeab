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
            "/internal/leave" => Ok(self.leave(&serde_json::from_slice(body).unwrap())),
            "/internal/limits" => Ok(self.limits(&serde_json::from_slice(body).unwrap())),
            other => panic!("no such route: {other}"),
        }
    }

    /// Takes from the buckets that all nodes share.
    fn limits(&self, request: &LimitsRequest) -> Vec<u8> {
        let now = Instant::now();
        let mut state = self.state();
        let mut take = |taken: &Taken| {
            let cost = Duration::from_secs(60) * taken.count / taken.a_minute;
            let full_at = state.buckets.entry((taken.subject.clone(), taken.activity.clone())).or_insert(now);
            *full_at = (*full_at).max(now) + cost;
            u64::try_from(full_at.duration_since(now).as_micros()).unwrap()
        };
        let lacks = request.taken.iter().map(&mut take).collect();
        serde_json::to_vec(&LimitsAnswer { lacks }).unwrap()
    }

    /// How long the database lets a call wait for a conversation that another transaction holds.
    pub(super) fn wait(&self, request: &Request<Bytes>) -> Duration {
        let held = |batch: &SendRequest| {
            let state = self.state();
            let conversation = |item: &SendItem| state.conversations.get(item.service_request_id.as_str());
            batch.items.iter().filter_map(conversation).any(|conversation| conversation.locked)
        };
        match serde_json::from_slice::<SendRequest>(request.body()) {
            Ok(batch) if held(&batch) => Duration::from_millis(batch.patience.map_or(2_000, i64::unsigned_abs)),
            _ => Duration::ZERO,
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
        let vouch = |(place, actor): (usize, &Result<Actor, Refusal>)| {
            let voucher = state.voucher(&actor.as_ref().ok()?.user);
            voucher.filter(|voucher| batch.vouchers.get(place).and_then(Option::as_ref) != Some(voucher))
        };
        let vouchers: Vec<_> = actors.iter().enumerate().map(vouch).collect();
        state.vouchers.push(batch.vouchers);
        let mut touched: BTreeMap<ServiceRequestId, (bool, BTreeMap<i64, Message>)> = BTreeMap::new();
        let mut outcomes = Vec::new();
        for item in &batch.items {
            let outcome = actors[item.token].clone().and_then(|actor| state.send(&actor, item));
            if let Ok(Outcome::Stored { new, message }) = &outcome {
                let (changed, messages) = touched.entry(message.service_request_id.clone()).or_default();
                *changed |= new;
                messages.insert(message.seq, Message::clone(message));
            }
            outcomes.push(outcome.unwrap_or_else(|error| Outcome::Refused { error }));
        }
        let mut conversations = Vec::new();
        let mut events = Vec::new();
        for (id, (changed, messages)) in touched {
            let conversation = state.conversations.get_mut(&id).unwrap();
            conversation.version += i64::from(changed);
            conversations.push(SentConversation {
                id: id.clone(),
                version: conversation.version,
                last_seq: conversation.last(),
                status: conversation.status,
                closed_at: conversation.closed_at,
                parties: conversation.parties.clone(),
                nodes: Vec::new(),
            });
            // Repeats are told once more, with the conversation as it is now: who stored them may not have rung.
            let own = batch.node.as_ref().map(|node| node.as_str());
            events.extend(state.events(id.as_str(), messages.into_values().collect(), own));
        }
        let epoch = Some(state.epoch.clone());
        drop(state);
        self.ring(events);
        Ok(serde_json::to_vec(&SendAnswer { epoch, outcomes, conversations, vouchers }).unwrap())
    }

    fn join(&self, request: JoinRequest) -> Result<Vec<u8>, Refusal> {
        self.calls.join.fetch_add(1, Ordering::SeqCst);
        let actor = self.actor(&request.token)?;
        let mut state = self.state();
        let missing = || ErrorCode::NotFound.refusal("there is no such service request");
        let name = ServiceRequestId::parse(&request.service_request_id).map_err(|_| missing())?;
        let conversation = state.conversations.get(&name).ok_or_else(missing)?.clone();
        let role = conversation.parties.role_of(&actor).ok_or_else(missing)?;
        let came = state.register(&request.node, name.clone(), actor.user.clone(), role);
        let another = request.epoch.is_some_and(|epoch| epoch != state.epoch);
        let restarted = request.after_seq.is_some_and(|after| another || after > conversation.last());
        let after = if restarted { Some(0) } else { request.after_seq };
        let messages = after.map(|after| conversation.after(after, 200)).unwrap_or_default();
        let answer = JoinAnswer {
            service_request_id: name.clone(),
            last_seq: conversation.last(),
            first_seq: conversation.purged_through + 1,
            epoch: state.epoch.clone(),
            status: conversation.status,
            closed_at: conversation.closed_at,
            version: conversation.version,
            elsewhere: state.attendances(&request.node, &name).1,
            has_more: messages.last().is_some_and(|message| message.seq < conversation.last()),
            who: conversation.parties,
            messages,
            restarted,
            voucher: state.voucher(&actor.user).filter(|voucher| request.voucher.as_ref() != Some(voucher)),
        };
        drop(state);
        if came {
            self.ring_presence(&request.node, &name);
        }
        Ok(serde_json::to_vec(&answer).unwrap())
    }

    fn leave(&self, request: &LeaveRequest) -> Vec<u8> {
        let mut gone = BTreeSet::new();
        self.state().registered.retain(|it| {
            let leaves = it.node == request.node.as_str()
                && request.left.iter().any(|leave| leave.service_request_id == it.id && leave.user_id == it.user);
            if leaves {
                gone.insert(it.id.clone());
            }
            !leaves
        });
        for id in gone {
            self.ring_presence(&request.node, &id);
        }
        b"{}".to_vec()
    }

    fn sweep(&self, request: &SweepRequest) -> Vec<u8> {
        self.calls.sweep.fetch_add(1, Ordering::SeqCst);
        let mut state = self.state();
        state.silent.remove(request.node.as_str());
        for follower in request.followers.clone() {
            state.register(&request.node, follower.service_request_id, follower.user_id, follower.role);
        }
        let early = state.early.is_some_and(|until| Instant::now() < until);
        let mut changed = Vec::new();
        let mut crowded = BTreeSet::new();
        for held in &request.conversations {
            let Some(conversation) = state.conversations.get(&held.id) else {
                changed.push(SweepChange {
                    id: held.id.clone(),
                    version: SweepChange::VANISHED,
                    last_seq: 0,
                    status: Status::Closed,
                    closed_at: None,
                    who: None,
                    here: Attendance::NOBODY,
                    elsewhere: Attendance::NOBODY,
                });
                continue;
            };
            let (here, mut elsewhere) = state.attendances(&request.node, &held.id);
            if early && conversation.version == held.version {
                elsewhere = elsewhere | held.elsewhere;
            }
            let too_many = here - (held.here | held.coming);
            if !too_many.is_empty() {
                crowded.insert(held.id.clone());
            }
            let lost = held.here - here;
            if conversation.version != held.version
                || elsewhere != held.elsewhere
                || !too_many.is_empty()
                || !lost.is_empty()
            {
                changed.push(SweepChange {
                    id: held.id.clone(),
                    version: conversation.version,
                    last_seq: conversation.last(),
                    status: conversation.status,
                    closed_at: conversation.closed_at,
                    who: Some(conversation.parties.clone()),
                    here,
                    elsewhere,
                });
            }
        }
        let (listed, inventory) = state.inventory(request);
        let of_crowded =
            state.registered.iter().filter(|it| it.node == request.node.as_str() && crowded.contains(&it.id));
        let registered = of_crowded.cloned().chain(listed).map(|it| (it.id, it.user)).collect();
        serde_json::to_vec(&SweepAnswer { epoch: state.epoch.clone(), changed, registered, inventory }).unwrap()
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
            first_seq: conversation.purged_through + 1,
        };
        Ok(serde_json::to_vec(&page).unwrap())
    }
}

impl State {
    fn voucher(&self, user: &UserId) -> Option<String> {
        self.vouching.map(|key| format!("{user} by {key}"))
    }
}
