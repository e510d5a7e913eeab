//! Joining, leaving, sweeping.

use std::time::Duration;

use chat::{Attendance, Role, Status, wire::SweepChange};
use serde_json::json;
use store::Join;
use uuid::Uuid;

use crate::{
    client::Client,
    people::{carla, draft, id, node, nora, platform, seqs, theo, tina},
    server::Server,
};

#[tokio::test]
async fn a_join_answers_what_a_client_needs() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    chat.chatter("sr-1", 3).await;
    let joined = chat.join(&carla(), "sr-1", "a").await;
    assert_eq!((joined.last_seq, joined.version, joined.status), (3, 2, Status::Open));
    assert_eq!((joined.messages.len(), joined.has_more, joined.restarted), (0, false, false), "new messages only");
    assert_eq!(joined.who.technician_id.unwrap().as_str(), "theo");
    assert_eq!((joined.first_seq, joined.elsewhere), (1, Attendance::NOBODY));

    let joined = chat.join_after(&nora(), "sr-1", "b", Some(1), Some(&joined.epoch)).await;
    assert_eq!((seqs(&joined.messages), joined.has_more, joined.restarted), (vec![2, 3], false, false));
    assert_eq!(joined.elsewhere, Attendance::of(Role::Customer));
}

#[tokio::test]
async fn the_first_page_is_bounded() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    chat.chatter("sr-1", 205).await;
    let joined = chat.join_after(&carla(), "sr-1", "a", Some(0), None).await;
    assert_eq!((seqs(&joined.messages), joined.has_more), ((1..=200).collect(), true));
    let joined = chat.join_after(&carla(), "sr-1", "a", Some(5), None).await;
    assert_eq!((joined.messages.len(), joined.has_more), (200, false));
}

/// A relay takes 256 KiB for a client at a time, and more would be read for nobody.
#[tokio::test]
async fn the_first_page_is_bounded_in_bytes_too() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    let (carla, longest) = (carla(), draft("sr-1", &"😀".repeat(4_000)));
    for _ in 0..20 {
        let again = draft("sr-1", longest.body.as_str());
        chat.say(&carla, &again).await;
    }
    let joined = chat.join_after(&carla, "sr-1", "a", Some(0), None).await;
    assert_eq!((seqs(&joined.messages), joined.has_more), ((1..=16).collect(), true));
    let joined = chat.join_after(&carla, "sr-1", "a", Some(4), None).await;
    assert_eq!((seqs(&joined.messages), joined.has_more), ((5..=20).collect(), false), "just as many as fit");
}

#[tokio::test]
async fn a_number_of_another_history_counts_as_0() {
    let database = Server::shared().database().await;
    let (chat, owner) = (database.chat().await, database.owner().await);
    chat.open("sr-1").await;
    chat.chatter("sr-1", 3).await;
    let old = chat.join(&carla(), "sr-1", "a").await.epoch;
    let new: String = owner.value(store::sql::RENEW_EPOCH).await;
    assert_ne!(old, new);
    let joined = chat.join_after(&carla(), "sr-1", "a", Some(2), Some(&old)).await;
    assert_eq!((seqs(&joined.messages), joined.restarted, joined.epoch), (vec![1, 2, 3], true, new.clone()));
    let joined = chat.join_after(&carla(), "sr-1", "a", Some(2), Some(&new)).await;
    assert_eq!((seqs(&joined.messages), joined.restarted), (vec![3], false));
    let joined = chat.join_after(&carla(), "sr-1", "a", None, Some(&old)).await;
    assert_eq!((joined.messages.len(), joined.restarted), (0, false), "who has nothing misses nothing");
    assert_eq!(chat.sweep("a", Uuid::nil(), &[]).await.epoch, new);
}

#[tokio::test]
async fn a_number_beyond_the_last_one_counts_as_0() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    chat.chatter("sr-1", 3).await;
    let epoch = chat.join(&carla(), "sr-1", "a").await.epoch;
    for (after, epoch) in [(4, Some(epoch.as_str())), (4, None), (i64::MAX, Some(epoch.as_str()))] {
        let joined = chat.join_after(&carla(), "sr-1", "a", Some(after), epoch).await;
        assert_eq!((seqs(&joined.messages), joined.restarted, joined.last_seq), (vec![1, 2, 3], true, 3));
    }
    let joined = chat.join_after(&carla(), "sr-1", "a", Some(3), Some(&epoch)).await;
    assert_eq!((joined.messages.len(), joined.restarted), (0, false), "the last one is not beyond");
    chat.open("sr-2").await;
    let joined = chat.join_after(&carla(), "sr-2", "a", Some(0), Some(&epoch)).await;
    assert!(!joined.restarted, "who has nothing has nothing to lose");

    // Who came is told once, however often the database was asked.
    let (node, service_request_id, theo) = (&node("b"), &id("sr-1"), theo());
    let join =
        Join { node, incarnation: Uuid::nil(), actor: &theo, service_request_id, after_seq: Some(9), epoch: None };
    assert_eq!(store::join(&chat, &join).await.unwrap().unwrap().others.len(), 1);
}

