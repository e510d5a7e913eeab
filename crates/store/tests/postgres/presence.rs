//! Who is there: what the database tells nodes of each other's users.

use chat::{
    Actor, Attendance, NodeName, Role,
    wire::{Held, Inventory, Leave, SweepAnswer, SweepRequest},
};
use serde_json::json;
use store::Join;
use uuid::Uuid;

use crate::{
    client::Client,
    people::{carla, follower, held, id, node, nora, theo},
    server::{Database, Server},
};

const NOBODY: Attendance = Attendance::NOBODY;

fn of(roles: &[Role]) -> Attendance {
    roles.iter().copied().collect()
}

/// Leaves sr-1, and answers who is rung.
async fn leave(chat: &Client, on: &str, incarnation: Uuid, user: &str) -> Vec<NodeName> {
    let left = [Leave { service_request_id: id("sr-1"), user_id: user.parse().unwrap() }];
    let gone = store::leave(chat, &node(on), incarnation, &left).await.unwrap();
    gone.departures.into_iter().flat_map(|gone| gone.nodes).collect()
}

/// Joins, and answers who is rung.
async fn others(chat: &Client, on: &str, actor: &Actor) -> Vec<NodeName> {
    let (node, service_request_id) = (&node(on), &id("sr-1"));
    let join = Join { node, incarnation: Uuid::nil(), actor, service_request_id, after_seq: None, epoch: None };
    let mut others = store::join(chat, &join).await.unwrap().unwrap().others;
    others.sort();
    others
}

fn request(on: &str, conversations: Vec<Held>) -> SweepRequest {
    SweepRequest { node: node(on), incarnation: Uuid::nil(), conversations, followers: Vec::new(), inventory: None }
}

/// Sweeps for sr-1, of which the node knows who is here and elsewhere. What differs: here and elsewhere.
async fn differs(chat: &Client, on: &str, here: Attendance, elsewhere: Attendance) -> Option<(Attendance, Attendance)> {
    let answer = chat.ask(&request(on, vec![Held { here, elsewhere, ..held("sr-1", 1) }])).await;
    answer.changed.first().map(|change| (change.here, change.elsewhere))
}

async fn open() -> (Database, Client) {
    let database = Server::shared().database().await;
    let chat = database.chat().await;
    chat.open("sr-1").await;
    (database, chat)
}

/// Nodes were heard of so long ago; the database's clock says so.
async fn age(database: &Database, nodes: &str, by: &str) {
    let statement = format!(
        "set role hubline_owner; update hubline.node set seen_at = seen_at - interval '{by}' where name = any ('{{{nodes}}}')"
    );
    database.owner().await.batch_execute(&statement).await.unwrap();
}

/// What a crash of the database leaves of unlogged tables.
async fn crash(database: &Database) {
    let statement = "truncate hubline.node, hubline.conversation_node, hubline.registry";
    database.owner().await.batch_execute(statement).await.unwrap();
}

const HERE: [Role; 1] = [Role::Customer];
const THERE: [Role; 1] = [Role::Technician];

#[tokio::test]
async fn a_sweep_tells_who_is_elsewhere_when_the_node_does_not_know() {
    let (_database, chat) = open().await;
    chat.join(&carla(), "sr-1", "a").await;
    assert_eq!(differs(&chat, "a", of(&HERE), NOBODY).await, None);
    chat.join(&theo(), "sr-1", "b").await;
    assert_eq!(differs(&chat, "a", of(&HERE), NOBODY).await, Some((of(&HERE), of(&THERE))));
    assert_eq!(differs(&chat, "a", of(&HERE), of(&THERE)).await, None);
    chat.join(&nora(), "sr-1", "c").await;
    chat.join(&carla(), "sr-1", "c").await;
    let all = of(&Attendance::ROLES);
    assert_eq!(differs(&chat, "a", of(&HERE), of(&THERE)).await, Some((of(&HERE), all)));
    leave(&chat, "b", Uuid::nil(), "theo").await;
    assert_eq!(differs(&chat, "a", of(&HERE), all).await, Some((of(&HERE), all - of(&THERE))));
    leave(&chat, "c", Uuid::from_u128(1), "nora").await;
    assert_eq!(differs(&chat, "a", of(&HERE), all - of(&THERE)).await, None, "another run of the node has no say");
}

