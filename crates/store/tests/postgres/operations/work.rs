//! Claiming jobs.

use rollback::{Environment, RunId};
use serde_json::json;
use store::operations::{Commit, Evidence, Job, Outcome, Then, claim, deliver, evidence_file};
use uuid::Uuid;

use super::office::Office;

/// Leaves nothing due but what a test puts there.
async fn quiet(office: &Office) {
    office.owner.batch_execute("delete from operations.job").await.unwrap();
}

async fn due(office: &Office) {
    office.owner.batch_execute("update operations.job set due_at = clock_timestamp()").await.unwrap();
}

async fn put(office: &Office, job: Job) {
    let mut commit = Commit::new();
    commit.job(job);
    assert_eq!(commit.send(&office.db).await.unwrap(), Outcome::Committed(None));
}

#[tokio::test]
async fn an_opened_incident_has_its_jobs() {
    let office = Office::open().await;
    quiet(&office).await;
    office.incident("abc", Environment::Production).await;
    let mut kinds = Vec::new();
    while let Some(claim) = claim(&office.db, 30).await.unwrap() {
        assert!(claim.snapshot.case.is_some() == (claim.kind != "drill"), "{}", claim.kind);
        kinds.push(claim.kind);
    }
    kinds.sort();
    assert_eq!(kinds, ["clock", "notify", "triage"]);
}

#[tokio::test]
async fn two_workers_never_have_one_job() {
    let office = Office::open().await;
    quiet(&office).await;
    let id = office.incident("abc", Environment::Production).await;
    quiet(&office).await;
    put(&office, Job::Clock(id)).await;
    put(&office, Job::Triage(id)).await;
    // One is being claimed: the other worker does not wait for it.
    office.owner.batch_execute("begin; select from operations.job where kind = 'clock' for update").await.unwrap();
    assert_eq!(claim(&office.db, 30).await.unwrap().unwrap().kind, "triage");
    assert!(claim(&office.db, 30).await.unwrap().is_none());
    office.owner.batch_execute("rollback").await.unwrap();
    assert_eq!(claim(&office.db, 30).await.unwrap().unwrap().kind, "clock");
    assert!(claim(&office.db, 30).await.unwrap().is_none());
}

#[tokio::test]
async fn who_was_overtaken_commits_nothing() {
    let office = Office::open().await;
    quiet(&office).await;
    let id = office.incident("abc", Environment::Production).await;
    quiet(&office).await;
    put(&office, Job::Clock(id)).await;
    let dead = claim(&office.db, 30).await.unwrap().unwrap();
    office.owner.batch_execute("update operations.job set lease_until = clock_timestamp()").await.unwrap();
    let alive = claim(&office.db, 30).await.unwrap().unwrap();
    let evidence = Evidence::new("text/plain", vec![7; 100], "a test");
    let under = |held, then| {
        let mut commit = Commit::new();
        commit.evidence(&evidence);
        commit.under(held, then);
        commit
    };
    assert_eq!(under(&dead, Then::Done).send(&office.db).await.unwrap(), Outcome::Fenced);
    assert_eq!(evidence_file(&office.db, evidence.digest).await.unwrap(), None);
    let notes = Some(json!({"seen": 1}));
    let then = Then::Again { seconds: 0.0, notes };
    assert_eq!(under(&alive, then).send(&office.db).await.unwrap(), Outcome::Committed(None));
    assert_eq!(evidence_file(&office.db, evidence.digest).await.unwrap().unwrap().evidence, evidence);
    let next = claim(&office.db, 30).await.unwrap().unwrap();
    assert_eq!(next.notes, json!({"seen": 1}));
    assert_eq!(under(&next, Then::Done).send(&office.db).await.unwrap(), Outcome::Committed(None));
    assert_eq!(office.count("job").await, 0);
}

#[tokio::test]
async fn a_job_that_is_woken_while_somebody_is_at_it_is_due_again() {
    let office = Office::open().await;
    quiet(&office).await;
    let id = office.incident("abc", Environment::Production).await;
    quiet(&office).await;
    put(&office, Job::Triage(id)).await;
    let held = claim(&office.db, 30).await.unwrap().unwrap();
    put(&office, Job::Triage(id)).await;
    let mut commit = Commit::new();
    commit.under(&held, Then::Done);
    assert_eq!(commit.send(&office.db).await.unwrap(), Outcome::Committed(None));
    assert!(claim(&office.db, 30).await.unwrap().is_some(), "what has woken it was not seen by whoever was at it");
}

#[tokio::test]
async fn a_delivery_of_github_wakes_the_runs_once() {
    let office = Office::open().await;
    quiet(&office).await;
    let id = office.incident("abc", Environment::Production).await;
    quiet(&office).await;
    let run = RunId::new(Uuid::now_v7());
    put(&office, Job::Step(id, run)).await;
    let later = "update operations.job set due_at = clock_timestamp() + interval '1 hour'";
    office.owner.batch_execute(later).await.unwrap();
    assert!(deliver(&office.db, "d-1", Some(RunId::new(Uuid::now_v7()))).await.unwrap());
    assert!(claim(&office.db, 30).await.unwrap().is_none());
    assert!(deliver(&office.db, "d-2", None).await.unwrap());
    assert!(claim(&office.db, 30).await.unwrap().is_some());
    due(&office).await;
    assert!(!deliver(&office.db, "d-2", None).await.unwrap());
}
