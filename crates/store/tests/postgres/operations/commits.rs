//! Commits that meet.

use rollback::{Command, Digest, Environment, IncidentState, idempotency::request_digest};
use store::operations::{ATTEMPTS, Answer, Commit, Outcome, snapshot};

use super::office::{Office, asking, command_of, decision, opening};

#[tokio::test]
async fn what_was_decided_on_an_older_version_is_decided_again() {
    let office = Office::open().await;
    let id = office.incident("abc", Environment::Production).await;
    let seen = office.look(id).await;
    let first = command_of("olaf", &seen, Command::Acknowledge);
    office.put(&seen, &[first]).await;
    let late = command_of("carla", &seen, Command::Escalate { reason: "why".parse().unwrap() });
    let before = office.count("audit").await;
    assert_eq!(decision(&seen, &[late]).send(&office.db).await.unwrap(), Outcome::Conflict);
    assert_eq!(office.count("audit").await, before, "nothing of it is written");
    let seen = office.look(id).await;
    let again = command_of("carla", &seen, Command::Escalate { reason: "why".parse().unwrap() });
    office.put(&seen, &[again]).await;
}

#[tokio::test]
async fn another_environment_is_not_in_the_way() {
    let office = Office::open().await;
    let seen = snapshot(&office.db, None, None, None).await.unwrap();
    office.put(&seen, &[opening("abc", Environment::Staging)]).await;
    office.put(&seen, &[opening("abc", Environment::Production)]).await;
}

#[tokio::test]
async fn whoever_loses_a_principal_is_judged_anew() {
    let office = Office::open().await;
    let id = office.incident("abc", Environment::Production).await;
    let seen = office.look(id).await;
    let change = command_of("olaf", &seen, Command::Acknowledge);
    office.revoke("olaf").await;
    assert_eq!(decision(&seen, &[change]).send(&office.db).await.unwrap(), Outcome::Conflict);
    assert!(office.look(id).await.principals.iter().any(|row| row.person.as_str() == "olaf" && row.revoked));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_open_the_same_incident_one_does() {
    let office = Office::open().await;
    let clients = futures_util::future::join_all((0..6).map(|_| office.database.operations())).await;
    let open = clients.iter().map(async |db| {
        for _ in 0..ATTEMPTS * 4 {
            let seen = snapshot(db, None, None, None).await.unwrap();
            match decision(&seen, &[opening("abc", Environment::Production)]).send(db).await.unwrap() {
                Outcome::Committed(_) => return true,
                Outcome::Conflict => {}
                other => panic!("{other:?}"),
            }
        }
        false
    });
    let opened = futures_util::future::join_all(open).await;
    assert_eq!(opened.into_iter().filter(|opened| *opened).count(), 1);
    assert_eq!(office.count("incident").await, 1);
}

#[tokio::test]
async fn a_kind_has_one_run_that_is_not_over_in_an_environment() {
    let office = Office::open().await;
    let (one, other) = (office.decided("abc").await, office.decided("def").await);
    let (first, second) = (office.look(one).await, office.look(other).await);
    let late = command_of("olaf", &second, asking());
    office.put(&first, &[command_of("olaf", &first, asking())]).await;
    assert_eq!(decision(&second, std::slice::from_ref(&late)).send(&office.db).await.unwrap(), Outcome::Conflict);
    // Even on the version of now, which no decision of the domain would have come to.
    let now = office.look(other).await;
    assert_eq!(decision(&now, &[late]).send(&office.db).await.unwrap(), Outcome::Conflict);
    assert_eq!(office.count("run where standing is not null").await, 1);
    let seen = office.look(other).await;
    assert!(!seen.context().neighbours.is_empty());
}

#[tokio::test]
async fn a_plan_is_spent_once() {
    let office = Office::open().await;
    let id = office.decided("abc").await;
    let plan = Digest::of(b"a plan");
    let seen = office.look(id).await;
    let mut change = command_of("olaf", &seen, asking());
    change.spent_plan = Some(plan);
    office.put(&seen, &[change]).await;
    let seen = office.look(id).await;
    assert_eq!(seen.context().spent_plans, [plan]);
    let mut again = command_of("olaf", &seen, Command::Cancel { reason: "why".parse().unwrap() });
    again.spent_plan = Some(plan);
    assert_eq!(decision(&seen, &[again]).send(&office.db).await.unwrap(), Outcome::Conflict);
    assert_eq!(office.count("spent_plan").await, 1);
}

#[tokio::test]
async fn a_command_with_a_key_is_done_once() {
    let office = Office::open().await;
    let id = office.incident("abc", Environment::Production).await;
    let (person, key) = ("olaf".parse().unwrap(), "k-1".parse().unwrap());
    let answer = Answer {
        request: request_digest(&person, "POST", "/ops/incidents/1/acknowledge", b""),
        status: 200,
        body: "{}".into(),
    };
    let seen = snapshot(&office.db, Some(id), None, Some((&person, &key))).await.unwrap();
    assert_eq!(seen.answer, None);
    let mut commit = decision(&seen, &[command_of("olaf", &seen, Command::Acknowledge)]);
    commit.answer(&person, &key, &answer);
    assert!(matches!(commit.send(&office.db).await.unwrap(), Outcome::Committed(_)));
    let records = office.count("audit").await;
    // By another's key it is another command; and the same one gets its answer whether it looks first or not.
    let seen = snapshot(&office.db, Some(id), None, Some((&person, &key))).await.unwrap();
    assert_eq!(seen.answer.as_ref(), Some(&answer));
    assert_eq!(seen.case.as_ref().unwrap().incident().state(), IncidentState::Acknowledged);
    let mut again = Commit::new();
    again.answer(&person, &key, &Answer { status: 500, ..answer.clone() });
    assert_eq!(again.send(&office.db).await.unwrap(), Outcome::Repeated(answer));
    assert_eq!(office.count("audit").await, records);
    let others = snapshot(&office.db, Some(id), None, Some((&"carla".parse().unwrap(), &key))).await.unwrap();
    assert_eq!(others.answer, None);
}

#[tokio::test]
async fn a_halt_is_for_every_environment_and_decides_anew() {
    let office = Office::open().await;
    let id = office.incident("abc", Environment::Staging).await;
    let seen = office.look(id).await;
    let mut commit = Commit::new();
    commit.halt(seen.reading(), true);
    assert_eq!(commit.send(&office.db).await.unwrap(), Outcome::Committed(None));
    assert_eq!(commit.send(&office.db).await.unwrap(), Outcome::Conflict);
    assert!(office.look(id).await.context().halted);
    assert_eq!(office.count("environment where halted").await, 2);
}
