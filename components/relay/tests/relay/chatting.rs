//! Talking, when all is well.

use std::collections::HashSet;
use std::time::Duration;

use chat::{Role, Status};
use serde_json::json;
use uuid::Uuid;

use crate::client::Client;
use crate::fake::{Fake, Fault, parties};
use crate::node::{Node, node, node_with, quick, sockets, until};

async fn open() -> (Node, Fake) {
    let fake = Fake::new();
    fake.put("sr", parties("carla", Some("theo"), "north"), Status::Open);
    (node("a", &fake).await, fake)
}

#[tokio::test]
async fn a_join_tells_where_the_conversation_is_and_what_was_missed() {
    let (node, fake) = open().await;
    for body in ["one", "two", "three"] {
        fake.post("sr", "theo", Role::Technician, body);
    }
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    let joined = carla.join("sr", 1).await.unwrap();
    let party = |user: &str, role: &str, online: bool| json!({"userId": user, "role": role, "online": online});
    assert_eq!(
        joined,
        json!({
            "serviceRequestId": "sr", "firstSeq": 1, "lastSeq": 3, "truncated": false, "restarted": false,
            "epoch": "first", "status": "open",
            "parties": [party("carla", "customer", true), party("theo", "technician", false), party("north", "service-center", false)],
        })
    );
    let message = carla.event("OnMessageReceived").await;
    assert_eq!((&message["seq"], &message["body"], &message["senderId"]), (&json!(2), &json!("two"), &json!("theo")));
    assert_eq!(carla.hear().await, 3);
    fake.post("sr", "theo", Role::Technician, "four");
    assert_eq!(carla.hear().await, 4);

    let mut late = Client::connect(&node, "carla", Role::Customer).await;
    late.join("sr", None).await.unwrap();
    fake.post("sr", "theo", Role::Technician, "five");
    assert_eq!(late.hear().await, 5, "without a number only new ones");
}

#[tokio::test]
async fn a_join_goes_through_many_pages() {
    let (node, fake) = open().await;
    for number in 0..777 {
        fake.post("sr", "theo", Role::Technician, &number.to_string());
    }
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    for seq in 1..=777 {
        assert_eq!(carla.hear().await, seq);
    }
}

#[tokio::test]
async fn two_people_talk_at_once_and_each_hears_the_other_in_order() {
    let (node, fake) = open().await;
    let mut tasks = Vec::new();
    for (user, role) in [("carla", Role::Customer), ("theo", Role::Technician)] {
        let mut client = Client::connect(&node, user, role).await;
        client.join("sr", 0).await.unwrap();
        tasks.push(tokio::spawn(async move {
            let mut seen = Vec::new();
            for number in 0..300 {
                let name = Uuid::new_v4();
                client.begin("SendMessage", json!(["sr", {"clientMessageId": name, "body": number.to_string()}])).await;
            }
            while seen.len() < 600 {
                let message = client.next().await;
                if message["type"] == 3 {
                    seen.push(message["result"]["seq"].as_i64().unwrap());
                } else if message["target"] == "OnMessageReceived" {
                    assert_ne!(message["arguments"][0]["senderId"], user);
                    seen.push(message["arguments"][0]["seq"].as_i64().unwrap());
                }
            }
            seen
        }));
    }
    for task in tasks {
        let seen = task.await.unwrap();
        assert!(seen.iter().copied().eq(1..=600), "results and messages pass one line: {seen:?}");
    }
    for user in ["carla", "theo"] {
        let bodies: Vec<_> = fake
            .messages("sr")
            .into_iter()
            .filter(|message| message.sender_id.as_str() == user)
            .map(|message| message.body)
            .collect();
        assert!(bodies.into_iter().eq((0..300).map(|number| number.to_string())), "unawaited sends keep their order");
    }
    assert!(fake.batches().len() < 600, "under load messages share a batch: {:?}", fake.batches());
}

#[tokio::test]
async fn the_sender_gets_a_result_and_everybody_else_a_message() {
    let (node, _fake) = open().await;
    let mut phone = Client::connect(&node, "carla", Role::Customer).await;
    let mut laptop = Client::connect(&node, "carla", Role::Customer).await;
    let mut center = Client::connect(&node, "sue", Role::ServiceCenter).await;
    for client in [&mut phone, &mut laptop, &mut center] {
        client.join("sr", 0).await.unwrap();
    }
    for client in [&mut phone, &mut laptop] {
        assert_eq!(client.event("OnPresenceChanged").await["userId"], "north");
    }
    let message = phone.say("sr", "hello").await.unwrap();
    assert_eq!((&message["seq"], &message["body"]), (&json!(1), &json!("hello")));
    assert_eq!(laptop.event("OnMessageReceived").await, message);
    assert_eq!(center.event("OnMessageReceived").await, message);
    assert!(phone.is_silent(Duration::from_millis(50)).await);
}

