//! Sending, by one.

use chat::{ErrorCode, Page, Role, Status};
use serde_json::json;
use uuid::Uuid;

use crate::{
    people::{carla, draft, draft_again, id, nora, platform, refused, seqs, stored, theo, tina},
    server::Server,
};

#[tokio::test]
async fn a_message_is_numbered_and_found_in_history_as_it_was_answered() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    let draft = draft("sr-1", "  the pump\tis loud 🙉\n");
    let message = chat.say(&carla(), &draft).await;
    assert_eq!((message.seq, message.sender_role, message.body.as_str()), (1, Role::Customer, draft.body.as_str()));
    assert_eq!(message.client_message_id, draft.client_message_id);
    assert_eq!(message.id.get_version_num(), 7);
    let page = chat.page("sr-1", Page::default()).await;
    assert_eq!((page.messages, page.has_more, page.last_seq), (vec![message], false, 1));
}

#[tokio::test]
async fn a_rehearsal_leaves_no_trace() {
    let chat = Server::shared().database().await.chat().await;
    store::rehearse(&chat).await.unwrap();
    chat.open("sr-1").await;
    store::rehearse(&chat).await.unwrap();
    assert_eq!(chat.say(&carla(), &draft("sr-1", "the first")).await.seq, 1);
    assert_eq!(chat.everything("sr-1").await.len(), 1);
}

#[tokio::test]
async fn the_same_message_again_is_answered_with_the_first() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    let once = draft("sr-1", "first");
    let first = chat.say(&carla(), &once).await;
    chat.say(&theo(), &draft("sr-1", "in between")).await;
    let again = draft_again("sr-1", once.client_message_id, "another text");
    let sent = chat.send(&[(&carla(), &again)]).await;
    assert_eq!(stored(&sent.outcomes[0]), (false, first));
    assert_eq!(sent.conversations.len(), 1, "who repeats wants to know the parties too");
    let told = &sent.conversations[0];
    assert_eq!((told.version, told.last_seq, told.status), (3, 2, Status::Open), "as it is now, not as it was then");
    assert_eq!(chat.everything("sr-1").await.len(), 2);
}

#[tokio::test]
async fn a_message_is_its_senders_own() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    chat.open("sr-2").await;
    let name = Uuid::new_v4();
    let (one, other) = (draft_again("sr-1", name, "one"), draft_again("sr-2", name, "other"));
    let sent = chat.send(&[(&carla(), &one), (&theo(), &one), (&carla(), &other)]).await;
    assert!(sent.outcomes.iter().all(|outcome| stored(outcome).0), "three senders or places, three messages");
}

#[tokio::test]
async fn what_stands_twice_in_a_batch_is_stored_once() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    chat.open("sr-2").await;
    let (carla, theo) = (carla(), theo());
    let known = draft("sr-1", "known");
    chat.say(&carla, &known).await;
    let (a, b, c) = (draft("sr-1", "a"), draft("sr-2", "b"), draft("sr-1", "c"));
    let batch = [(&carla, &a), (&carla, &b), (&carla, &known), (&carla, &a), (&theo, &c), (&carla, &b)];
    let sent = chat.send(&batch).await;
    let outcomes: Vec<_> = sent.outcomes.iter().map(stored).collect();
    let numbers: Vec<_> = outcomes.iter().map(|(new, message)| (*new, message.seq)).collect();
    assert_eq!(numbers, [(true, 2), (true, 1), (false, 1), (false, 2), (true, 3), (false, 1)]);
    assert_eq!(outcomes[3].1, outcomes[0].1);
    assert_eq!(outcomes[5].1, outcomes[1].1);

    let last = |sent: &store::Sent| sent.conversations.iter().map(|it| it.last_seq).collect::<Vec<_>>();
    assert_eq!(last(&sent), [3, 1]);

    let again = chat.send(&batch).await;
    assert_eq!(last(&again), [3, 1]);
    for ((_, message), repeated) in outcomes.iter().zip(&again.outcomes) {
        assert_eq!(stored(repeated), (false, message.clone()));
    }
    assert_eq!(seqs(&chat.everything("sr-1").await), [1, 2, 3]);
    assert_eq!(seqs(&chat.everything("sr-2").await), [1]);
}