#[tokio::test]
async fn who_is_a_party_no_longer_is_nowhere() {
    let (_database, chat) = open().await;
    chat.join(&carla(), "sr-1", "a").await;
    chat.join(&theo(), "sr-1", "b").await;
    chat.put("sr-1", json!({"technicianId": "tina"})).await;
    let changed =
        chat.ask(&request("a", vec![Held { here: of(&HERE), elsewhere: of(&THERE), ..held("sr-1", 1) }])).await;
    assert_eq!((changed.changed[0].version, changed.changed[0].elsewhere), (2, NOBODY));
    assert_eq!(chat.join(&carla(), "sr-1", "c").await.elsewhere, of(&HERE));
}

#[tokio::test]
async fn other_nodes_are_rung_when_somebody_comes_or_goes() {
    let (_database, chat) = open().await;
    assert!(others(&chat, "a", &carla()).await.is_empty(), "there is nobody to tell");
    assert_eq!(others(&chat, "b", &theo()).await, [node("a")]);
    assert_eq!(others(&chat, "c", &carla()).await, [node("a"), node("b")]);
    assert!(others(&chat, "c", &carla()).await.is_empty(), "no news");
    let mut rung = leave(&chat, "c", Uuid::nil(), "carla").await;
    rung.sort();
    assert_eq!(rung, [node("a"), node("b")]);
    assert!(leave(&chat, "c", Uuid::nil(), "carla").await.is_empty(), "no news");
    assert!(leave(&chat, "a", Uuid::from_u128(1), "carla").await.is_empty(), "another run of the node has no say");
    assert_eq!(chat.rung("sr-1").await, ["a", "b"]);
    assert_eq!(leave(&chat, "a", Uuid::nil(), "carla").await, [node("b")]);
    assert_eq!(chat.rung("sr-1").await, ["b"], "the last user takes the node along");
}

