//! The audit log.

use std::collections::BTreeSet;

use rollback::{
    Command, Environment,
    audit::{Chain, Record},
};
use store::operations::{audit_page, incident_file};

use super::office::{Office, command_of};

#[tokio::test]
async fn the_chain_is_the_domains() {
    let office = Office::open().await;
    let id = office.incident("abc", Environment::Production).await;
    let seen = office.look(id).await;
    let reason = "größer als „0,5 s“ 🚨\u{2028}".parse().unwrap();
    office.put(&seen, &[command_of("carla", &seen, Command::Escalate { reason })]).await;
    let mut chain = Chain::default();
    let mut own = Chain::default();
    loop {
        let page = audit_page(&office.db, chain.length, 2).await.unwrap();
        if page.links.is_empty() {
            assert_eq!((page.length, page.head), (chain.length, Some(chain.head)));
            break;
        }
        for link in &page.links {
            chain.follow(link).unwrap();
            let record: Record = serde_json::from_str(&link.text).unwrap();
            assert_eq!(&own.append(&record).unwrap(), link);
        }
    }
    assert_eq!(chain.length, 4);
    let file = incident_file(&office.db, id).await.unwrap().unwrap();
    assert_eq!(file.timeline.len(), 2);
    assert_eq!(file.messages.len(), 2, "who is on call, and the commander");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_many_at_once_make_one_chain() {
    let office = Office::open().await;
    let appends = (0..8).map(async |number: usize| {
        let db = office.database.operations().await;
        let environment = if number.is_multiple_of(2) { Environment::Production } else { Environment::Staging };
        loop {
            let seen = store::operations::snapshot(&db, None, None, None).await.unwrap();
            let change = super::office::opening(&format!("f{number}"), environment);
            let outcome = super::office::decision(&seen, &[change]).send(&db).await.unwrap();
            if let store::operations::Outcome::Committed(Some(seq)) = outcome {
                return seq;
            }
        }
    });
    let numbers: BTreeSet<i64> = futures_util::future::join_all(appends).await.into_iter().collect();
    assert_eq!(numbers.len(), 8);
    let page = audit_page(&office.db, 0, 1000).await.unwrap();
    assert_eq!(Chain::verify(&page.links).unwrap().length, page.length);
}

#[tokio::test]
async fn a_change_behind_the_databases_back_is_found() {
    let office = Office::open().await;
    office.incident("abc", Environment::Production).await;
    office.incident("def", Environment::Production).await;
    // As whoever owns the table can.
    office
        .owner
        .batch_execute(
            "alter table operations.audit disable trigger user;
            update operations.audit set text = replace(text, 'abc', 'abd') where seq = 3",
        )
        .await
        .unwrap();
    let page = audit_page(&office.db, 0, 1000).await.unwrap();
    assert_eq!(Chain::verify(&page.links).unwrap_err().to_string(), "link 3 was changed");
}
