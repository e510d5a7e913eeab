//! A run in its surroundings: the database, the outside, the people, and workers that live and die.

use std::{cell::Cell, rc::Rc};

use chrono::{DateTime, TimeDelta, Utc};
use clients::{Request, Response, Silence};
use futures_util::FutureExt;
use rollback::{
    Actor, Case, Change, Command, Context, Digest, IncidentId, IncidentState, Kind, NewIncident, Principal, Run, RunId,
    RunState, Strategy, Target, ValidationId,
    step::{Absence, Repeat, Step, StepStatus},
    validation::Policy,
};
use rollback_worker::{
    memory::Memory,
    settings::Settings,
    work::{Duty, Office, Transport},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    books::{Books, Fate, Fuse, Session},
    world::World,
};

pub const INCIDENT: &str = "01890a5d-ac96-774b-bcce-b302099a0001";
pub const RUN: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// The way to the outside, as one worker has it while it lives.
pub struct Wire<'a> {
    pub world: &'a World,
    pub fuse: &'a Fuse,
    /// What comes of calls before the outside is asked at all.
    pub meddler: Option<&'a Meddler<'a>>,
}

/// Somebody who answers in the outside's place.
pub type Meddler<'a> = dyn Fn(&Request, &World) -> Option<Result<Response, Silence>> + 'a;

impl Transport for Wire<'_> {
    fn call(&self, request: &Request) -> Result<Response, Silence> {
        let ask = || {
            let answer = self.world.answer(request.method.as_str(), &request.url, &request.body);
            let headers = answer.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            request.answer(answer.status, headers, answer.body)
        };
        match self.fuse.burns() {
            Fate::DiesBefore => Err(Silence::TimedOut),
            Fate::DiesAfter => {
                drop(ask());
                Err(Silence::TimedOut)
            }
            Fate::Lives => match self.meddler.and_then(|meddler| meddler(request, self.world)) {
                Some(answer) => answer,
                None => ask(),
            },
        }
    }
}

/// The stage.
pub struct Stage {
    pub books: Books,
    pub world: World,
    pub settings: Rc<Settings>,
    ids: Cell<u128>,
}

/// A smoke test that makes something and takes it away again.
fn test(path: &str, cleanup: &str) -> Value {
    json!({
        "method": "POST", "path": path, "body": {"id": "{key}"},
        "expect": {"status": 201, "body": {"id": "{key}"}}, "cleanup": {"path": cleanup},
    })
}

/// The applications that use the database.
fn application(name: &str) -> Value {
    json!({"name": name, "deployment": name, "container": "api", "image": name})
}

fn targets(applications: &[&str]) -> Value {
    json!({
        "environment": "production",
        "github": {"api": "https://github.test", "artifacts": "https://artifacts.test", "repository": "team/deploy",
            "gate": true},
        "registry": {"server": "https://registry.test"},
        "azure": {
            "management": "https://arm.test", "entra": "https://entra.test", "tenant": "tenant",
            "subscription": "11111111-2222-3333-4444-555555555555", "resourceGroup": "databases",
        },
        "kubernetes": {"api": "https://cluster.test", "namespace": "production"},
        "prometheus": {"api": "https://prometheus.test"},
        "alertmanager": {"api": "https://alertmanager.test"},
        "notify": {"pagerduty": "https://pagerduty.test", "webhook": "https://webhook.test/hubline"},
        "smoke": {
            "base": "https://service.test/smoke",
            "user": test("/users", "/users/{key}"),
            "serviceRequest": test("/service-requests", "/service-requests/{answer:/id}"),
        },
        "applications": applications.iter().map(|name| application(name)).collect::<Vec<_>>(),
        "database": {"server": "orders-db", "connection": "postgres://app:{password}@{host}/orders"},
    })
}

fn credentials() -> Value {
    json!({
        "environment": "production",
        "github": {"token": "canary-github"}, "azure": {"clientId": "client", "clientSecret": "canary-azure"},
        "kubernetes": "canary-kubernetes", "databasePassword": "canary-password",
        "pagerduty": "canary-routing-key", "slack": "https://slack.test/services/canary-slack",
        "webhook": "canary-webhook-key",
    })
}

/// The whole of what a person may be.
pub fn principals() -> Vec<Principal> {
    let row = |person: &str, roles: &[&str], scopes: &[&str]| json!({"person": person, "roles": roles, "scopes": scopes, "revoked": false});
    let rows = json!([
        row("olaf", &["operator"], &[]),
        row("ada", &["approver"], &["infrastructure"]),
        row("bob", &["approver"], &[]),
        row("cleo", &["commander"], &[]),
    ]);
    serde_json::from_value(rows).unwrap()
}

impl Stage {
    /// An alert has fired 20 minutes ago, and it is decided to roll back.
    pub fn decided(kind: Kind, applications: &[&str]) -> Self {
        Self::decided_at("2024-05-01T10:20:00Z".parse().unwrap(), kind, applications)
    }

