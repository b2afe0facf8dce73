//! Leases, takeovers, owners.

use std::time::Duration;

use moltforge_store::OwnedShard;
use moltforge_store::journal::LaneToken;
use moltforge_testing::World;
use moltforge_types::NodeId;

use crate::fixture::TTL;

moltforge_testing::worlds! {
    a_node_registers_with_its_lanes,
    the_first_node_takes_all_shards,
    a_live_node_keeps_its_shards,
    a_lapsed_node_loses_its_shards,
    force_takes_from_the_living,
    a_lapsed_lease_is_not_renewed,
    an_owner_that_was_replaced_is_not_current,
    a_takeover_waits_for_what_an_owner_writes_beside_the_journal,
    a_released_lease_lapses_at_once,
    what_is_handed_over_is_not_lost,
    a_lapsed_node_takes_nothing,
}

async fn register(world: &World, ttl: Duration) -> Vec<LaneToken> {
    let node_id: NodeId = world.ambient().id();
    let mut tx = world.begin().await.unwrap();
    let tokens = tx.nodes().register(node_id, 2, ttl).await.unwrap();
    tx.commit().await.unwrap();
    tokens
}

async fn take_over(world: &World, token: LaneToken, force: bool) -> usize {
    let mut tx = world.begin().await.unwrap();
    let shards = tx.nodes().take_over(token.node_id, 2, force).await.unwrap();
    tx.commit().await.unwrap();
    let place = |owned: &OwnedShard| (owned.shard, owned.lane);
    let now = world.nodes().shards(token.node_id).await.unwrap();
    assert!(now.iter().map(place).eq(shards.iter().map(place)));
    assert!(shards.iter().all(|owned| owned.lane == owned.shard % 2));
    shards.len()
}

async fn renew(world: &World, token: LaneToken) -> bool {
    let mut tx = world.begin().await.unwrap();
    let renewed = tx.nodes().renew(token.node_id, token.incarnation, TTL).await.unwrap();
    tx.commit().await.unwrap();
    renewed
}

async fn a_node_registers_with_its_lanes(world: &World) {
    let tokens = register(world, TTL).await;
    assert_eq!(tokens.iter().map(|token| (token.lane, token.incarnation)).collect::<Vec<_>>(), [(0, 1), (1, 1)]);
    assert_eq!(world.nodes().owner_of(3).await.unwrap(), None);
}

async fn the_first_node_takes_all_shards(world: &World) {
    let tokens = register(world, TTL).await;
    assert_eq!(take_over(world, tokens[0], false).await, 256);
    assert_eq!(world.nodes().owner_of(255).await.unwrap(), Some(tokens[0].node_id));
    assert_eq!(world.nodes().owner_of(256).await.unwrap(), None);
}

async fn a_live_node_keeps_its_shards(world: &World) {
    let first = register(world, TTL).await;
    take_over(world, first[0], false).await;
    let second = register(world, TTL).await;
    assert_eq!(take_over(world, second[0], false).await, 0);
    assert!(renew(world, first[0]).await);
}

async fn a_lapsed_node_loses_its_shards(world: &World) {
    let first = register(world, Duration::ZERO).await;
    let second = register(world, TTL).await;
    let third = register(world, TTL).await;
    force(world, first[0]).await;
    assert_eq!(take_over(world, second[0], false).await, 256);
    assert_eq!(take_over(world, third[0], false).await, 0);
    assert!(world.nodes().shards(first[0].node_id).await.unwrap().is_empty());
}

/// Gives the shards to a node whose lease has lapsed already, as if it had held them before.
async fn force(world: &World, token: LaneToken) {
    let mut tx = world.begin().await.unwrap();
    tx.query("UPDATE shard SET node_id = $1, lane = 0").bind(token.node_id).execute().await.unwrap();
    tx.commit().await.unwrap();
}

async fn force_takes_from_the_living(world: &World) {
    let first = register(world, TTL).await;
    take_over(world, first[0], false).await;
    let second = register(world, TTL).await;
    assert_eq!(take_over(world, second[0], true).await, 256);
    assert!(!renew(world, first[0]).await, "it was taken over");
}

async fn a_lapsed_lease_is_not_renewed(world: &World) {
    let tokens = register(world, Duration::ZERO).await;
    assert!(!renew(world, tokens[0]).await);
    let stale = LaneToken { incarnation: 9, ..register(world, TTL).await[0] };
    assert!(!renew(world, stale).await);
}

async fn a_released_lease_lapses_at_once(world: &World) {
    let first = register(world, TTL).await;
    take_over(world, first[0], false).await;
    let mut tx = world.begin().await.unwrap();
    tx.nodes().release(first[0].node_id).await.unwrap();
    tx.commit().await.unwrap();
    let second = register(world, TTL).await;
    assert_eq!(take_over(world, second[0], false).await, 256);
}

async fn what_is_handed_over_is_not_lost(world: &World) {
    let handed_over = async |token: LaneToken| {
        let mut tx = world.begin().await.unwrap();
        let shards = tx.nodes().take_over(token.node_id, 2, false).await.unwrap();
        tx.commit().await.unwrap();
        (shards.len(), shards.iter().filter(|owned| owned.handed_over).count())
    };
    let first = register(world, TTL).await;
    assert_eq!(handed_over(first[0]).await, (256, 256), "nobody had them");
    let mut tx = world.begin().await.unwrap();
    tx.nodes().hand_over(first[0].node_id).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!renew(world, first[0]).await, "it is over");
    let second = register(world, TTL).await;
    assert_eq!(handed_over(second[0]).await, (256, 256));
    assert_eq!(handed_over(second[0]).await, (256, 0), "said once");
    let mut tx = world.begin().await.unwrap();
    tx.nodes().release(second[0].node_id).await.unwrap();
    tx.commit().await.unwrap();
    let third = register(world, TTL).await;
    assert_eq!(handed_over(third[0]).await, (256, 0), "its owner was lost");
}

async fn a_lapsed_node_takes_nothing(world: &World) {
    let first = register(world, Duration::ZERO).await;
    assert_eq!(take_over(world, first[0], true).await, 0);
}

async fn an_owner_that_was_replaced_is_not_current(world: &World) {
    let first = register(world, TTL).await;
    take_over(world, first[0], false).await;
    for token in &first {
        assert!(world.begin().await.unwrap().nodes().is_current(*token).await.unwrap());
    }
    let second = register(world, TTL).await;
    take_over(world, second[0], true).await;
    for token in &first {
        assert!(!world.begin().await.unwrap().nodes().is_current(*token).await.unwrap());
    }
    assert!(world.begin().await.unwrap().nodes().is_current(second[1]).await.unwrap());
}

async fn a_takeover_waits_for_what_an_owner_writes_beside_the_journal(world: &World) {
    let first = register(world, TTL).await;
    take_over(world, first[0], false).await;
    let second = register(world, TTL).await;
    let mut tx = world.begin().await.unwrap();
    assert!(tx.nodes().is_current(first[0]).await.unwrap());
    let mut taken = std::pin::pin!(take_over(world, second[0], true));
    let early = tokio::time::timeout(Duration::from_millis(200), taken.as_mut()).await;
    assert!(early.is_err(), "{early:?} shards were taken while an owner wrote");
    tx.commit().await.unwrap();
    assert_eq!(taken.await, 256);
}
