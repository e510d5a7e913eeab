//! What is deleted, and when.

use std::time::Duration;

use chat::{Page, retention::due_at};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde_json::json;
use store::{Batch, Purged, Retention};

use crate::{
    client::Client,
    people::{carla, draft, id, nora, platform, refused, seqs, stored, theo},
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

/// More than any test here has.
const ALL: Batch = Batch { messages: 10_000, service_requests: 1_000 };

/// Purges as of a moment until nothing is due; answers how many service requests are done with.
async fn purge_at(owner: &Client, moment: &str) -> i64 {
    let statement = format!("select taken, finished from hubline.purge_due({moment}, 1000, 100)");
    let mut finished = 0;
    loop {
        let row = owner.query_one(&statement, &[]).await.unwrap();
        if row.get::<_, i64>(0) == 0 {
            return finished;
        }
        finished += row.get::<_, i64>(1);
    }
}

/// What a batch has done, without how long that took.
fn done(taken: i64, finished: i64, messages: i64) -> Purged {
    Purged { taken, finished, messages, ..Purged::default() }
}

/// Purges by the server's own clock until nothing is due, and nobody else is at it.
async fn purge_now(purge: &Client, most: Batch) -> Vec<Purged> {
    let mut purged = Vec::new();
    loop {
        match store::purge(purge, most).await.unwrap() {
            Purged { taken: 0, busy: false, .. } => return purged,
            Purged { taken: 0, .. } => tokio::time::sleep(Duration::from_millis(10)).await,
            batch => {
                assert!(batch.took > Duration::ZERO && batch.took < Duration::from_secs(60), "{batch:?}");
                purged.push(Purged { took: Duration::ZERO, ..batch });
            }
        }
    }
}

/// How many messages there are of a service request.
async fn kept(owner: &Client, service_request: &str) -> i64 {
    let count = "select count(*) from hubline.message m join hubline.service_request r on r.key = m.service_request
        where r.id = $1";
    owner.query_one(count, &[&service_request]).await.unwrap().get(0)
}

/// Closed service requests, two years past, with so many messages each. Of the shape that the functions store.
async fn old(owner: &Client, how_many: i64, messages: i64) {
    owner
        .batch_execute(&format!(
            "set role hubline_owner;
            insert into hubline.service_request (id, customer_id, technician_id, service_center_id, closed_at,
                closing_recorded_at, last_seq)
            select 'old-' || n, 'carla', 'theo', 'north', now() - interval '2 years', now() - interval '2 years', {messages}
            from generate_series(1, {how_many}) n;
            insert into hubline.message (service_request, seq, id, client_message_id, sent_at, sender_id, sender_role, body,
                digest, chain)
            select r.key, n, gen_random_uuid(), gen_random_uuid(), now(), 'carla', 'customer', 'old', sha256('old'),
                sha256(n::text::bytea)
            from generate_series(1, {messages}) n, hubline.service_request r where r.id like 'old-%';
            reset role;
            analyze hubline.service_request, hubline.message"
        ))
        .await
        .unwrap();
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
    for (n, (closed, recorded, last, gone)) in table.iter().enumerate() {
        let name = format!("sr-{n}");
        chat.open(&name).await;
        chat.chatter(&name, 3).await;
        closed_at(&owner, &name, &format!("'{closed}'"), &format!("'{recorded}'")).await;
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(due_at(time(closed), time(recorded)), Some(time(gone)), "the domain says the same");
        assert_eq!(purge_at(&owner, &format!("'{last}'")).await, 0, "{closed} {recorded}");
        assert_eq!(chat.everything(&name).await.len(), 3);
        assert_eq!(purge_at(&owner, &format!("'{gone}'")).await, 1);
        assert_eq!(kept(&owner, &name).await, 0);
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

    let purged = purge_now(&purge, ALL).await;
    assert_eq!(purged, [done(1, 1, 2)]);
    assert_eq!(kept(&owner, "exact").await, 0);
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
    assert_eq!(purge_now(&purge, ALL).await, [done(1, 1, 5)]);
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
    let page = store::history(&chat, &id("sr-1"), &platform(), Page::after(2)).await.unwrap().unwrap();
    assert_eq!((page.messages.len(), page.last_seq, page.first_seq), (0, 5, 6));

    chat.put("sr-1", json!({})).await;
    assert_eq!(chat.chatter("sr-1", 2).await.seq, 7);
    assert_eq!(seqs(&chat.everything("sr-1").await), [6, 7]);
    assert!(purge_now(&purge, ALL).await.is_empty(), "what is open is kept");
    closed_at(&owner, "sr-1", "'2001-01-01'", "'2001-01-01'").await;
    assert_eq!(purge_now(&purge, ALL).await.len(), 1);
    let records = "select string_agg(first_seq || '-' || last_seq, ' ' order by id) from hubline.purge_record";
    assert_eq!(owner.value::<String>(records).await, "1-5 6-7");
}

#[tokio::test]
async fn a_purge_forgets_who_talked_with_whom() {
    let database = Server::shared().database().await;
    let (chat, owner, purge) = (database.chat().await, database.owner().await, database.purge().await);
    for name in ["old", "young"] {
        chat.open(name).await;
        chat.chatter(name, 3).await;
        chat.put(name, json!({"status": "closed"})).await;
        chat.join(&theo(), name, "a").await;
    }
    let before = store::service_request(&chat, &id("old"), &platform()).await.unwrap().unwrap();
    closed_at(&owner, "old", "'2001-01-01'", "'2001-01-01'").await;
    purge_now(&purge, ALL).await;

    // Whatever table there is, of a row that belongs to the old one, and of any that may name somebody.
    let tables = "select string_agg(format('select to_jsonb(t)::text from hubline.%I t', c.relname), ' union all ')
        from pg_class c where c.relnamespace = 'hubline'::regnamespace and c.relkind = 'r' and c.relname <> 'migration'";
    let everything: String = owner.value(tables).await;
    let rows = owner.query(&everything, &[]).await.unwrap();
    let young = owner.value::<i64>("select key from hubline.service_request where id = 'young'").await;
    let naming = |row: &String| ["carla", "theo", "north"].iter().any(|name| row.contains(name));
    let named: Vec<String> = rows.iter().map(|row| row.get(0)).filter(naming).collect();
    assert!(named.len() >= 3, "the young one is still there: {named:?}");
    let of_young = [format!("\"service_request\": {young}"), "\"id\": \"young\"".to_owned()];
    for row in named {
        assert!(of_young.iter().any(|mark| row.contains(mark)), "{row}");
    }

    for stranger in [carla(), theo(), nora()] {
        assert!(store::service_request(&chat, &id("old"), &stranger).await.unwrap().is_none());
        assert!(store::history(&chat, &id("old"), &stranger, Page::after(0)).await.unwrap().is_none());
        let late = draft("old", "late");
        let sent = chat.send(&[(&stranger, &late)]).await;
        assert_eq!(refused(&sent.outcomes[0]), chat::ErrorCode::NotFound);
    }
    let left = store::service_request(&chat, &id("old"), &platform()).await.unwrap().unwrap();
    assert_eq!(
        (left.customer_id.clone(), left.technician_id.clone(), left.service_center_id.clone()),
        (None, None, None)
    );
    assert_eq!((left.status, left.last_seq, &left.epoch), (before.status, 3, &before.epoch));
    let told = chat.sweep("a", uuid::Uuid::nil(), &[("old", 1)]).await.changed;
    assert!(told[0].who.is_none(), "who holds it still is told that nobody belongs to it: {told:?}");

    let again = chat.put("old", json!({"technicianId": "tina"})).await;
    assert_eq!(again.parties().unwrap().technician_id.unwrap().as_str(), "tina");
    assert_eq!(chat.say(&carla(), &draft("old", "once more")).await.seq, 4);
}

#[tokio::test]
async fn people_of_what_was_purged_before_they_went_along_go_too() {
    let database = Server::shared().database().await;
    let (owner, purge) = (database.owner().await, database.purge().await);
    old(&owner, 3, 2).await;
    // As an earlier version left them: nothing there, and still named.
    let before = "delete from hubline.message; update hubline.service_request set purged_through = last_seq";
    owner.batch_execute(&format!("set role hubline_owner; {before}; reset role")).await.unwrap();
    assert_eq!(purge_now(&purge, ALL).await, [done(3, 3, 0)]);
    assert_eq!(owner.value::<i64>("select count(customer_id) from hubline.service_request").await, 0);
    assert_eq!(owner.value::<i64>("select count(*) from hubline.purge_record").await, 0);
}

#[tokio::test]
async fn three_at_once_do_the_work_once_and_one_that_dies_leaves_its_share() {
    let database = Server::shared().database().await;
    let owner = database.owner().await;
    old(&owner, 40, 500).await;
    let most = Batch { messages: 700, service_requests: 100 };
    let dying = database.purge().await;
    dying.batch_execute("begin").await.unwrap();
    let lost = store::purge(&dying, most).await.unwrap();
    assert_eq!(Purged { took: Duration::ZERO, ..lost }, done(2, 1, 700));
    let pid: i32 = dying.value("select pg_backend_pid()").await;

    let purgers = [database.purge().await, database.purge().await, database.purge().await];
    let work = join_all(purgers.iter().map(|purge| purge_now(purge, most)));
    let killing = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        owner.batch_execute(&format!("select pg_terminate_backend({pid}, 10000)")).await.unwrap();
    };
    let (batches, ()) = futures_util::join!(work, killing);
    let batches: Vec<_> = batches.into_iter().flatten().collect();

    assert_eq!(batches.iter().map(|batch| batch.messages).sum::<i64>(), 40 * 500, "what it had begun others did");
    assert_eq!(batches.iter().map(|batch| batch.finished).sum::<i64>(), 40);
    assert_eq!(owner.value::<i64>("select count(*) from hubline.message").await, 0);
    // Each number is on record once.
    let recorded = "select count(*) from (
            select service_request, generate_series(first_seq, last_seq) as seq from hubline.purge_record
            group by 1, 2 having count(*) = 1
        ) once";
    assert_eq!(owner.value::<i64>(recorded).await, 40 * 500);
    let figures = "select service_requests || ' ' || messages || ' ' || (busy_micros > 0) from hubline.purge_total";
    assert_eq!(owner.value::<String>(figures).await, "40 20000 true");
}