#[tokio::test]
async fn each_item_has_its_own_users_outcome() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    chat.put("sr-closed", json!({"status": "closed"})).await;
    chat.put("sr-bare", json!({"technicianId": null})).await;
    let (open, closed, absent, bare) =
        (draft("sr-1", "x"), draft("sr-closed", "x"), draft("sr-none", "x"), draft("sr-bare", "x"));
    let mut as_customer = theo();
    as_customer.roles = vec![Role::Customer];
    let sent = chat
        .send(&[
            (&carla(), &open),
            (&theo(), &open),
            (&nora(), &open),
            (&tina(), &open),
            (&platform(), &open),
            (&as_customer, &open),
            (&carla(), &absent),
            (&tina(), &closed),
            (&carla(), &closed),
            (&theo(), &bare),
            (&carla(), &bare),
        ])
        .await;
    let roles: Vec<_> = sent.outcomes[..3].iter().map(|outcome| stored(outcome).1.sender_role).collect();
    assert_eq!(roles, [Role::Customer, Role::Technician, Role::ServiceCenter]);
    for stranger in &sent.outcomes[3..8] {
        assert_eq!(refused(stranger), ErrorCode::NotFound);
    }
    assert_eq!(refused(&sent.outcomes[8]), ErrorCode::Closed);
    assert_eq!(refused(&sent.outcomes[9]), ErrorCode::NotFound);
    assert_eq!(stored(&sent.outcomes[10]).1.seq, 1);
    let mut told: Vec<_> = sent.conversations.iter().map(|it| it.id.to_string()).collect();
    told.sort();
    assert_eq!(told, ["sr-1", "sr-bare"], "nothing is told of what was refused");
}

#[tokio::test]
async fn who_was_a_party_hears_of_what_they_sent_and_nothing_else() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    let (first, later) = (draft("sr-1", "first"), draft("sr-1", "later"));
    let sent = chat.send(&[(&theo(), &first)]).await;
    let original = stored(&sent.outcomes[0]).1;
    for report in [json!({"technicianId": "tina"}), json!({"technicianId": "tina", "status": "closed"})] {
        chat.put("sr-1", report).await;
        let alone = chat.send(&[(&theo(), &first)]).await;
        let among = chat.send(&[(&theo(), &later), (&theo(), &first), (&nora(), &draft("sr-2", "x"))]).await;
        for outcome in [&alone.outcomes[0], &among.outcomes[1]] {
            let (new, message) = stored(outcome);
            assert!(!new);
            assert_eq!(message, original);
        }
        assert_eq!(refused(&among.outcomes[0]), ErrorCode::NotFound);
        assert_eq!(refused(&among.outcomes[2]), ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn refusals_before_a_message_do_not_shift_it() {
    let chat = Server::shared().database().await.chat().await;
    chat.put("sr-closed", json!({"status": "closed"})).await;
    chat.open("sr-1").await;
    chat.open("sr-2").await;
    let drafts = ["sr-none", "sr-closed", "sr-2", "sr-1", "sr-2"].map(|name| draft(name, "x"));
    let carla = carla();
    let batch: Vec<_> = drafts.iter().map(|draft| (&carla, draft)).collect();
    for round in 0..2 {
        let sent = chat.send(&batch).await;
        assert_eq!(refused(&sent.outcomes[0]), ErrorCode::NotFound);
        assert_eq!(refused(&sent.outcomes[1]), ErrorCode::Closed);
        let numbers: Vec<_> = sent.outcomes[2..].iter().map(|outcome| stored(outcome).1.seq).collect();
        assert_eq!(numbers, [1, 1, 2], "round {round}");
    }
    for (name, last) in [("sr-closed", 0), ("sr-1", 1), ("sr-2", 2)] {
        assert_eq!(chat.page(name, Page::default()).await.last_seq, last, "{name}");
    }
}

#[tokio::test]
async fn after_the_closing_nothing_is_stored_and_what_was_is_still_answered() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    let before = draft("sr-1", "before");
    let first = chat.say(&carla(), &before).await;
    chat.put("sr-1", json!({"status": "closed"})).await;
    let sent = chat.send(&[(&carla(), &before), (&carla(), &draft("sr-1", "after"))]).await;
    assert_eq!(stored(&sent.outcomes[0]), (false, first));
    assert_eq!(refused(&sent.outcomes[1]), ErrorCode::Closed);
    assert_eq!((sent.conversations[0].status, sent.conversations[0].last_seq), (Status::Closed, 1));
    assert!(sent.conversations[0].closed_at.is_some());
}

#[tokio::test]
async fn a_batch_tells_what_the_relays_have_to_know() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    chat.open("sr-2").await;
    chat.join(&carla(), "sr-1", "a").await;
    chat.join(&theo(), "sr-1", "b").await;
    let sent = chat.send(&[(&carla(), &draft("sr-1", "x")), (&carla(), &draft("sr-2", "x"))]).await;
    let one = sent.conversations.iter().find(|it| it.id == id("sr-1")).unwrap();
    let two = sent.conversations.iter().find(|it| it.id == id("sr-2")).unwrap();
    assert_eq!(one.nodes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b"]);
    assert!(two.nodes.is_empty());
    assert_eq!((one.version, one.last_seq, one.status), (2, 1, Status::Open));
    assert_eq!(one.parties.technician_id.as_ref(), Some(&theo().user));
    let told = chat.join(&carla(), "sr-1", "a").await;
    assert_eq!((told.version, told.epoch), (one.version, sent.epoch));
}

#[tokio::test]
async fn an_empty_batch_is_no_work() {
    let chat = Server::shared().database().await.chat().await;
    assert!(chat.send(&[]).await.outcomes.is_empty());
}