#[tokio::test]
async fn strangers_join_nothing_and_leave_no_trace() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    for (stranger, service_request) in [(tina(), "sr-1"), (platform(), "sr-1"), (carla(), "sr-2")] {
        let join = Join {
            node: &node("a"),
            incarnation: Uuid::nil(),
            actor: &stranger,
            service_request_id: &id(service_request),
            after_seq: Some(0),
            epoch: None,
        };
        assert!(store::join(&chat, &join).await.unwrap().is_none());
    }
    assert!(chat.rung("sr-1").await.is_empty());
}

#[tokio::test]
async fn a_closed_conversation_is_joined_for_reading() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    chat.chatter("sr-1", 2).await;
    chat.put("sr-1", json!({"status": "closed"})).await;
    let joined = chat.join_after(&carla(), "sr-1", "a", Some(0), None).await;
    assert_eq!((joined.status, seqs(&joined.messages)), (Status::Closed, vec![1, 2]));
    assert!(joined.closed_at.is_some());
}

#[tokio::test]
async fn a_sweep_tells_what_differs() {
    let chat = Server::shared().database().await.chat().await;
    for name in ["same", "said", "moved", "closed"] {
        chat.open(name).await;
    }
    chat.chatter("said", 2).await;
    chat.put("moved", json!({"technicianId": "tina"})).await;
    chat.put("closed", json!({"status": "closed"})).await;
    let known = [("same", 1), ("said", 1), ("moved", 1), ("closed", 1), ("never", 7)];
    let mut changed = chat.sweep("a", Uuid::nil(), &known).await.changed;
    changed.sort_by(|one, other| one.id.cmp(&other.id));
    let told: Vec<_> = changed.iter().map(|it| (it.id.as_str(), it.version, it.last_seq, it.status)).collect();
    assert_eq!(
        told,
        [
            ("closed", 2, 0, Status::Closed),
            ("moved", 2, 0, Status::Open),
            ("never", SweepChange::VANISHED, 0, Status::Closed),
            ("said", 2, 2, Status::Open),
        ]
    );
    assert!(changed[0].closed_at.is_some());
    assert_eq!(changed[1].who.as_ref().unwrap().technician_id.as_ref().unwrap().as_str(), "tina");
    assert_eq!(changed[2].who, None);
    assert!(chat.sweep("a", Uuid::nil(), &[("same", 1)]).await.changed.is_empty());
}

/// Whatever the order of a join and a send, no message is missed: it is on the first page, or it rings the node.
#[tokio::test]
async fn a_message_is_on_the_first_page_or_rings_the_node() {
    let database = Server::shared().database().await;
    let (sending, joining, watching) = (database.chat().await, database.chat().await, database.owner().await);
    sending.open("sr-1").await;

    // A send that is not committed: the join waits for it and reads it.
    sending.batch_execute("begin").await.unwrap();
    let message = sending.say(&theo(), &draft("sr-1", "x")).await;
    let carla = carla();
    let join = joining.join_after(&carla, "sr-1", "a", Some(0), None);
    let commit = async {
        until_somebody_waits(&watching).await;
        sending.batch_execute("commit").await.unwrap();
    };
    let (joined, ()) = futures_util::join!(join, commit);
    assert_eq!(joined.messages, [message]);

    // A join that is not committed: the send waits for it and rings its node.
    joining.batch_execute("begin").await.unwrap();
    let joined = joining.join_after(&carla, "sr-1", "b", Some(1), None).await;
    assert!(joined.messages.is_empty());
    let commit = async {
        until_somebody_waits(&watching).await;
        joining.batch_execute("commit").await.unwrap();
    };
    let (rung, ()) = futures_util::join!(sending.rung("sr-1"), commit);
    assert_eq!(rung, ["a", "b"]);
}

/// The new parties are checked by what waited for their report.
#[tokio::test]
async fn a_send_that_waits_for_a_report_is_decided_by_it() {
    let database = Server::shared().database().await;
    let (sending, reporting, watching) = (database.chat().await, database.chat().await, database.owner().await);
    sending.open("sr-1").await;
    for (members, code) in [
        (json!({"technicianId": "tina"}), chat::ErrorCode::NotFound),
        (json!({"status": "closed"}), chat::ErrorCode::Closed),
    ] {
        reporting.batch_execute("begin").await.unwrap();
        reporting.put("sr-1", members).await;
        let report = async {
            until_somebody_waits(&watching).await;
            reporting.batch_execute("commit").await.unwrap();
        };
        let (theo, draft) = (theo(), draft("sr-1", "x"));
        let batch = [(&theo, &draft)];
        let (sent, ()) = futures_util::join!(sending.send(&batch), report);
        assert_eq!(crate::people::refused(&sent.outcomes[0]), code);
    }
}

async fn until_somebody_waits(watching: &Client) {
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    for _ in 0..200 {
        if watching.value::<i64>(waiting).await > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody waits");
}