/// One statement has a bounded part of the work, whatever that is: what it takes does not depend on what is due.
#[tokio::test]
async fn a_hundred_thousand_without_messages_and_one_with_very_many_end_within_the_limit_of_a_statement() {
    let database = Server::shared().database().await;
    let (owner, purge) = (database.owner().await, database.purge().await);
    old(&owner, 1, 60_000).await;
    owner
        .batch_execute(
            "set role hubline_owner;
            insert into hubline.service_request (id, customer_id, service_center_id, closed_at, closing_recorded_at)
            select 'empty-' || n, 'carla', 'north', '2001-01-01', '2001-01-01' from generate_series(1, 100000) n;
            reset role",
        )
        .await
        .unwrap();
    let retention = store::retention(&purge).await.unwrap();
    assert_eq!(retention.due, 100_000, "counted so far");
    assert!(retention.overdue_seconds > 20 * 365 * 86_400);
    // Each within a third of what the host of the functions allows a statement.
    purge.batch_execute("set statement_timeout = '1s'").await.unwrap();
    let batches = purge_now(&purge, ALL).await;
    assert_eq!(batches.iter().map(|batch| batch.finished).sum::<i64>(), 100_001);
    assert_eq!(batches.iter().map(|batch| batch.messages).sum::<i64>(), 60_000);
    assert_eq!(batches.len(), 106);
    assert_eq!(store::retention(&purge).await.unwrap(), Retention::default());
}

