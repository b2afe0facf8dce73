//! Messages: sent and taken with a commit, or not at all.

use moltforge_store::{CommitError, Message, NewFire, Side};
use moltforge_testing::World;
use moltforge_types::Timestamp;
use moltforge_types::execution::State;

use crate::fixture::{Owner, columns};

moltforge_testing::worlds! {
    messages_are_sent_and_taken_with_their_commit,
    rows_alone_are_fenced,
    what_is_refused_sends_nothing,
    many_fires_are_one_commit,
}

fn message(world: &World, owner: &Owner, shard: u16) -> Message {
    Message {
        shard,
        message_id: world.ambient().id(),
        project_id: owner.project_id,
        recipient: "exe_someone".to_owned(),
        kind: "stop".to_owned(),
        body: "{\"a\":1}".to_owned(),
        created_at: Timestamp::from_micros(3),
    }
}

async fn messages_are_sent_and_taken_with_their_commit(world: &World) {
    let owner = Owner::new(world).await;
    // ids of one millisecond are in no order
    let mut ids = [(); 3].map(|()| world.ambient().id());
    ids.sort();
    let mut sent = [7, 8, 200].map(|shard| message(world, &owner, shard));
    for (message, id) in sent.iter_mut().zip(ids) {
        message.message_id = id;
    }
    let [first, second, other] = sent;
    let mut batch = owner.batch();
    owner.start(world, &mut batch, 1, columns(State::Running));
    batch.rows = [&first, &second, &other].map(|message| Side::Message(message.clone())).to_vec();
    // the same one twice changes nothing
    batch.rows.push(Side::Message(first.clone()));
    owner.commit(batch).await.unwrap();
    let journal = owner.journal.reads();
    assert_eq!(journal.messages(&[7, 8], None, 10).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(journal.messages(&[7, 8], Some(first.message_id), 10).await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(journal.messages(&[7, 8], None, 1).await.unwrap(), std::slice::from_ref(&first));

    let mut batch = owner.batch();
    batch.rows.push(Side::MessageTaken { shard: 7, message_id: first.message_id });
    owner.commit(batch).await.unwrap();
    assert_eq!(journal.messages(&[7, 8, 200], None, 10).await.unwrap(), [second, other]);
}

async fn rows_alone_are_fenced(world: &World) {
    let old = Owner::new(world).await;
    let sent = message(world, &old, 7);
    let mut batch = old.batch();
    batch.rows.push(Side::Message(sent.clone()));
    let mut again = old.batch();
    again.rows.push(Side::MessageTaken { shard: 7, message_id: sent.message_id });
    old.commit(batch).await.unwrap();
    let new = Owner::new(world).await;
    assert!(matches!(old.commit(again).await, Err(CommitError::Fenced)));
    assert_eq!(new.journal.reads().messages(&[7], None, 10).await.unwrap(), [sent]);
}

async fn what_is_refused_sends_nothing(world: &World) {
    let owner = Owner::new(world).await;
    let execution = owner.started(world, columns(State::Running)).await;
    let mut batch = owner.batch();
    let wrong = crate::fixture::Execution { last_seq: 5, ..execution };
    owner.step(&mut batch, wrong, 1, columns(State::Running));
    batch.rows.push(Side::Message(message(world, &owner, 7)));
    assert!(matches!(owner.commit(batch).await, Err(CommitError::Mismatch(_))));
    assert!(owner.journal.reads().messages(&[7], None, 10).await.unwrap().is_empty());
    let mut batch = owner.batch();
    batch.rows.push(Side::Message(Message { body: "a\0b".to_owned(), ..message(world, &owner, 7) }));
    assert!(matches!(owner.commit(batch).await, Err(CommitError::Mismatch(_))));
}

async fn many_fires_are_one_commit(world: &World) {
    let owner = Owner::new(world).await;
    let trigger_id = world.ambient().id();
    let fire = |key: String| {
        Side::Fire(NewFire {
            project_id: owner.project_id,
            trigger_id,
            fire_key: key,
            shard: 9,
            planned_at: Timestamp::from_micros(1),
            chain_depth: 2,
            context: "{}".to_owned(),
            created_at: Timestamp::from_micros(3),
        })
    };
    let mut batch = owner.batch();
    owner.start(world, &mut batch, 1, columns(State::Running));
    batch.rows = (0..3_000).map(|n| fire(n.to_string())).collect();
    // between them, the same again, and a row of another kind
    batch.rows.insert(7, fire("1".to_owned()));
    batch.rows.insert(1_500, Side::Message(message(world, &owner, 7)));
    owner.commit(batch).await.unwrap();
    assert_eq!(world.fires(owner.project_id).count_pending(trigger_id, 10_000).await.unwrap(), 3_000);
    let found = world.fires(owner.project_id).find(trigger_id, "2999").await.unwrap().unwrap();
    assert_eq!((found.chain_depth, found.context.as_deref()), (2, Some("{}")));
    assert_eq!(owner.journal.reads().messages(&[7], None, 10).await.unwrap().len(), 1);
}
