//! Sending while another transaction holds a conversation.

use std::time::{Duration, Instant};

use chat::{ErrorCode, Status, wire::Outcome};
use serde_json::json;

use crate::{
    client::Client,
    people::{carla, draft, refused, seqs, stored, theo},
    server::Server,
};

/// How long these tests let a batch wait, in milliseconds.
const PATIENCE: Option<i64> = Some(60);

/// Takes hold of a conversation until the transaction of this connection ends.
async fn hold(other: &Client, service_request: &str) {
    other.batch_execute("begin").await.unwrap();
    let lock = "select from hubline.service_request where id = $1 for no key update";
    other.query_one(lock, &[&service_request]).await.unwrap();
}

#[tokio::test]
async fn the_rest_of_a_batch_is_stored_and_what_is_held_is_not() {
    let database = Server::shared().database().await;
    let (chat, other) = (database.chat().await, database.owner().await);
    for name in ["sr-1", "sr-2", "sr-3"] {
        chat.open(name).await;
    }
    let (carla, theo) = (carla(), theo());
    let known = draft("sr-2", "known");
    chat.say(&carla, &known).await;
    hold(&other, "sr-2").await;

    let (a, b, c, d) = (draft("sr-1", "a"), draft("sr-2", "b"), draft("sr-3", "c"), draft("sr-2", "d"));
    let strange = draft("sr-none", "x");
    let batch = [(&carla, &a), (&carla, &b), (&theo, &c), (&carla, &known), (&theo, &d), (&carla, &strange)];
    let began = Instant::now();
    let sent = chat.send_within(&batch, PATIENCE).await;
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    assert_eq!(stored(&sent.outcomes[0]).1.seq, 1);
    assert_eq!(sent.outcomes[1], Outcome::BUSY);
    assert_eq!(stored(&sent.outcomes[2]).1.seq, 1);
    assert_eq!(stored(&sent.outcomes[3]).1.seq, 1, "what is stored is answered, whoever holds it");
    assert_eq!(sent.outcomes[4], Outcome::BUSY);
    assert_eq!(refused(&sent.outcomes[5]), ErrorCode::NotFound);
    let mut told: Vec<_> = sent.conversations.iter().map(|it| (it.id.to_string(), it.version, it.last_seq)).collect();
    told.sort();
    assert_eq!(told, [("sr-1".into(), 2, 1), ("sr-2".into(), 2, 1), ("sr-3".into(), 2, 1)]);
    assert_eq!(chat.everything("sr-2").await.len(), 1);

    other.batch_execute("commit").await.unwrap();
    let sent = chat.send_within(&batch, PATIENCE).await;
    let numbers: Vec<_> = sent.outcomes[..5].iter().map(|outcome| stored(outcome).1.seq).collect();
    assert_eq!(numbers, [1, 2, 1, 1, 3]);
}

#[tokio::test]
async fn a_message_alone_waits_as_long_as_it_may() {
    let database = Server::shared().database().await;
    let (chat, other) = (database.chat().await, database.owner().await);
    chat.open("sr-1").await;
    let draft = draft("sr-1", "x");
    let carla = carla();
    hold(&other, "sr-1").await;
    let began = Instant::now();
    assert_eq!(chat.send_within(&[(&carla, &draft)], PATIENCE).await.outcomes, [Outcome::BUSY]);
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(60) && waited < Duration::from_millis(1_500), "{waited:?}");

    // Whoever does not say how long waits for as long as the role may.
    let batch = [(&carla, &draft)];
    let let_go = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        other.batch_execute("commit").await.unwrap();
    };
    let (sent, ()) = futures_util::join!(chat.send(&batch), let_go);
    assert_eq!(stored(&sent.outcomes[0]).1.seq, 1);
}

#[tokio::test]
async fn a_short_wait_is_waited_out() {
    let database = Server::shared().database().await;
    let (chat, other) = (database.chat().await, database.owner().await);
    chat.open("sr-1").await;
    chat.open("sr-2").await;
    let carla = carla();
    hold(&other, "sr-1").await;
    let drafts = [draft("sr-1", "x"), draft("sr-2", "y")];
    let batch = [(&carla, &drafts[0]), (&carla, &drafts[1])];
    let let_go = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        other.batch_execute("commit").await.unwrap();
    };
    let (sent, ()) = futures_util::join!(chat.send_within(&batch, Some(1_900)), let_go);
    assert!(sent.outcomes.iter().all(|outcome| stored(outcome).0));
}

#[tokio::test]
async fn a_report_that_is_under_way_decides_when_it_has_ended() {
    let database = Server::shared().database().await;
    let (chat, reporting) = (database.chat().await, database.chat().await);
    chat.open("sr-1").await;
    let carla = carla();
    let draft = draft("sr-1", "x");
    reporting.batch_execute("begin").await.unwrap();
    reporting.put("sr-1", json!({"status": "closed"})).await;
    assert_eq!(chat.send_within(&[(&carla, &draft)], PATIENCE).await.outcomes, [Outcome::BUSY]);
    reporting.batch_execute("commit").await.unwrap();
    let sent = chat.send_within(&[(&carla, &draft)], PATIENCE).await;
    assert_eq!(refused(&sent.outcomes[0]), ErrorCode::Closed);

    // And one that opens it again, which a batch that waits for nobody does not see: it is told to come again.
    reporting.batch_execute("begin").await.unwrap();
    reporting.put("sr-1", json!({})).await;
    let waiting = chat.send_within(&[(&carla, &draft)], PATIENCE).await;
    assert_eq!(refused(&waiting.outcomes[0]), ErrorCode::Closed, "as long as it is");
    reporting.batch_execute("commit").await.unwrap();
    let sent = chat.send_within(&[(&carla, &draft)], PATIENCE).await;
    assert_eq!((stored(&sent.outcomes[0]).1.seq, sent.conversations[0].status), (1, Status::Open));
    assert_eq!(seqs(&chat.everything("sr-1").await), [1]);
}
