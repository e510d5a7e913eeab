//! Service requests, as their owner reports them.

use chat::Status;
use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use serde_json::json;
use store::Put;

use crate::{
    client::Client,
    people::{carla, id, report},
    server::Server,
};

/// Reports, and answers whether it was created, whether anything changed, the version and the nodes to ring.
async fn put(chat: &Client, members: serde_json::Value) -> (bool, bool, i64, usize) {
    match store::put_service_request(chat, &id("sr-1"), &report(members)).await.unwrap() {
        Put::Stored { created, changed, conversation, .. } => {
            (created, changed, conversation.version, conversation.nodes.len())
        }
        Put::ClosedInFuture => panic!("closed in the future"),
    }
}

#[tokio::test]
async fn every_change_has_its_version_and_rings_the_nodes() {
    let chat = Server::shared().database().await.chat().await;
    assert_eq!(put(&chat, json!({})).await, (true, true, 1, 0));
    chat.join(&carla(), "sr-1", "a").await;
    assert_eq!(put(&chat, json!({})).await, (false, false, 1, 1), "the same again is no change");
    assert_eq!(put(&chat, json!({"technicianId": "tina"})).await, (false, true, 2, 1));
    assert_eq!(put(&chat, json!({"technicianId": null})).await, (false, true, 3, 1));
    assert_eq!(put(&chat, json!({"technicianId": null})).await, (false, false, 3, 1));
    assert_eq!(put(&chat, json!({"status": "closed"})).await, (false, true, 4, 1));
    assert_eq!(put(&chat, json!({"status": "closed"})).await, (false, false, 4, 1));
    assert_eq!(put(&chat, json!({})).await, (false, true, 5, 1));
}

#[tokio::test]
async fn a_closing_is_dated_by_its_owner_and_recorded_once() {
    let database = Server::shared().database().await;
    let (chat, owner) = (database.chat().await, database.owner().await);
    chat.open("sr-1").await;
    let recorded = "select hubline.micros(closing_recorded_at) from hubline.service_request";

    let closed = chat.put("sr-1", json!({"status": "closed", "closedAt": "2020-02-29T12:00:00.123456Z"})).await;
    assert_eq!(closed.report.closed_at.unwrap().to_rfc3339(), "2020-02-29T12:00:00.123456+00:00");
    let first: i64 = owner.value(recorded).await;
    assert!((Utc::now().timestamp_micros() - first).abs() < 60_000_000);

    let undated = chat.put("sr-1", json!({"status": "closed"})).await;
    assert_eq!(undated.report.closed_at, closed.report.closed_at, "what it does not say anew stays");
    let corrected = chat.put("sr-1", json!({"status": "closed", "closedAt": "2021-01-01T00:00:00Z"})).await;
    assert_eq!(corrected.report.closed_at.unwrap().to_rfc3339(), "2021-01-01T00:00:00+00:00");
    assert_eq!(owner.value::<i64>(recorded).await, first);

    let reopened = chat.put("sr-1", json!({})).await;
    assert_eq!((reopened.report.status, reopened.report.closed_at), (Status::Open, None));
    assert_eq!(owner.value::<Option<i64>>(recorded).await, None);

    let closed_now = chat.put("sr-1", json!({"status": "closed"})).await;
    assert_eq!(closed_now.report.closed_at.unwrap().timestamp_micros(), owner.value::<i64>(recorded).await);
}

#[tokio::test]
async fn a_closing_in_the_future_is_refused_and_nothing_stored() {
    let chat = Server::shared().database().await.chat().await;
    for ahead in [TimeDelta::seconds(30), TimeDelta::days(300_000)] {
        let future = report(json!({"status": "closed", "closedAt": (Utc::now() + ahead).to_rfc3339()}));
        let put = store::put_service_request(&chat, &id("sr-1"), &future).await.unwrap();
        assert!(matches!(put, Put::ClosedInFuture));
    }
    assert!(store::service_request(&chat, &id("sr-1"), &carla()).await.unwrap().is_none());
    let ancient = chat.put("sr-1", json!({"status": "closed", "closedAt": "0001-01-01T00:00:00.000001Z"})).await;
    assert_eq!(ancient.report.closed_at.unwrap().to_rfc3339(), "0001-01-01T00:00:00.000001+00:00");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_first_reports_creates() {
    let clients = Server::shared().database().await.chats(12).await;
    let puts = join_all(clients.iter().map(|chat| put(chat, json!({})))).await;
    assert_eq!(puts.iter().filter(|(created, ..)| *created).count(), 1);
    assert!(puts.iter().all(|(.., version, _)| *version == 1));
}