#[tokio::test]
async fn who_has_not_joined_may_still_send() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    assert_eq!(carla.say("sr", "hello").await.unwrap()["seq"], 1);
    fake.post("sr", "theo", Role::Technician, "hello");
    assert!(carla.is_silent(Duration::from_millis(100)).await);
    assert_eq!(node.metric("conversations"), 0, "nothing is kept of it");
}

#[tokio::test]
async fn one_name_is_one_message_however_often_it_is_sent() {
    let (node, fake) = open().await;
    let name = Uuid::new_v4();
    let mut tasks = Vec::new();
    for _ in 0..10 {
        let mut client = Client::connect(&node, "carla", Role::Customer).await;
        client.join("sr", 0).await.unwrap();
        tasks.push(tokio::spawn(async move {
            let mut ids = Vec::new();
            for _ in 0..5 {
                ids.push(client.begin("SendMessage", json!(["sr", {"clientMessageId": name, "body": "once"}])).await);
            }
            let mut answers = Vec::new();
            for id in ids {
                answers.push(client.completion(&id).await.unwrap());
            }
            answers
        }));
    }
    let mut answers = HashSet::new();
    for task in tasks {
        answers.extend(task.await.unwrap().into_iter().map(|answer| answer.to_string()));
    }
    assert_eq!(answers.len(), 1);
    assert_eq!(fake.messages("sr").len(), 1);
}

#[tokio::test]
async fn nobody_waits_for_a_send_without_an_invocation_id() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    let invocation = json!({"type": 1, "target": "SendMessage", "arguments": ["sr", {"clientMessageId": Uuid::new_v4(), "body": "x"}]});
    carla.write(&format!("{invocation}\u{1e}")).await;
    until("the message is stored", || fake.messages("sr").len() == 1).await;
    assert!(carla.is_silent(Duration::from_millis(50)).await);
    assert_eq!(carla.say("sr", "y").await.unwrap()["seq"], 2);
}

#[tokio::test]
async fn who_leaves_hears_no_more_and_is_deregistered() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    assert_eq!(fake.registered(), [("a/sr".to_owned(), "carla".to_owned())]);
    assert_eq!(carla.invoke("LeaveServiceRequest", json!(["sr"])).await, Ok(json!(null)));
    fake.post("sr", "theo", Role::Technician, "hello");
    assert!(carla.is_silent(Duration::from_millis(50)).await);
    until("the user is deregistered", || fake.registered().is_empty()).await;
    // And comes back for what was missed.
    carla.join("sr", 0).await.unwrap();
    assert_eq!(carla.hear().await, 1);
}

#[tokio::test]
async fn what_a_client_wants_while_it_joins_waits_for_the_join() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    fake.fail("join", &[Fault::Slow(Duration::from_millis(50))]);
    let join = carla.begin("JoinServiceRequest", json!(["sr", 0])).await;
    let send = carla.begin("SendMessage", json!(["sr", {"clientMessageId": Uuid::new_v4(), "body": "x"}])).await;
    let leave = carla.begin("LeaveServiceRequest", json!(["sr"])).await;
    let first = carla.next().await;
    assert_eq!((&first["type"], &first["invocationId"]), (&json!(3), &json!(join)), "{first}");
    assert_eq!(carla.completion(&send).await.unwrap()["seq"], 1);
    assert_eq!(carla.completion(&leave).await, Ok(json!(null)));
}

