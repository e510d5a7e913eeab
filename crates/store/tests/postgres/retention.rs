//! What is deleted, and when.

use std::{collections::HashSet, time::Duration};

use chat::{Page, retention::due_at};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde_json::json;
use store::Purged;

use crate::{
    client::Client,
    people::{carla, draft, refused, seqs, stored},
    server::Server,
};

/// Sets when a conversation was closed, as only the owner can.
async fn closed_at(owner: &Client, service_request: &str, closed: &str, recorded: &str) {
    owner
        .batch_execute(&format!(
            "set role hubline_owner;
            update hubline.service_request set closed_at = {closed}, closing_recorded_at = {recorded}
            where id = '{service_request}';
            reset role"
        ))
        .await
        .unwrap();
}

/// Purges as of a moment until nothing is due; answers which conversations it came by.
async fn purge_at(owner: &Client, moment: &str) -> HashSet<String> {
    let statement = format!("select service_request_id from hubline.purge_due({moment}, 1000)");
    let mut purged = HashSet::new();
    while let Some(row) = owner.query_opt(&statement, &[]).await.unwrap() {
        purged.insert(row.get(0));
    }
    purged
}

/// Purges by the server's own clock until nothing is due.
async fn purge_now(purge: &Client) -> Vec<Purged> {
    let mut purged = Vec::new();
    while let Some(batch) = store::purge(purge).await.unwrap() {
        purged.push(batch);
    }
    purged
}

#[tokio::test]
async fn history_is_kept_for_a_calendar_year_after_the_later_moment() {
    let database = Server::shared().database().await;
    let (chat, owner) = (database.chat().await, database.owner().await);
    // Closed, recorded, the last moment at which it is kept, and the first at which it may go.
    let table = [
        ("2023-05-01T10:00:00Z", "2023-05-01T10:00:00Z", "2024-05-01T09:59:59.999999Z", "2024-05-01T10:00:00Z"),
        ("2020-01-01T00:00:00Z", "2023-05-01T10:00:00Z", "2024-05-01T09:59:59.999999Z", "2024-05-01T10:00:00Z"),
        ("2023-05-01T10:00:00Z", "2023-04-30T10:00:00Z", "2024-05-01T09:59:59.999999Z", "2024-05-01T10:00:00Z"),
        ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z", "2025-02-28T11:59:59.999999Z", "2025-02-28T12:00:00Z"),
        ("2024-02-28T12:00:00Z", "2024-02-28T12:00:00Z", "2025-02-28T11:59:59.999999Z", "2025-02-28T12:00:00Z"),
        ("2023-02-28T12:00:00Z", "2023-02-28T12:00:00Z", "2024-02-28T11:59:59.999999Z", "2024-02-28T12:00:00Z"),
        ("2023-12-31T23:30:00Z", "2023-12-31T23:30:00Z", "2024-12-31T23:29:59.999999Z", "2024-12-31T23:30:00Z"),
    ];
    // In a time zone whose calendar differs from UTC's, as a server may well have it.
    owner.batch_execute("set time zone 'Pacific/Kiritimati'").await.unwrap();
    for (n, (closed, recorded, kept, gone)) in table.iter().enumerate() {
        let name = format!("sr-{n}");
        chat.open(&name).await;
        chat.chatter(&name, 3).await;
        closed_at(&owner, &name, &format!("'{closed}'"), &format!("'{recorded}'")).await;
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(due_at(time(closed), time(recorded)), Some(time(gone)), "the domain says the same");
        assert!(purge_at(&owner, &format!("'{kept}'")).await.is_empty(), "{closed} {recorded}");
        assert_eq!(chat.everything(&name).await.len(), 3);
        assert_eq!(purge_at(&owner, &format!("'{gone}'")).await, HashSet::from([name.clone()]));
        assert!(chat.everything(&name).await.is_empty());
    }
}

#[tokio::test]
async fn by_the_servers_clock_a_second_decides() {
    let database = Server::shared().database().await;
    let (chat, owner, purge) = (database.chat().await, database.owner().await, database.purge().await);
    for name in ["open", "exact", "short", "reopened", "backdated"] {
        chat.open(name).await;
        chat.chatter(name, 2).await;
    }
    // Reported long ago, by its owner's clock; recorded now.
    chat.put("backdated", json!({"status": "closed", "closedAt": "2001-01-01T00:00:00Z"})).await;
    closed_at(&owner, "exact", "clock_timestamp() - interval '1 year'", "clock_timestamp() - interval '1 year'").await;
    let short = "clock_timestamp() - interval '1 year' + interval '60 seconds'";
    closed_at(&owner, "short", short, short).await;
    closed_at(&owner, "reopened", "'2001-01-01'", "'2001-01-01'").await;
    chat.put("reopened", json!({})).await;

    let purged = purge_now(&purge).await;
    assert_eq!(purged.len(), 1);
    assert_eq!(purged[0].service_request_id.as_str(), "exact");
    for kept in ["open", "short", "reopened", "backdated"] {
        assert_eq!(chat.everything(kept).await.len(), 2, "{kept}");
    }
}