    /// The same at another time.
    fn decided_at(now: DateTime<Utc>, kind: Kind, applications: &[&str]) -> Self {
        let (targets, credentials) = (targets(applications).to_string(), credentials().to_string());
        let settings = Settings::read(|name| match name {
            "production" => targets.clone(),
            "production_credentials" => credentials.clone(),
            "operations_database_url" => "postgres://operations@operations-db.test/operations".into(),
            _ => String::new(),
        })
        .unwrap();
        let books = Books::new(now, serde_json::to_value(principals()).unwrap());
        let stage = Self { books, world: World::new(now), settings: Rc::new(settings), ids: Cell::new(0) };
        let opened = Case::open(
            NewIncident {
                id: INCIDENT.parse::<IncidentId>().unwrap(),
                target: Target::live(rollback::Environment::Production),
                fingerprint: "ab12".parse().unwrap(),
                name: "HighAPILatency".parse().unwrap(),
                alerted_at: now - TimeDelta::minutes(10),
                firing: true,
                previous: None,
                drill: None,
            },
            None,
            now - TimeDelta::minutes(9),
        );
        stage.take(opened);
        stage.does("olaf", Command::Acknowledge);
        stage.does("olaf", Command::Decide { strategy: Strategy::from(kind), reason: why() });
        stage
    }

    /// The same again, to go on in another way.
    pub fn fork(&self) -> Self {
        Self {
            books: self.books.clone(),
            world: self.world.clone(),
            settings: Rc::clone(&self.settings),
            ids: self.ids.clone(),
        }
    }

    /// Olaf asks for a rollback; these applications use the database.
    pub fn drafted(kind: Kind, applications: &[&str]) -> Self {
        Self::decided(kind, applications).asked(kind, applications)
    }

    /// The same now.
    pub fn drafted_now(kind: Kind, applications: &[&str]) -> Self {
        Self::decided_at(Utc::now(), kind, applications).asked(kind, applications)
    }

    fn asked(self, kind: Kind, applications: &[&str]) -> Self {
        let request = match kind {
            Kind::Application => json!({"kind": "application", "application": "orders"}),
            Kind::Database => json!({"kind": "database", "server": "orders-db", "applications": applications}),
            Kind::Infrastructure => json!({"kind": "infrastructure", "commit": crate::world::COMMIT}),
        };
        let id = RUN.parse::<RunId>().unwrap();
        let request = serde_json::from_value(request).unwrap();
        self.does("olaf", Command::OpenRun { id, request, runbook: "1".parse().unwrap() });
        self.wakes();
        self
    }

    /// The run's job is due.
    pub fn wakes(&self) {
        self.books.enqueue("step", &format!("step:{RUN}"), INCIDENT, Some(RUN), json!({}));
    }

    /// Everybody who must has approved, and olaf lets it begin.
    pub fn executes(&self) {
        let run = self.run();
        let preview = run.preview().expect("there is a preview");
        let (digest, hazards) = (preview.digest(), preview.hazards());
        self.does("olaf", Command::Submit { digest, acknowledged: hazards.clone() });
        let approvers: &[&str] = if run.kind() == Kind::Application { &["ada"] } else { &["ada", "bob"] };
        for approver in approvers {
            self.does(approver, Command::OpenPreview);
            let acknowledged = hazards.clone();
            self.does(approver, Command::Approve { digest, acknowledged, break_glass: None });
        }
        self.does("olaf", Command::Execute { digest });
        self.wakes();
    }

    /// Somebody begins a validation.
    pub fn begins_validation(&self) {
        self.ids.set(self.ids.get() + 1);
        let id = ValidationId::new(Uuid::from_u128(self.ids.get()));
        self.does("olaf", Command::Validate { id, policy: Policy::default() });
        self.books.enqueue("validation", &format!("validation:{INCIDENT}"), INCIDENT, Some(RUN), json!({}));
    }

    /// What is around the alert is to be put together.
    pub fn triages(&self) {
        self.books.enqueue("triage", &format!("triage:{INCIDENT}"), INCIDENT, None, json!({}));
    }

    pub fn case(&self) -> Case {
        let rows = self.books.rows.borrow();
        let incident = serde_json::from_value(rows.incidents[INCIDENT].clone()).unwrap();
        let run = rows.runs.get(RUN).map(|run| serde_json::from_value(run.clone()).unwrap());
        Case::new(incident, run).unwrap()
    }

    pub fn run(&self) -> Run {
        self.case().run().expect("there is a run").clone()
    }

    pub fn state(&self) -> RunState {
        self.run().state()
    }

    pub fn incident(&self) -> IncidentState {
        self.case().incident().state()
    }

    pub fn current(&self) -> Option<Step> {
        self.case().run().and_then(Run::current_step).cloned()
    }

    /// Somebody commands something, and it is done.
    pub fn does(&self, person: &str, command: Command) {
        let principals = principals();
        let spent: Vec<Digest> = self.books.rows.borrow().spent.iter().map(|digest| digest.parse().unwrap()).collect();
        let context = Context {
            now: self.books.now.get(),
            principals: &principals,
            neighbours: &[],
            changed_elsewhere_at: None,
            spent_plans: &spent,
            halted: self.books.rows.borrow().halted,
        };
        let claimed = rollback::Role::ALL.iter().copied().collect();
        let actor = Actor { person: person.parse().unwrap(), claimed };
        let change = self.case().command(command.clone(), &actor, None, &context);
        self.take(change.unwrap_or_else(|refusal| panic!("{person} is refused {command:?}: {refusal}")));
    }

