//! The chain that ties messages together.

use chat::{
    Message,
    chain::{Hash, digest, link},
};

use crate::{
    client::Client,
    people::{carla, draft, stored},
    server::Server,
};

/// What the database keeps beside each message.
async fn proofs(owner: &Client) -> Vec<(Hash, Hash)> {
    let rows = owner.query("select digest, chain from hubline.message order by seq", &[]).await.unwrap();
    let hash = |bytes: Vec<u8>| Hash::try_from(bytes).unwrap();
    rows.iter().map(|row| (hash(row.get(0)), hash(row.get(1)))).collect()
}

/// The place of the first message whose link is not the one that its neighbours ask for.
fn broken(messages: &[Message], proofs: &[(Hash, Hash)]) -> Option<usize> {
    let mut before = Vec::new();
    messages.iter().zip(proofs).position(|(message, (digest, chain))| {
        let expected = link(&before, digest, message);
        before = chain.to_vec();
        expected != *chain
    })
}

#[tokio::test]
async fn the_chain_is_what_anybody_computes() {
    let database = Server::shared().database().await;
    let (chat, owner) = (database.chat().await, database.owner().await);
    chat.open("sr-1").await;
    chat.chatter("sr-1", 130).await;
    let twice = draft("sr-1", "häßlich 🔧");
    // Through the pass that looks messages up as well.
    chat.send(&[(&carla(), &twice), (&carla(), &twice), (&carla(), &draft("sr-1", "and more"))]).await;

    let messages = chat.everything("sr-1").await;
    let proofs = proofs(&owner).await;
    assert_eq!((messages.len(), proofs.len()), (132, 132));
    assert_eq!(broken(&messages, &proofs), None);
    assert!(messages.iter().zip(&proofs).all(|(message, (proof, _))| digest(&message.body) == *proof));
    let head: Vec<u8> = owner.value("select chain from hubline.service_request").await;
    assert_eq!(head, proofs[131].1);
}

#[tokio::test]
async fn a_body_can_be_erased_and_nothing_else_changed() {
    let database = Server::shared().database().await;
    let (chat, owner) = (database.chat().await, database.owner().await);
    chat.open("sr-1").await;
    chat.chatter("sr-1", 9).await;
    let regretted = draft("sr-1", "regretted");
    let said = chat.say(&carla(), &regretted).await;
    owner.batch_execute("set role hubline_owner").await.unwrap();

    owner.batch_execute("update hubline.message set body = null where seq in (4, 10)").await.unwrap();
    let messages = chat.everything("sr-1").await;
    assert_eq!(messages[3].body, "");
    assert_eq!(broken(&messages, &proofs(&owner).await), None);
    let erased = Message { body: String::new(), ..said };
    assert_eq!(stored(&chat.send(&[(&carla(), &regretted)]).await.outcomes[0]), (false, erased), "and stays so");

    owner.batch_execute("update hubline.message set sender_id = 'mallory' where seq = 6").await.unwrap();
    assert_eq!(broken(&chat.everything("sr-1").await, &proofs(&owner).await), Some(5));

    owner
        .batch_execute(
            "update hubline.message set sender_id = 'theo' where seq = 6; delete from hubline.message where seq = 2",
        )
        .await
        .unwrap();
    assert_eq!(broken(&chat.everything("sr-1").await, &proofs(&owner).await), Some(1));
}
