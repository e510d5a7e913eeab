//! A database of operations with people and incidents in it.

use chrono::Utc;
use rollback::{
    Actor, ApplicationRequest, Case, Change, Command, Environment, IncidentId, NewIncident, Request, Role, RunId,
    Strategy, Target,
    audit::{Event, Record, Subject},
    canonical,
};
use store::operations::{Commit, Outcome, Snapshot, snapshot, sql};
use uuid::Uuid;

use crate::{
    client::Client,
    server::{Database, Server},
};

/// A database of operations, with connections as its owner and as a function.
pub struct Office {
    pub database: Database,
    pub owner: Client,
    pub db: Client,
}

impl Office {
    /// A new one, in which Olaf operates and Carla commands.
    pub async fn open() -> Self {
        let database = Server::shared().operations_database().await;
        let (owner, db) = (database.owner().await, database.operations().await);
        let office = Self { database, owner, db };
        office.grant("olaf", Role::Operator).await;
        office.grant("carla", Role::Commander).await;
        office
    }

    /// Says what somebody may be.
    pub async fn grant(&self, person: &str, role: Role) {
        self.put_principal(person, &[role.as_str()]).await;
    }

    /// Withdraws whatever somebody might be.
    pub async fn revoke(&self, person: &str) {
        self.put_principal(person, &[]).await;
    }

    async fn put_principal(&self, person: &str, roles: &[&str]) {
        let event = Event::Escalated { reason: "a record".parse().unwrap() };
        let record = Record { at: Utc::now(), actor: None, subject: Subject::default(), event };
        let record = canonical::text(&record).unwrap();
        let (scopes, revoked): (&[&str], _) = (&[], roles.is_empty());
        self.owner.query_one(sql::PUT_PRINCIPAL, &[&person, &roles, &scopes, &revoked, &record]).await.unwrap();
    }

    /// What is the case around an incident.
    pub async fn look(&self, incident: IncidentId) -> Snapshot {
        snapshot(&self.db, Some(incident), None, None).await.unwrap()
    }

    /// Commits changes, which nothing is in the way of.
    pub async fn put(&self, seen: &Snapshot, changes: &[Change]) {
        let outcome = decision(seen, changes).send(&self.db).await.unwrap();
        assert!(matches!(outcome, Outcome::Committed(Some(_))), "{outcome:?}");
    }

    /// Opens an incident.
    pub async fn incident(&self, fingerprint: &str, environment: Environment) -> IncidentId {
        let seen = snapshot(&self.db, None, None, None).await.unwrap();
        let change = opening(fingerprint, environment);
        self.put(&seen, std::slice::from_ref(&change)).await;
        change.case.incident().id()
    }

    /// Brings an incident to where a run can be opened.
    pub async fn decided(&self, fingerprint: &str) -> IncidentId {
        let id = self.incident(fingerprint, Environment::Production).await;
        for command in
            [Command::Acknowledge, Command::Decide { strategy: Strategy::Application, reason: "why".parse().unwrap() }]
        {
            let seen = self.look(id).await;
            let change = command_of("olaf", &seen, command);
            self.put(&seen, &[change]).await;
        }
        id
    }

    /// How many rows there are.
    pub async fn count(&self, from: &str) -> i64 {
        self.owner.value(&format!("select count(*) from operations.{from}")).await
    }
}

/// A commit of changes.
pub fn decision(seen: &Snapshot, changes: &[Change]) -> Commit {
    let mut commit = Commit::new();
    commit.decide(seen.reading(), changes).unwrap();
    commit
}

/// What opens an incident.
pub fn opening(fingerprint: &str, environment: Environment) -> Change {
    let new = NewIncident {
        id: IncidentId::new(Uuid::now_v7()),
        target: Target::live(environment),
        fingerprint: fingerprint.parse().unwrap(),
        name: "HighAPILatency".parse().unwrap(),
        alerted_at: Utc::now(),
        firing: true,
        previous: None,
        drill: None,
    };
    Case::open(new, None, Utc::now())
}

/// What a person's command comes to.
pub fn command_of(person: &str, seen: &Snapshot, command: Command) -> Change {
    let by = Actor { person: person.parse().unwrap(), claimed: Role::ALL.iter().copied().collect() };
    seen.case.as_ref().unwrap().command(command, &by, None, &seen.context()).unwrap()
}

/// Asking for a rollback of an application.
pub fn asking() -> Command {
    Command::OpenRun {
        id: RunId::new(Uuid::now_v7()),
        request: Request::Application(ApplicationRequest { application: "orders".parse().unwrap(), tag: None }),
        runbook: "1.0.0".parse().unwrap(),
    }
}