    /// Time is looked at.
    pub fn ticks(&self) {
        let principals = principals();
        let context = Context {
            now: self.books.now.get(),
            principals: &principals,
            neighbours: &[],
            changed_elsewhere_at: None,
            spent_plans: &[],
            halted: false,
        };
        if let Some(change) = self.case().tick(&context).unwrap() {
            self.take(change);
        }
    }

    fn take(&self, change: Change) {
        let incident = serde_json::to_value(change.case.incident()).unwrap();
        let runs: Vec<Value> = change.case.run().map(|run| json!({"document": run})).into_iter().collect();
        let version = self.books.rows.borrow().version;
        let outcome = self.books.commit(&json!({
            "versions": {"production": version},
            "incidents": [{"document": incident}],
            "runs": runs,
        }));
        assert_eq!(outcome["outcome"], "committed");
    }

    /// A worker takes turns until nothing is due, or it dies.
    pub fn works(&self, fuse: &Fuse, meddler: Option<&Meddler<'_>>) {
        let memory = Memory::default();
        for _ in 0..10_000 {
            if !self.takes_a_turn(&memory, fuse, meddler) {
                return;
            }
        }
        panic!("it never comes to rest: {}", self.told());
    }

    /// So many turns, of what is due now.
    pub fn takes_turns(&self, turns: usize) {
        self.takes_turns_of(Duty::All, turns, None);
    }

    /// The same of a worker with this duty, and an outside that misbehaves.
    pub fn takes_turns_of(&self, duty: Duty, turns: usize, meddler: Option<&Meddler<'_>>) {
        let (memory, fuse) = (Memory::default(), Fuse::none());
        let session = Session { books: &self.books, fuse: &fuse };
        let wire = Wire { world: &self.world, fuse: &fuse, meddler };
        let office = Office { db: &session, wire: &wire, settings: &self.settings, memory: &memory };
        for _ in 0..turns {
            self.world.now.replace(self.books.now.get());
            office.turn(duty).now_or_never().expect("nothing waits").unwrap();
        }
    }

    /// One turn, or a wait until the next one is due. Whether there is more to do, by this worker.
    pub fn takes_a_turn(&self, memory: &Memory, fuse: &Fuse, meddler: Option<&Meddler<'_>>) -> bool {
        let session = Session { books: &self.books, fuse };
        let wire = Wire { world: &self.world, fuse, meddler };
        let office = Office { db: &session, wire: &wire, settings: &self.settings, memory };
        self.world.now.replace(self.books.now.get());
        match office.turn(Duty::All).now_or_never().expect("nothing waits") {
            Ok(true) => {}
            Ok(false) => {
                // Nothing is due now: time passes until something is.
                let Some(due) = self.books.next_due().filter(|_| !self.rests()) else { return false };
                self.books.now.set(due.max(self.books.now.get() + TimeDelta::milliseconds(100)));
                self.ticks();
            }
            Err(error) => {
                assert!(fuse.is_burnt(), "the database failed: {error}");
                return false;
            }
        }
        !fuse.is_burnt()
    }

    /// Whether nothing happens until a person does something.
    pub fn rests(&self) -> bool {
        self.waits_for_people() || self.sleeps()
    }

    /// Whether the run has come to where only a person can go on: a step is provably absent that only they may repeat.
    pub fn waits_for_people(&self) -> bool {
        let unknown =
            |step: &Step| step.status() == StepStatus::Unknown && step.name().character().repeat == Repeat::OnceAbsent;
        let Some(step) = self.current().filter(unknown) else { return false };
        step.absence().is_some_and(Absence::is_proof)
    }

    /// Whether the run waits for its approvals.
    fn sleeps(&self) -> bool {
        let waits =
            |run: &Run| matches!(run.state(), RunState::Previewed | RunState::AwaitingApproval | RunState::Approved);
        self.case().run().is_some_and(waits) && self.case().incident().state() != IncidentState::Validating
    }

    /// Where the run stands, step by step, in few words.
    pub fn told(&self) -> String {
        let step = |step: &Step| {
            let failure =
                step.failure().map_or(String::new(), |failure| format!(" {}: {}", failure.code, failure.detail));
            format!("{} {}{failure}", step.name(), step.status())
        };
        self.run().steps().iter().map(step).collect::<Vec<_>>().join(", ")
    }

    /// How often a workflow was dispatched.
    pub fn dispatches(&self, file: &str, mode: Option<&str>) -> usize {
        let state = self.world.state.borrow();
        let of_mode = |inputs: &std::collections::BTreeMap<String, String>| {
            mode.is_none_or(|mode| inputs.get("mode").is_some_and(|own| own == mode))
        };
        state.runs.iter().filter(|run| run.workflow == file && of_mode(&run.inputs)).count()
    }
}

pub fn why() -> rollback::Reason {
    "because".parse().unwrap()
}
