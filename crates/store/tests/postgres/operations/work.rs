//! Claiming jobs.

use rollback::{Environment, RunId, alert};
use serde_json::json;
use store::operations::{
    Commit, Evidence, Job, JobKind, Outcome, Then, claim, claim_of, deliver, evidence_file, take_in,
};
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
        assert!(claim.snapshot.case.is_some() == (claim.kind != JobKind::Drill), "{}", claim.kind);
        kinds.push(claim.kind.to_string());
    }
    kinds.sort();
    assert_eq!(kinds, ["clock", "notify", "triage"]);
}

/// The kinds of what is due, in the order in which it is claimed.
async fn turns(office: &Office) -> Vec<String> {
    let mut kinds = Vec::new();
    while let Some(claim) = claim(&office.db, 30).await.unwrap() {
        kinds.push(claim.kind.to_string());
    }
    kinds
}

#[tokio::test]
async fn people_are_told_first_and_what_nobody_has_looked_at_comes_next() {
    let office = Office::open().await;
    quiet(&office).await;
    let id = office.incident("abc", Environment::Production).await;
    put(&office, Job::Step(id, RunId::new(Uuid::now_v7()))).await;
    put(&office, Job::Validation(id)).await;
    // Whatever came first: the messages and the triage are the youngest.
    let ages = "update operations.job set due_at = clock_timestamp() - case kind when 'step' then interval '9 min' \
                when 'validation' then interval '8 min' when 'clock' then interval '7 min' else interval '1 s' end";
    office.owner.batch_execute(ages).await.unwrap();
    assert_eq!(turns(&office).await, ["notify", "triage", "step", "validation", "clock"]);

    // A channel that does not answer, and a system that does not, keep nobody waiting.
    let unanswered = "update operations.job set lease_until = null, notes = case kind \
                      when 'notify' then '{\"told\": {}, \"later\": {\"slack\": {\"tries\": 1}}}'::jsonb \
                      else '{\"tries\": 1}' end";
    office.owner.batch_execute(unanswered).await.unwrap();
    assert_eq!(turns(&office).await[..3], ["step", "validation", "clock"]);
}

#[tokio::test]
async fn who_only_tells_people_takes_nothing_else() {
    let office = Office::open().await;
    quiet(&office).await;
    office.incident("abc", Environment::Production).await;
    assert_eq!(claim_of(&office.db, 30, &[JobKind::Notify]).await.unwrap().unwrap().kind, JobKind::Notify);
    assert!(claim_of(&office.db, 30, &[JobKind::Notify]).await.unwrap().is_none());
    assert!(claim(&office.db, 30).await.unwrap().is_some());
}

#[tokio::test]
async fn what_a_notification_leaves_out_is_asked_for_once_at_a_time() {
    let office = Office::open().await;
    quiet(&office).await;
    let item = |fingerprint: &str| {
        json!({
            "status": "firing", "labels": {"alertname": "Many", "severity": "critical", "environment": "staging"},
            "annotations": {}, "startsAt": "2024-05-01T10:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": fingerprint,
        })
    };
    let body = json!({
        "version": "4", "receiver": "hubline", "groupKey": "g", "groupLabels": {"alertname": "Many"},
        "truncatedAlerts": 3, "alerts": [item("ab"), item("cd")],
    });
    let group = alert::read(body.to_string().as_bytes()).unwrap();
    for _ in 0..2 {
        assert_eq!(take_in(&office.db, &group, Uuid::now_v7).await.unwrap().len(), 2);
    }
    assert_eq!(office.count("job where kind = 'alerts'").await, 1);
    let claim = claim_of(&office.db, 30, &[JobKind::Alerts]).await.unwrap().unwrap();
    assert_eq!(claim.payload["labels"], json!({"alertname": "Many"}));
    assert_eq!((&claim.payload["environment"], &claim.payload["truncated"]), (&json!("staging"), &json!(3)));
    assert!(claim.snapshot.case.is_some());
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
    assert_eq!(claim(&office.db, 30).await.unwrap().unwrap().kind, JobKind::Triage);
    assert!(claim(&office.db, 30).await.unwrap().is_none());
    office.owner.batch_execute("rollback").await.unwrap();
    assert_eq!(claim(&office.db, 30).await.unwrap().unwrap().kind, JobKind::Clock);
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
