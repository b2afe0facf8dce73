//! Fires: written once, settled once, listed, pruned.

use moltforge_store::{NewFire, Settled};
use moltforge_testing::World;
use moltforge_types::execution::State;
use moltforge_types::{Timestamp, TriggerId};

use crate::fixture::{Owner, columns};
use crate::triggers::{Ground, ground, insert};

moltforge_testing::worlds! { a_fire_is_settled_once, the_inbox_is_read_in_order, what_runs_is_known }

pub(crate) fn fire(ground: &Ground, trigger_id: TriggerId, key: &str, at: i64) -> NewFire {
    NewFire {
        project_id: ground.project_id,
        trigger_id,
        fire_key: key.to_owned(),
        shard: 7,
        planned_at: Timestamp::from_micros(at),
        chain_depth: 1,
        context: "{\"a\":1}".to_owned(),
        created_at: Timestamp::from_micros(at),
    }
}

const SKIPPED: Settled<'_> = Settled { state: "skipped", execution_id: None, error: None };

async fn a_fire_is_settled_once(world: &World) {
    let ground = ground(world).await;
    let id = insert(world, &ground, "a", "webhook", None).await;
    let mut tx = world.begin().await.unwrap();
    let mut fires = tx.fires(ground.project_id);
    assert!(fires.insert(&fire(&ground, id, "k", 5)).await.unwrap());
    assert!(!fires.insert(&fire(&ground, id, "k", 6)).await.unwrap(), "the first one stays");
    assert!(fires.insert(&fire(&ground, id, "l", 7)).await.unwrap());
    tx.commit().await.unwrap();
    let found = world.fires(ground.project_id).find(id, "k").await.unwrap().unwrap();
    assert_eq!((found.state.as_str(), found.planned_at, found.chain_depth), ("pending", Timestamp::from_micros(5), 1));
    assert_eq!(found.context.as_deref(), Some("{\"a\":1}"));
    let mut fires = world.fires(ground.project_id);
    assert_eq!(fires.count_pending(id, 10).await.unwrap(), 2);
    assert_eq!(fires.count_pending(id, 1).await.unwrap(), 1);
    assert_eq!(fires.pending_behind(id, 0, 10).await.unwrap(), ["k", "l"]);
    assert_eq!(fires.pending_behind(id, 0, 1).await.unwrap(), ["k"]);
    assert_eq!(fires.pending_behind(id, 1, 10).await.unwrap(), ["l"]);
    assert!(fires.pending_behind(id, 2, 10).await.unwrap().is_empty());
    assert!(world.fires(world.ambient().id()).find(id, "k").await.unwrap().is_none());

    let mut tx = world.begin().await.unwrap();
    let refused = Settled { state: "refused", execution_id: None, error: Some("{}") };
    assert!(tx.fires(ground.project_id).settle(id, "k", refused).await.unwrap());
    assert!(!tx.fires(ground.project_id).settle(id, "k", SKIPPED).await.unwrap());
    tx.commit().await.unwrap();
    let found = world.fires(ground.project_id).find(id, "k").await.unwrap().unwrap();
    assert_eq!((found.state.as_str(), found.context, found.settled_at.is_some()), ("refused", None, true));
    let mut fires = world.fires(ground.project_id);
    assert_eq!(fires.pending_behind(id, 0, 10).await.unwrap(), ["l"], "what is settled waits no longer");
    let keys = |rows: Vec<moltforge_store::Fire>| rows.into_iter().map(|row| row.fire_key).collect::<Vec<_>>();
    assert_eq!(keys(fires.list(id, None, 10).await.unwrap()), ["l", "k"]);
    assert_eq!(keys(fires.list(id, Some((Timestamp::from_micros(7), "l")), 10).await.unwrap()), ["k"]);
    let mut tx = world.begin().await.unwrap();
    let late = Timestamp::from_micros(i64::MAX);
    assert_eq!(tx.fires(ground.project_id).prune(id, Timestamp::from_micros(0), 1).await.unwrap(), 0);
    assert_eq!(tx.fires(ground.project_id).prune(id, late, 5).await.unwrap(), 0, "among the newest");
    assert_eq!(tx.fires(ground.project_id).prune(id, late, 0).await.unwrap(), 1, "the settled one");
    tx.commit().await.unwrap();
}

async fn the_inbox_is_read_in_order(world: &World) {
    let (one, two) = (ground(world).await, ground(world).await);
    let (a, b) = (insert(world, &one, "a", "webhook", None).await, insert(world, &two, "b", "webhook", None).await);
    let mut tx = world.begin().await.unwrap();
    tx.fires(one.project_id).insert(&fire(&one, a, "late", 9)).await.unwrap();
    tx.fires(two.project_id).insert(&fire(&two, b, "same", 5)).await.unwrap();
    tx.fires(one.project_id).insert(&fire(&one, a, "same", 5)).await.unwrap();
    tx.commit().await.unwrap();
    let mut live = world.live_fires();
    let latest = live.latest().await.unwrap();
    let mut projects = [one.project_id, two.project_id];
    projects.sort();
    assert_eq!(latest.iter().map(|fire| fire.project_id).collect::<Vec<_>>(), projects);
    let until = latest.iter().find(|fire| fire.project_id == one.project_id).unwrap();
    assert_eq!(until.fire_key, "late");
    let first = live.pending(&[7], None, until, 1).await.unwrap();
    let rest = live.pending(&[3, 7], first.first(), until, 10).await.unwrap();
    assert_eq!((first[0].fire_key.as_str(), rest.len(), rest[0].fire_key.as_str()), ("same", 1, "late"));
    assert!(live.pending(&[8], None, until, 10).await.unwrap().is_empty());
    assert_eq!(live.pending(&[7], None, &first[0], 10).await.unwrap(), first, "what came later is for later");
    let mut fires = world.fires(one.project_id);
    assert_eq!((fires.count_waiting(10).await.unwrap(), fires.count_waiting(1).await.unwrap()), (2, 1));
}

async fn what_runs_is_known(world: &World) {
    let owner = Owner::new(world).await;
    let mut tx = world.begin().await.unwrap();
    tx.agents(owner.project_id).insert(owner.agent_id, &"hello".parse().unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    let ground = Ground { project_id: owner.project_id, agent_id: owner.agent_id };
    let id = insert(world, &ground, "a", "webhook", None).await;
    let live = owner.started(world, columns(State::Running)).await;
    let ended = owner.started(world, columns(State::Completed)).await;
    let mut tx = world.begin().await.unwrap();
    for (key, execution) in [("live", live), ("ended", ended)] {
        tx.fires(ground.project_id).insert(&fire(&ground, id, key, 5)).await.unwrap();
        let started = Settled { state: "started", execution_id: Some(execution.execution_id), error: None };
        tx.fires(ground.project_id).settle(id, key, started).await.unwrap();
    }
    tx.fires(ground.project_id).insert(&fire(&ground, id, "newest", 6)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.fires(ground.project_id).running(id, 10).await.unwrap(), [live.execution_id]);
    let mut tx = world.begin().await.unwrap();
    let late = Timestamp::from_micros(i64::MAX);
    assert_eq!(tx.fires(ground.project_id).prune(id, late, 0).await.unwrap(), 1, "not the one that lives");
    tx.commit().await.unwrap();
    assert_eq!(world.fires(ground.project_id).running(id, 10).await.unwrap(), [live.execution_id]);
}
