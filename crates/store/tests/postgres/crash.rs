//! The server dies under load.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use chat::{
    Attendance, Draft, Message, Role,
    wire::{Held, Outcome, SweepRequest},
};
use futures_util::future::join_all;
use store::Item;
use uuid::Uuid;

use crate::{
    people::{carla, draft, follower, held, node, seqs, stored},
    server::{Database, Server},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_survives_kill_9() {
    let server = Server::start();
    let database = server.database().await;
    let chat = database.chat().await;
    for n in 0..5 {
        chat.open(&format!("sr-{n}")).await;
    }
    chat.join(&carla(), "sr-0", "a").await;
    assert_eq!(chat.rung("sr-0").await, ["a"]);

    let dead = AtomicBool::new(false);
    let load = join_all((0..6).map(|_| send_until_it_dies(&database, &dead)));
    let killing = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        server.kill();
        dead.store(true, Ordering::SeqCst);
    };
    let (halves, ()) = futures_util::join!(load, killing);
    let acknowledged: Vec<Message> = halves.iter().flat_map(|half| half.acknowledged.clone()).collect();
    assert!(acknowledged.len() > 50, "{} messages are not much of a load", acknowledged.len());

    let chat = eventually_connected(&database).await;
    let stored_messages = all(&chat).await;
    for message in &acknowledged {
        assert_eq!(stored_messages.get(&message.id), Some(message));
    }

    // The batches whose outcome is not known are sent again, and stored once.
    for half in &halves {
        let carla = carla();
        let batch: Vec<_> = half.unknown.iter().map(|draft| (&carla, draft)).collect();
        let sent = chat.send(&batch).await;
        let news: Vec<bool> = sent.outcomes.iter().map(|outcome| stored(outcome).0).collect();
        assert!(news.iter().all(|new| *new == news[0]), "a batch is stored whole or not at all");
    }
    all(&chat).await;

    // The registrations were not: the sweep brings them back.
    assert_eq!(chat.rung("sr-0").await, [] as [&str; 0]);
    let here = Attendance::of(Role::Customer);
    let mut request = SweepRequest {
        node: node("a"),
        incarnation: Uuid::nil(),
        conversations: vec![Held { here, ..held("sr-0", 1) }],
        followers: Vec::new(),
        inventory: None,
    };
    assert_eq!(chat.ask(&request).await.changed[0].here, Attendance::NOBODY);
    request.followers = vec![follower("sr-0", "carla", Role::Customer)];
    assert_eq!(chat.ask(&request).await.changed[0].here, here);
    assert_eq!(chat.rung("sr-0").await, ["a"]);
}

/// What a client knows when its server has died.
struct Half {
    acknowledged: Vec<Message>,
    unknown: Vec<Draft>,
}

async fn send_until_it_dies(database: &Database, dead: &AtomicBool) -> Half {
    let chat = database.chat().await;
    let carla = carla();
    let mut acknowledged = Vec::new();
    loop {
        let drafts: Vec<_> = (0..20).map(|n| draft(&format!("sr-{}", n % 5), "x")).collect();
        let items: Vec<_> = drafts.iter().map(|draft| Item { actor: &carla, draft }).collect();
        match store::send(&chat, &items, None).await {
            Ok(sent) => acknowledged.extend(sent.outcomes.into_iter().filter_map(|outcome| match outcome {
                Outcome::Stored { message, .. } => Some(*message),
                Outcome::Refused { .. } | Outcome::Busy { .. } => None,
            })),
            Err(error) => {
                assert!(error.is_worth_a_retry(), "{error}");
                // The error may come before the kill returns.
                while !dead.load(Ordering::SeqCst) {
                    tokio::task::yield_now().await;
                }
                return Half { acknowledged, unknown: drafts };
            }
        }
    }
}

async fn eventually_connected(database: &Database) -> crate::client::Client {
    for _ in 0..300 {
        if let Some(chat) = database.try_chat().await {
            return chat;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server does not come back");
}

/// Every message by its id, the numbers of each conversation being whole.
async fn all(chat: &crate::client::Client) -> HashMap<Uuid, Message> {
    let mut all = HashMap::new();
    for n in 0..5 {
        let messages = chat.everything(&format!("sr-{n}")).await;
        assert_eq!(seqs(&messages), (1..=messages.len() as i64).collect::<Vec<_>>());
        all.extend(messages.into_iter().map(|message| (message.id, message)));
    }
    all
}
