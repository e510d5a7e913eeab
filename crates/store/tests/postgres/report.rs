//! Service requests, as their owner reports them.

use chat::Status;
use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use serde_json::json;
use store::{Expected, Put};

use crate::{
    client::Client,
    people::{carla, id},
    server::Server,
};

/// Reports, and answers whether it was created, whether anything changed, the version and the nodes to ring.
async fn put(chat: &Client, members: serde_json::Value) -> (bool, bool, i64, usize) {
    match chat.report("sr-1", members, &Expected::default()).await {
        Put::Stored { created, changed, .. } => {
            let version = "select version from hubline.service_request";
            let nodes = changed.as_ref().map_or(0, |conversation| conversation.nodes.len());
            (created, changed.is_some(), chat.value(version).await, nodes)
        }
        refused => panic!("{refused:?}"),
    }
}

#[tokio::test]
async fn every_change_has_its_version_and_rings_the_nodes() {
    let chat = Server::shared().database().await.chat().await;
    assert_eq!(put(&chat, json!({})).await, (true, true, 1, 0));
    chat.join(&carla(), "sr-1", "a").await;
    assert_eq!(put(&chat, json!({})).await, (false, false, 1, 0), "the same again is no change");
    assert_eq!(put(&chat, json!({"technicianId": "tina"})).await, (false, true, 2, 1));
    assert_eq!(put(&chat, json!({"technicianId": null})).await, (false, true, 3, 1));
    assert_eq!(put(&chat, json!({"technicianId": null})).await, (false, false, 3, 0));
    assert_eq!(put(&chat, json!({"status": "closed"})).await, (false, true, 4, 1));
    assert_eq!(put(&chat, json!({"status": "closed"})).await, (false, false, 4, 0));
    assert_eq!(put(&chat, json!({})).await, (false, true, 5, 1));
}

#[tokio::test]
async fn a_closing_is_dated_by_its_owner_and_recorded_once() {
    let database = Server::shared().database().await;
    let (chat, owner) = (database.chat().await, database.owner().await);
    chat.open("sr-1").await;
    let recorded = "select hubline.micros(closing_recorded_at) from hubline.service_request";

    let closed = chat.put("sr-1", json!({"status": "closed", "closedAt": "2020-02-29T12:00:00.123456Z"})).await;
    assert_eq!(closed.closed_at.unwrap().to_rfc3339(), "2020-02-29T12:00:00.123456+00:00");
    let first: i64 = owner.value(recorded).await;
    assert!((Utc::now().timestamp_micros() - first).abs() < 60_000_000);

    let undated = chat.put("sr-1", json!({"status": "closed"})).await;
    assert_eq!(undated.closed_at, closed.closed_at, "what it does not say anew stays");
    let corrected = chat.put("sr-1", json!({"status": "closed", "closedAt": "2021-01-01T00:00:00Z"})).await;
    assert_eq!(corrected.closed_at.unwrap().to_rfc3339(), "2021-01-01T00:00:00+00:00");
    assert_eq!(owner.value::<i64>(recorded).await, first);

    let reopened = chat.put("sr-1", json!({})).await;
    assert_eq!((reopened.status, reopened.closed_at), (Status::Open, None));
    assert_eq!(owner.value::<Option<i64>>(recorded).await, None);

    let closed_now = chat.put("sr-1", json!({"status": "closed"})).await;
    assert_eq!(closed_now.closed_at.unwrap().timestamp_micros(), owner.value::<i64>(recorded).await);
}

#[tokio::test]
async fn a_closing_in_the_future_is_refused_and_nothing_stored() {
    let chat = Server::shared().database().await.chat().await;
    for ahead in [TimeDelta::seconds(75), TimeDelta::days(300_000)] {
        let future = json!({"status": "closed", "closedAt": (Utc::now() + ahead).to_rfc3339()});
        assert!(matches!(chat.report("sr-1", future, &Expected::default()).await, Put::ClosedInFuture));
    }
    assert!(store::service_request(&chat, &id("sr-1"), &carla()).await.unwrap().is_none());
    let ancient = chat.put("sr-1", json!({"status": "closed", "closedAt": "0001-01-01T00:00:00.000001Z"})).await;
    assert_eq!(ancient.closed_at.unwrap().to_rfc3339(), "0001-01-01T00:00:00.000001+00:00");
}

#[tokio::test]
async fn a_clock_that_is_ahead_closes_now_and_the_same_report_again_changes_nothing() {
    let chat = Server::shared().database().await.chat().await;
    for (n, ahead) in [TimeDelta::milliseconds(10), TimeDelta::seconds(45)].into_iter().enumerate() {
        let name = format!("sr-{n}");
        chat.open(&name).await;
        let said = json!({"status": "closed", "closedAt": (Utc::now() + ahead).to_rfc3339(), "revision": 1});
        let closed = chat.put(&name, said.clone()).await;
        let by = closed.closed_at.unwrap();
        assert!(by <= Utc::now() + TimeDelta::milliseconds(10), "it is taken as now: {by}");
        // By now it may lie in the past; it is the same report all the same.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        assert_eq!(chat.put(&name, said.clone()).await, closed);
        let undated = json!({"status": "closed", "closedAt": said["closedAt"]});
        assert_eq!(chat.put(&name, undated).await, closed, "without a revision too");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_first_reports_creates() {
    let clients = Server::shared().database().await.chats(12).await;
    let puts = join_all(clients.iter().map(|chat| put(chat, json!({})))).await;
    assert_eq!(puts.iter().filter(|(created, ..)| *created).count(), 1);
    assert!(puts.iter().all(|(.., version, _)| *version == 1));
}
