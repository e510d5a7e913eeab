//! Sending, by many at once.

use std::collections::{BTreeMap, HashSet};

use chat::{Actor, Draft};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::{
    people::{carla, draft, draft_again, seqs, stored, theo},
    server::Server,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_equal_sends_at_once_are_one_message() {
    let clients = Server::shared().database().await.chats(50).await;
    clients[0].open("sr-1").await;
    let draft = draft("sr-1", "once");
    let batch = [(carla_ref(), &draft)];
    let sent = join_all(clients.iter().map(|chat| chat.send(&batch))).await;
    let outcomes: Vec<_> = sent.iter().map(|sent| stored(&sent.outcomes[0])).collect();
    assert_eq!(outcomes.iter().filter(|(new, _)| *new).count(), 1);
    assert!(outcomes.iter().all(|(_, message)| *message == outcomes[0].1));
    assert_eq!(clients[0].everything("sr-1").await, [outcomes[0].1.clone()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_sends_at_once_are_numbered_from_1_to_500() {
    let clients = Server::shared().database().await.chats(20).await;
    clients[0].open("sr-1").await;
    let sends = (0..500).map(|n| {
        let chat = &clients[n % clients.len()];
        async move { chat.say(carla_ref(), &draft("sr-1", &n.to_string())).await.seq }
    });
    let mut numbers = join_all(sends).await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=500).collect::<Vec<i64>>());
    assert_eq!(seqs(&clients[0].everything("sr-1").await), numbers);
}

/// A dozen clients send batches over the same few conversations, each batch in another order, with messages that other
/// clients send too and that stand twice in a batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crossing_batches_neither_block_each_other_nor_leave_gaps() {
    const CONVERSATIONS: usize = 7;
    const ROUNDS: usize = 25;
    let clients = Server::shared().database().await.chats(12).await;
    for n in 0..CONVERSATIONS {
        clients[0].open(&format!("sr-{n}")).await;
    }
    let work = clients.iter().enumerate().map(|(place, chat)| async move {
        let mut answered = Vec::new();
        for round in 0..ROUNDS {
            let drafts: Vec<Draft> = (0..40)
                .map(|n| {
                    let conversation = format!("sr-{}", (n * (place + 1) + round) % CONVERSATIONS);
                    match n % 5 {
                        // Its sender sends it from three clients at once.
                        0 => draft_again(&conversation, shared_name(place / 3, round, n), "shared"),
                        _ => draft(&conversation, &format!("{place} {round} {n}")),
                    }
                })
                .collect();
            let mut batch: Vec<(&Actor, &Draft)> = drafts.iter().map(|draft| (carla_ref(), draft)).collect();
            batch.extend_from_within(..5);
            let sent = chat.send(&batch).await;
            answered.extend(sent.outcomes.iter().map(stored));
        }
        answered
    });
    let answered: Vec<_> = join_all(work).await.into_iter().flatten().collect();

    let mut history = BTreeMap::new();
    for n in 0..CONVERSATIONS {
        let messages = clients[0].everything(&format!("sr-{n}")).await;
        assert_eq!(seqs(&messages), (1..=messages.len() as i64).collect::<Vec<_>>(), "no gap");
        let names: HashSet<_> = messages.iter().map(|message| message.client_message_id).collect();
        assert_eq!(names.len(), messages.len(), "no double");
        history.extend(messages.into_iter().map(|message| (message.id, message)));
    }
    assert_eq!(answered.iter().filter(|(new, _)| *new).count(), history.len(), "each is new to one call");
    for (_, message) in &answered {
        assert_eq!(history.get(&message.id), Some(message), "what was answered is stored");
    }
}

/// Parties are changed and conversations closed and opened while others send: nobody waits in a circle, and the numbers
/// stay whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_and_joins_go_on_between_batches() {
    let clients = Server::shared().database().await.chats(8).await;
    for n in 0..4 {
        clients[0].open(&format!("sr-{n}")).await;
    }
    let sending = clients[..4].iter().map(|chat| async move {
        for round in 0..30 {
            let drafts: Vec<_> = (0..16).map(|n| draft(&format!("sr-{}", (n + round) % 4), "x")).collect();
            let theo = theo();
            let batch: Vec<_> = drafts.iter().map(|draft| (&theo, draft)).collect();
            chat.send(&batch).await;
        }
    });
    let changing = clients[4..6].iter().enumerate().map(|(place, chat)| async move {
        for round in 0..60 {
            let members = match (round + place) % 3 {
                0 => serde_json::json!({"technicianId": "tina"}),
                1 => serde_json::json!({"status": "closed"}),
                _ => serde_json::json!({}),
            };
            chat.put(&format!("sr-{}", round % 4), members).await;
        }
    });
    let joining = clients[6..].iter().enumerate().map(|(place, chat)| async move {
        for round in 0..60 {
            chat.join_after(carla_ref(), &format!("sr-{}", round % 4), ["a", "b"][place], Some(0), None).await;
            chat.sweep(["a", "b"][place], Uuid::nil(), &[("sr-0", 0), ("sr-1", 0), ("sr-2", 0), ("sr-3", 0)]).await;
        }
    });
    futures_util::join!(join_all(sending), join_all(changing), join_all(joining));
    for n in 0..4 {
        let messages = clients[0].everything(&format!("sr-{n}")).await;
        assert_eq!(seqs(&messages), (1..=messages.len() as i64).collect::<Vec<_>>());
    }
}

fn carla_ref() -> &'static Actor {
    static CARLA: std::sync::OnceLock<Actor> = std::sync::OnceLock::new();
    CARLA.get_or_init(carla)
}

fn shared_name(group: usize, round: usize, n: usize) -> Uuid {
    Uuid::from_u128(((group as u128) << 64) | ((round as u128) << 32) | n as u128)
}