#[tokio::test]
async fn a_node_that_is_not_heard_of_has_nobody_and_is_rung_for_a_while() {
    let (database, chat) = open().await;
    for name in ["a", "b"] {
        chat.sweep(name, Uuid::nil(), &[]).await;
    }
    chat.join(&carla(), "sr-1", "a").await;
    chat.join(&theo(), "sr-1", "b").await;
    age(&database, "b", "5 seconds").await;
    assert_eq!(differs(&chat, "a", of(&HERE), of(&THERE)).await, None);
    age(&database, "b", "2 seconds").await;
    assert_eq!(differs(&chat, "a", of(&HERE), of(&THERE)).await, Some((of(&HERE), NOBODY)));
    assert_eq!(chat.join(&nora(), "sr-1", "c").await.elsewhere, of(&HERE));
    assert_eq!(chat.rung("sr-1").await, ["a", "b", "c"]);
    age(&database, "b", "24 seconds").await;
    assert_eq!(chat.rung("sr-1").await, ["a", "c"]);
    // Its registrations are where they were.
    assert_eq!(differs(&chat, "b", of(&THERE), of(&HERE)).await.unwrap().0, of(&THERE));
    assert_eq!(chat.join(&nora(), "sr-1", "c").await.elsewhere, of(&[Role::Customer, Role::Technician]));
    assert_eq!(chat.rung("sr-1").await, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_no_dead_node_alive() {
    let (database, chat) = open().await;
    chat.join(&carla(), "sr-1", "a").await;
    chat.join(&theo(), "sr-1", "b").await;
    age(&database, "a,b", "-1 hour").await;
    assert_eq!(differs(&chat, "a", of(&HERE), of(&THERE)).await, None, "nobody was heard of a moment ago");
    let owner = database.owner().await;
    owner.batch_execute("set role hubline_owner; update hubline.node set back_at = '-infinity'").await.unwrap();
    assert_eq!(differs(&chat, "a", of(&HERE), of(&THERE)).await, Some((of(&HERE), NOBODY)));
    let ahead: i64 =
        owner.value("select count(*) from hubline.node where name = 'a' and seen_at > clock_timestamp()").await;
    assert_eq!(ahead, 0, "who sweeps is heard of now");
}

#[tokio::test]
async fn a_node_that_was_away_does_not_call_those_gone_that_were_away_with_it() {
    let (database, chat) = open().await;
    for (name, actor) in [("a", carla()), ("b", theo())] {
        chat.sweep(name, Uuid::nil(), &[]).await;
        chat.join(&actor, "sr-1", name).await;
    }
    // The database was out of reach for a while, for both.
    age(&database, "a,b", "1 minute").await;
    assert_eq!(differs(&chat, "a", of(&HERE), of(&THERE)).await, None);
    assert_eq!(differs(&chat, "a", of(&HERE), NOBODY).await, None, "nor does it call anybody there");
    let owner = database.owner().await;
    let statement = "set role hubline_owner; update hubline.node set back_at = back_at - interval '7 seconds'";
    owner.batch_execute(statement).await.unwrap();
    assert_eq!(differs(&chat, "a", of(&HERE), of(&THERE)).await, Some((of(&HERE), NOBODY)), "it has had its time");
    // One that has just been started knows nobody yet, and waits for nothing.
    chat.sweep("b", Uuid::from_u128(1), &[]).await;
    let answer = chat.sweep("b", Uuid::from_u128(1), &[("sr-1", 1)]).await;
    assert_eq!(answer.changed[0].elsewhere, of(&HERE));
}

#[tokio::test]
async fn after_a_crash_nobody_is_called_gone_before_their_node_was_heard_of() {
    let (database, chat) = open().await;
    chat.join(&carla(), "sr-1", "a").await;
    chat.join(&theo(), "sr-1", "b").await;
    crash(&database).await;
    assert_eq!(
        differs(&chat, "a", of(&HERE), of(&THERE)).await,
        Some((NOBODY, of(&THERE))),
        "only the own ones are lost"
    );
    let mut again = request("b", vec![Held { here: of(&THERE), elsewhere: of(&HERE), ..held("sr-1", 1) }]);
    again.followers = vec![follower("sr-1", "theo", Role::Technician), follower("sr-1", "theo", Role::Technician)];
    assert!(chat.ask(&again).await.changed.is_empty());
    again.followers = vec![follower("sr-1", "theo", Role::Technician), follower("never", "theo", Role::Technician)];
    assert!(chat.ask(&again).await.changed.is_empty(), "it does no harm twice");
    assert_eq!(chat.rung("sr-1").await, ["b"]);
    let owner = database.owner().await;
    owner
        .batch_execute("set role hubline_owner; update hubline.registry set since = since - interval '7 seconds'")
        .await
        .unwrap();
    assert_eq!(
        differs(&chat, "b", of(&THERE), of(&HERE)).await,
        Some((of(&THERE), NOBODY)),
        "she was not heard of in time"
    );
}

#[tokio::test]
async fn a_role_that_has_changed_is_registered_anew() {
    let (_database, chat) = open().await;
    chat.join(&theo(), "sr-1", "b").await;
    let both = of(&[Role::Technician, Role::ServiceCenter]);
    let mut again = request("b", vec![Held { here: both, ..held("sr-1", 1) }]);
    assert_eq!(chat.ask(&again).await.changed[0].here, of(&THERE), "for the centre he is not there yet");
    again.followers = vec![follower("sr-1", "theo", Role::ServiceCenter)];
    assert!(chat.ask(&again).await.changed.is_empty());
}

fn listed(answer: &SweepAnswer) -> Vec<String> {
    let mut listed: Vec<_> = answer.registered.iter().map(|(id, user)| format!("{id} {user}")).collect();
    listed.sort();
    listed
}

#[tokio::test]
async fn a_registration_too_many_is_listed_and_one_that_may_be_is_not() {
    let (_database, chat) = open().await;
    chat.join(&carla(), "sr-1", "a").await;
    chat.join(&theo(), "sr-1", "a").await;
    let mut asked = request("a", vec![Held { here: of(&HERE), coming: of(&THERE), ..held("sr-1", 1) }]);
    assert_eq!(chat.ask(&asked).await.changed, []);
    asked.conversations[0].coming = NOBODY;
    let answer = chat.ask(&asked).await;
    assert_eq!(answer.changed[0].here, of(&[Role::Customer, Role::Technician]));
    assert_eq!(listed(&answer), ["sr-1 carla", "sr-1 theo"]);
}

#[tokio::test]
async fn the_inventory_lists_a_nodes_registrations_part_by_part_whatever_it_holds() {
    let (_database, chat) = open().await;
    for n in 1..=5 {
        let name = format!("sr-{n}");
        chat.open(&name).await;
        for actor in [carla(), theo()] {
            chat.join(&actor, &name, "a").await;
        }
        chat.join(&nora(), &name, "b").await;
    }
    let (mut all, mut after, mut parts) = (Vec::new(), Some(0), 0);
    while let Some(start) = after {
        let inventory = Some(Inventory { after: start, most: 3 });
        let answer = chat.ask(&SweepRequest { inventory, ..request("a", Vec::new()) }).await;
        assert!(answer.registered.len() <= 4, "a conversation is not torn apart");
        all.extend(listed(&answer));
        after = answer.inventory;
        parts += 1;
        assert!(parts < 10);
    }
    let expected: Vec<_> = (1..=5).flat_map(|n| [format!("sr-{n} carla"), format!("sr-{n} theo")]).collect();
    assert_eq!((all, parts), (expected, 3));
    let empty = SweepRequest { inventory: Some(Inventory { after: 0, most: 3 }), ..request("c", Vec::new()) };
    assert_eq!(chat.ask(&empty).await.inventory, None);
}

#[tokio::test]
async fn a_new_run_of_a_node_voids_what_the_old_one_registered() {
    let (_database, chat) = open().await;
    chat.open("sr-2").await;
    for name in ["sr-1", "sr-2"] {
        chat.join(&carla(), name, "a").await;
    }
    let run = Uuid::from_u128(1);
    let mut asked = request("a", vec![Held { here: of(&HERE), ..held("sr-2", 1) }]);
    (asked.incarnation, asked.followers) = (run, vec![follower("sr-2", "carla", Role::Customer)]);
    assert!(chat.ask(&asked).await.changed.is_empty());
    assert!(chat.rung("sr-1").await.is_empty());
    assert_eq!(chat.rung("sr-2").await, ["a"], "what it holds it registers again");
    assert_eq!(chat.join(&theo(), "sr-2", "b").await.elsewhere, of(&HERE));
}

#[tokio::test]
async fn what_a_node_left_behind_that_is_gone_for_good_is_cleared_away() {
    let (database, chat) = open().await;
    for name in ["a", "gone"] {
        chat.join(&carla(), "sr-1", name).await;
    }
    let owner = database.owner().await;
    let left = "select string_agg(distinct node, ',' order by node) from hubline.conversation_node";
    age(&database, "gone", "59 minutes").await;
    age(&database, "a", "2 seconds").await;
    chat.sweep("a", Uuid::nil(), &[]).await;
    assert_eq!(owner.value::<String>(left).await, "a,gone");
    for _ in 0..2 {
        age(&database, "gone", "1 minute").await;
        age(&database, "a", "2 seconds").await;
        chat.sweep("a", Uuid::nil(), &[]).await;
    }
    assert_eq!(owner.value::<String>(left).await, "a");
    assert_eq!(owner.value::<i64>("select count(*) from hubline.node").await, 1);
    let mut back = request("gone", vec![Held { here: of(&HERE), ..held("sr-1", 1) }]);
    assert_eq!(chat.ask(&back).await.changed[0].here, NOBODY);
    back.followers = vec![follower("sr-1", "carla", Role::Customer)];
    chat.ask(&back).await;
    assert_eq!(chat.rung("sr-1").await, ["a", "gone"]);
}