#[tokio::test]
async fn everybody_sees_who_is_there() {
    let (node, _fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", 0).await.unwrap();
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    let joined = theo.join("sr", 0).await.unwrap();
    assert_eq!(joined["parties"][0], json!({"userId": "carla", "role": "customer", "online": true}));
    let presence = |user: &str, online: bool| json!({"serviceRequestId": "sr", "userId": user, "online": online});
    assert_eq!(carla.event("OnPresenceChanged").await, presence("theo", true));
    let mut sue = Client::connect(&node, "sue", Role::ServiceCenter).await;
    sue.join("sr", 0).await.unwrap();
    assert_eq!(carla.event("OnPresenceChanged").await, presence("north", true), "people of the centre are the centre");
    drop(theo);
    assert_eq!(carla.event("OnPresenceChanged").await, presence("theo", false));
}

#[tokio::test]
async fn a_full_lane_says_so() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", None, "north"), Status::Open);
    let second = Duration::from_secs(1);
    let limits = relay::Limits { waiting: 2, batch_messages: 1, call: second * 5, send: second * 5, ..quick() };
    let node = node_with("a", &fake, limits).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    fake.fail("send", &[Fault::Slow(second)]);
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(carla.begin("SendMessage", json!(["sr", {"clientMessageId": Uuid::new_v4(), "body": "x"}])).await);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut results = Vec::new();
    for id in ids {
        results.push(carla.completion(&id).await);
    }
    let (stored, refused) = results.split_at(3);
    assert!(stored.iter().all(Result::is_ok));
    assert_eq!(refused[0], Err("rate_limited: too many messages are waiting; try again in 1 s".to_owned()));
    let behind = "rate_limited: an earlier message must be sent again first";
    assert!(refused[1..].iter().all(|result| result.as_ref().is_err_and(|error| error.starts_with(behind))));
}

#[tokio::test]
async fn a_batch_that_hangs_holds_up_its_own_conversation_only() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", None, "north"), Status::Open);
    fake.put("other", parties("carla", None, "north"), Status::Open);
    let second = Duration::from_secs(1);
    let node = node_with("a", &fake, relay::Limits { call: second * 5, send: second * 5, ..quick() }).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    fake.fail("send", &[Fault::Slow(second)]);
    let message = |number: u32| json!({"clientMessageId": Uuid::new_v4(), "body": number.to_string()});
    let first = carla.begin("SendMessage", json!(["sr", message(1)])).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    let second = carla.begin("SendMessage", json!(["sr", message(2)])).await;
    let began = tokio::time::Instant::now();
    assert_eq!(carla.say("other", "hello").await.unwrap()["seq"], 1);
    assert!(began.elapsed() < Duration::from_millis(500), "it has waited for {:?}", began.elapsed());
    assert!(fake.messages("sr").is_empty());
    assert_eq!(carla.completion(&first).await.unwrap()["body"], "1");
    assert_eq!(carla.completion(&second).await.unwrap()["body"], "2");
}

#[tokio::test]
async fn one_connection_may_ask_only_so_much_at_once_and_loses_nothing() {
    let fake = Fake::new();
    fake.put("sr", parties("carla", None, "north"), Status::Open);
    let node = node_with("a", &fake, sockets(|it| it.invocations = 4)).await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    fake.fail("send", &[Fault::Slow(Duration::from_millis(20)); 20]);
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(carla.begin("SendMessage", json!(["sr", {"clientMessageId": Uuid::new_v4(), "body": "x"}])).await);
    }
    for (id, seq) in ids.into_iter().zip(1..) {
        assert_eq!(carla.completion(&id).await.unwrap()["seq"], seq);
    }
    assert!(fake.batches().iter().all(|batch| *batch <= 4), "{:?}", fake.batches());
}

#[tokio::test]
async fn what_a_function_vouches_for_is_shown_beside_the_token_until_another_does() {
    let (node, fake) = open().await;
    let mut carla = Client::connect(&node, "carla", Role::Customer).await;
    carla.join("sr", None).await.unwrap();
    carla.say("sr", "nobody vouches yet").await.unwrap();
    fake.vouch_with("old");
    carla.say("sr", "the answer vouches").await.unwrap();
    carla.say("sr", "so this is vouched for").await.unwrap();
    fake.vouch_with("new");
    carla.say("sr", "the key is another one").await.unwrap();
    carla.say("sr", "and so is the voucher").await.unwrap();
    let mut theo = Client::connect(&node, "theo", Role::Technician).await;
    theo.join("sr", None).await.unwrap();
    theo.say("sr", "who has joined is vouched for at once").await.unwrap();

    let shown: Vec<_> = fake.vouchers().into_iter().filter(|shown| shown.len() < 2).collect();
    let of = |voucher: &str| vec![Some(voucher.to_owned())];
    let (old, new) = (of("carla by old"), of("carla by new"));
    assert_eq!(shown, [vec![], vec![], old.clone(), old, new, of("theo by new")]);
}