#[tokio::test]
async fn what_others_are_at_is_busy_and_not_done() {
    let database = Server::shared().database().await;
    let (owner, purge, other) = (database.owner().await, database.purge().await, database.purge().await);
    old(&owner, 2, 1).await;
    other.batch_execute("begin").await.unwrap();
    store::purge(&other, ALL).await.unwrap();
    assert_eq!(store::purge(&purge, ALL).await.unwrap(), Purged { busy: true, ..Purged::default() });
    other.batch_execute("commit").await.unwrap();
    assert_eq!(store::purge(&purge, ALL).await.unwrap(), Purged::default());
}

#[tokio::test]
async fn a_message_that_is_missing_stops_nothing() {
    let database = Server::shared().database().await;
    let (owner, purge) = (database.owner().await, database.purge().await);
    old(&owner, 2, 3).await;
    owner.batch_execute("delete from hubline.message where seq = 3").await.unwrap();
    assert_eq!(purge_now(&purge, ALL).await, [done(2, 2, 6)]);
    assert_eq!(owner.value::<i64>("select count(digest) from hubline.purge_record").await, 2);
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
    store::purge(&purge, Batch { messages: 1_000, ..ALL }).await.unwrap();
    let (late, young) = (draft("old", "late"), draft("young", "x"));
    let batch = [(&carla(), &late), (&carla(), &young), (&carla(), &known)];
    let sent = tokio::time::timeout(Duration::from_secs(1), chat.send(&batch)).await.expect("it waits for the purge");
    assert_eq!(refused(&sent.outcomes[0]), chat::ErrorCode::Closed);
    assert!(stored(&sent.outcomes[1]).0);
    assert!(!stored(&sent.outcomes[2]).0, "it is there until the purge is committed");
    purge.batch_execute("rollback").await.unwrap();
}