#[tokio::test]
async fn a_purge_is_recorded_and_the_numbers_go_on() {
    let database = Server::shared().database().await;
    let (chat, owner, purge) = (database.chat().await, database.owner().await, database.purge().await);
    chat.open("sr-1").await;
    chat.chatter("sr-1", 5).await;
    let head: Vec<u8> = owner.value("select chain from hubline.service_request").await;
    chat.put("sr-1", json!({"status": "closed"})).await;
    closed_at(&owner, "sr-1", "'2001-01-01'", "'2001-01-01'").await;
    let told = chat.join(&carla(), "sr-1", "a").await;
    assert_eq!(
        purge_now(&purge).await,
        [Purged { service_request_id: "sr-1".parse().unwrap(), messages: 5, first_seq: 1, last_seq: 5 }]
    );
    let changed = chat.sweep("a", uuid::Uuid::nil(), &[("sr-1", told.version)]).await.changed;
    assert_eq!(changed.len(), 1, "the relays are told");

    let record = owner
        .query_one(
            "select first_seq, last_seq, messages, digest, due_at = '2002-01-01T00:00:00Z', purged_at > now() - interval '1 hour'
            from hubline.purge_record",
            &[],
        )
        .await
        .unwrap();
    assert_eq!((record.get(0), record.get(1), record.get(2)), (1_i64, 5_i64, 5_i64));
    assert_eq!(record.get::<_, Vec<u8>>(3), head, "the record commits to what was deleted");
    assert!(record.get::<_, bool>(4) && record.get::<_, bool>(5));
    let page = chat.page("sr-1", Page::after(2)).await;
    assert_eq!((page.messages.len(), page.last_seq, page.purged_through), (0, 5, Some(5)));

    chat.put("sr-1", json!({})).await;
    assert_eq!(chat.chatter("sr-1", 2).await.seq, 7);
    assert_eq!(seqs(&chat.everything("sr-1").await), [6, 7]);
    assert!(purge_now(&purge).await.is_empty(), "what is open is kept");
    closed_at(&owner, "sr-1", "'2001-01-01'", "'2001-01-01'").await;
    let again = purge_now(&purge).await;
    assert_eq!((again[0].first_seq, again[0].last_seq, again.len()), (6, 7, 1));
}

#[tokio::test]
async fn three_at_once_do_the_work_once_and_one_that_dies_leaves_its_share() {
    let database = Server::shared().database().await;
    let (chat, owner) = (database.chat().await, database.owner().await);
    for n in 0..6 {
        let name = format!("sr-{n}");
        chat.open(&name).await;
        chat.chatter(&name, 2_300).await;
        closed_at(&owner, &name, "'2001-01-01'", "'2001-01-01'").await;
    }
    let dying = database.purge().await;
    dying.batch_execute("begin").await.unwrap();
    let lost = store::purge(&dying).await.unwrap().unwrap();
    let pid: i32 = dying.value("select pg_backend_pid()").await;

    let purgers = [database.purge().await, database.purge().await, database.purge().await];
    let work = join_all(purgers.iter().map(purge_now));
    let killing = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        owner.batch_execute(&format!("select pg_terminate_backend({pid}, 10000)")).await.unwrap();
    };
    let (batches, ()) = futures_util::join!(work, killing);
    let mut batches: Vec<_> = batches.into_iter().flatten().collect();
    // What the dying one held was skipped, or taken over when it let go.
    batches.extend(purge_now(&purgers[0]).await);

    assert!(batches.contains(&lost), "what it had begun is done by another");
    let distinct: HashSet<_> = batches.iter().map(|it| (it.service_request_id.clone(), it.first_seq)).collect();
    assert_eq!(distinct.len(), batches.len(), "nothing is done twice");
    assert_eq!(batches.iter().map(|batch| batch.messages).sum::<i64>(), 6 * 2_300);
    assert_eq!(owner.value::<i64>("select count(*) from hubline.message").await, 0);
    assert_eq!(owner.value::<i64>("select sum(messages)::bigint from hubline.purge_record").await, 6 * 2_300);
}

#[tokio::test]
async fn a_purge_delays_no_send() {
    let database = Server::shared().database().await;
    let (chat, owner, purge) = (database.chat().await, database.owner().await, database.purge().await);
    for name in ["old", "young"] {
        chat.open(name).await;
    }
    let known = draft("old", "known");
    chat.say(&carla(), &known).await;
    chat.chatter("old", 2_000).await;
    closed_at(&owner, "old", "'2001-01-01'", "'2001-01-01'").await;
    // In the middle of a batch for as long as the transaction lasts.
    purge.batch_execute("begin").await.unwrap();
    store::purge(&purge).await.unwrap().unwrap();
    let (late, young) = (draft("old", "late"), draft("young", "x"));
    let batch = [(&carla(), &late), (&carla(), &young), (&carla(), &known)];
    let sent = tokio::time::timeout(Duration::from_secs(1), chat.send(&batch)).await.expect("it waits for the purge");
    assert_eq!(refused(&sent.outcomes[0]), chat::ErrorCode::Closed);
    assert!(stored(&sent.outcomes[1]).0);
    assert!(!stored(&sent.outcomes[2]).0, "it is there until the purge is committed");
    purge.batch_execute("rollback").await.unwrap();
}

#[tokio::test]
async fn a_conversation_without_messages_is_done_with_once() {
    let database = Server::shared().database().await;
    let (chat, owner, purge) = (database.chat().await, database.owner().await, database.purge().await);
    chat.open("sr-1").await;
    closed_at(&owner, "sr-1", "'2001-01-01'", "'2001-01-01'").await;
    assert!(purge_now(&purge).await.is_empty());
    assert!(owner.value::<bool>("select purged from hubline.service_request").await);
    assert_eq!(owner.value::<i64>("select count(*) from hubline.purge_record").await, 0);
}

#[tokio::test]
async fn a_purge_answers_with_a_row_when_nothing_is_due() {
    let database = Server::shared().database().await;
    let purge = database.purge().await;
    let rows = purge.query(store::sql::PURGE, &[&store::PURGE_BATCH]).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<_, Option<&str>>(0), None);
}
