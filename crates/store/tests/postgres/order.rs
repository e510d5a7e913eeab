//! Reports that come late, twice, and in any order.

use chat::wire::ServiceRequest;
use futures_util::future::join_all;
use serde_json::{Value, json};
use store::{Batch, Expected, Put};

use crate::{
    client::Client,
    people::{carla, draft, id, platform, refused, theo},
    server::Server,
};

/// What a report came to: the revision and the status that are stored, or why it was refused.
fn told(put: &Put) -> String {
    match put {
        Put::Stored { service_request: it, .. } => format!("{:?} {}", it.revision, it.status),
        Put::ClosedInFuture => "future".into(),
        Put::Stale => "stale".into(),
        Put::Mismatch => "mismatch".into(),
    }
}

async fn told_of(chat: &Client, members: Value) -> String {
    told(&chat.report("sr-1", members, &Expected::default()).await)
}

async fn read(chat: &Client) -> ServiceRequest {
    store::service_request(chat, &id("sr-1"), &platform()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_late_report_opens_nothing_and_lets_nobody_back_in() {
    let chat = Server::shared().database().await.chat().await;
    let opened = json!({"revision": 1});
    let reassigned = json!({"revision": 2, "technicianId": "tina"});
    let closed = json!({"revision": 3, "technicianId": "tina", "status": "closed"});
    for report in [&opened, &reassigned, &closed] {
        chat.put("sr-1", report.clone()).await;
    }
    let before = read(&chat).await;
    for late in [&opened, &reassigned, &json!({"revision": 0}), &json!({"revision": 3, "technicianId": "theo"})] {
        assert_eq!(told_of(&chat, late.clone()).await, "stale", "{late}");
    }
    // Another one in the same place: what of it would be new can't be told from what would be old.
    for other in [
        json!({"revision": 3, "technicianId": "tina", "status": "open"}),
        json!({"revision": 3, "technicianId": "tina", "status": "closed", "closedAt": "2020-01-01T00:00:00Z"}),
        json!({"revision": 3, "technicianId": "tina", "status": "closed", "customerId": "cora"}),
    ] {
        assert_eq!(told_of(&chat, other.clone()).await, "stale", "{other}");
    }
    assert_eq!(told_of(&chat, closed).await, "Some(3) closed", "its own repetition is answered as it was");
    assert_eq!(read(&chat).await, before, "and nothing has changed");
    let sent = chat.send(&[(&theo(), &draft("sr-1", "late"))]).await;
    assert_eq!(refused(&sent.outcomes[0]), chat::ErrorCode::NotFound);
    let later = json!({"revision": 9_000_000_000_000_000_000_i64});
    assert_eq!(told_of(&chat, later).await, "Some(9000000000000000000) open");
}

#[tokio::test]
async fn a_report_without_a_revision_replaces_and_leaves_the_order_as_it_is() {
    let chat = Server::shared().database().await.chat().await;
    assert_eq!(told_of(&chat, json!({})).await, "None open");
    assert_eq!(told_of(&chat, json!({"revision": 5})).await, "Some(5) open");
    assert_eq!(told_of(&chat, json!({"status": "closed"})).await, "Some(5) closed");
    // What it has replaced is not put back by who comes late.
    assert_eq!(told_of(&chat, json!({"revision": 4})).await, "stale");
    assert_eq!(told_of(&chat, json!({"revision": 5})).await, "stale");
    assert_eq!(told_of(&chat, json!({"revision": 6})).await, "Some(6) open");
}

#[tokio::test]
async fn what_was_seen_must_be_the_case() {
    let chat = Server::shared().database().await.chat().await;
    let seen = |tag: &str| Expected { seen: Some(vec![ServiceRequest::reported(tag).to_owned()]), nothing: false };
    let any = Expected { seen: Some(vec!["*".into()]), nothing: false };
    let nothing = Expected { seen: None, nothing: true };
    assert_eq!(told(&chat.report("sr-1", json!({}), &any).await), "mismatch", "there is nothing");
    assert_eq!(told(&chat.report("sr-1", json!({}), &seen("x.1.0")).await), "mismatch");
    assert!(store::service_request(&chat, &id("sr-1"), &platform()).await.unwrap().is_none());
    assert_eq!(told(&chat.report("sr-1", json!({}), &nothing).await), "None open");
    let first = read(&chat).await.tag();
    assert_eq!(told(&chat.report("sr-1", json!({"technicianId": "tina"}), &nothing).await), "mismatch");

    // Somebody says something meanwhile: the tag is another one, and whoever reports does not mind.
    chat.say(&carla(), &draft("sr-1", "hello")).await;
    assert_ne!(read(&chat).await.tag(), first);
    let tina = json!({"technicianId": "tina"});
    assert_eq!(told(&chat.report("sr-1", tina.clone(), &seen(&first)).await), "None open");
    let second = read(&chat).await.tag();
    assert_eq!(told(&chat.report("sr-1", json!({"status": "closed"}), &seen(&first)).await), "mismatch");
    assert_eq!(read(&chat).await.tag(), second);
    assert_eq!(
        told(&chat.report("sr-1", tina, &seen(&first)).await),
        "None open",
        "whoever has not heard the answer asks again, and what they want is the case"
    );
    let both = Expected { seen: Some(vec!["x".into(), ServiceRequest::reported(&second).to_owned()]), nothing: false };
    assert_eq!(told(&chat.report("sr-1", json!({"status": "closed"}), &both).await), "None closed");
    assert_eq!(told(&chat.report("sr-1", json!({}), &any).await), "None open");
}

#[tokio::test]
async fn another_history_has_other_tags() {
    let database = Server::shared().database().await;
    let (chat, owner) = (database.chat().await, database.owner().await);
    chat.open("sr-1").await;
    let seen = ServiceRequest::reported(&read(&chat).await.tag()).to_owned();
    owner.batch_execute("select hubline.renew_epoch()").await.unwrap();
    let expected = Expected { seen: Some(vec![seen]), nothing: false };
    assert_eq!(told(&chat.report("sr-1", json!({"status": "closed"}), &expected).await), "mismatch");
}

/// A platform's outbox sends again what it does not know the outcome of, and its bus delivers in any order, from several
/// workers at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_order_reports_come_in_the_last_one_holds() {
    const REVISIONS: usize = 24;
    let clients = Server::shared().database().await.chats(8).await;
    let report = |revision: usize| {
        let technician = ["theo", "tina", "tom"][revision % 3];
        let status = if revision.is_multiple_of(4) { "closed" } else { "open" };
        json!({"revision": revision, "technicianId": technician, "status": status})
    };
    let workers = clients.iter().enumerate().map(|(worker, chat)| async move {
        let mut highest = 0;
        for step in 0..60 {
            // Another order for each worker, each report several times.
            let revision = (step * (2 * worker + 5) + worker * 7) % REVISIONS;
            chat.report("sr-1", report(revision), &Expected::default()).await;
            highest = highest.max(revision);
            let stored = read(chat).await.revision.unwrap();
            assert!(stored >= highest as i64, "{stored} after {highest}");
        }
    });
    join_all(workers).await;
    let last = read(&clients[0]).await;
    let expected = report(REVISIONS - 1);
    assert_eq!(last.revision, Some(REVISIONS as i64 - 1));
    assert_eq!(last.technician_id.unwrap().as_str(), expected["technicianId"]);
    assert_eq!(last.status.as_str(), expected["status"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_have_seen_the_same_one_reports() {
    let clients = Server::shared().database().await.chats(2).await;
    clients[0].open("sr-1").await;
    for round in 0..20 {
        let seen = Some(vec![ServiceRequest::reported(&read(&clients[0]).await.tag()).to_owned()]);
        let expected = Expected { seen, nothing: false };
        let reports = clients.iter().enumerate().map(|(place, chat)| {
            let report = json!({"technicianId": format!("technician-{round}-{place}")});
            let expected = &expected;
            async move { told(&chat.report("sr-1", report, expected).await) }
        });
        let mut outcomes = join_all(reports).await;
        outcomes.sort();
        assert_eq!(outcomes, ["None open", "mismatch"]);
    }
}

/// A platform that sends all it knows again, every night even, does not bring back who was forgotten.
#[tokio::test]
async fn what_is_purged_stays_so_however_often_its_closing_is_reported() {
    let database = Server::shared().database().await;
    let (chat, owner, purge) = (database.chat().await, database.owner().await, database.purge().await);
    let opened = json!({"revision": 1});
    let closed = json!({"revision": 2, "status": "closed", "closedAt": "2020-01-01T00:00:00Z"});
    chat.put("sr-1", opened.clone()).await;
    chat.chatter("sr-1", 3).await;
    chat.put("sr-1", closed.clone()).await;
    let backdate = "update hubline.service_request set closing_recorded_at = '2020-01-01'";
    owner.batch_execute(&format!("set role hubline_owner; {backdate}; reset role")).await.unwrap();
    store::purge(&purge, Batch { messages: 10, service_requests: 10 }).await.unwrap();
    let purged = read(&chat).await;
    assert_eq!((&purged.customer_id, purged.last_seq), (&None, 3));

    assert_eq!(told_of(&chat, opened).await, "stale");
    assert_eq!(told_of(&chat, closed.clone()).await, "Some(2) closed");
    for again in [json!({}), json!({"revision": 7})] {
        let mut report = closed.clone();
        report.as_object_mut().unwrap().remove("revision");
        report.as_object_mut().unwrap().extend(again.as_object().unwrap().clone());
        for _ in 0..2 {
            let put = chat.report("sr-1", report.clone(), &Expected::default()).await;
            let Put::Stored { service_request, changed, .. } = put else { panic!("{put:?}") };
            assert_eq!((service_request.customer_id, service_request.technician_id), (None, None));
            assert!(changed.is_none(), "nobody is rung");
        }
    }
    assert_eq!(store::retention(&purge).await.unwrap().due, 0, "and there is nothing to do");
    // But what is open again, or closed lately, has people.
    let lately = json!({"revision": 8, "status": "closed", "closedAt": chrono::Utc::now().to_rfc3339()});
    assert!(chat.put("sr-1", lately).await.customer_id.is_some());
    assert_eq!(store::retention(&purge).await.unwrap().due, 0);
    assert!(chat.put("sr-1", json!({"revision": 9})).await.customer_id.is_some());
    assert_eq!(chat.say(&carla(), &draft("sr-1", "again")).await.seq, 4);
}
