//! `idempotency`.

use std::time::Duration;

use moltforge_store::{IdempotencyScope, Lapse, Remembered, Store, StoredAnswer};
use moltforge_testing::World;
use moltforge_types::{ProjectId, Timestamp};

use crate::projects::{hash, project};

moltforge_testing::worlds! {
    an_answer_is_kept, a_released_claim_is_free_again, of_many_at_once_one_claims, an_unanswered_claim_lapses,
    an_old_answer_is_forgotten, scopes_are_apart, delete_lapsed_is_bounded,
}

const SCOPE: IdempotencyScope<'_> =
    IdempotencyScope { principal: "key_1", route: "POST /v1/agents", idempotency_key: "k" };

/// Claims lapse after 60 s without an answer, answers after 1000 s.
fn lapse(now: Timestamp) -> Lapse {
    let back = |seconds: i64| Timestamp::from_micros(now.as_micros() - seconds * 1_000_000);
    Lapse { unanswered_before: back(60), answered_before: back(1000) }
}

async fn claim(store: &Store, project_id: ProjectId, scope: IdempotencyScope<'_>, body: &str, by: u8) -> bool {
    let mut tx = store.begin().await.unwrap();
    let lapse = lapse(tx.now());
    let won = tx.idempotency(project_id).claim(scope, &hash(body), &[by; 16], lapse).await.unwrap();
    tx.commit().await.unwrap();
    won
}

async fn complete(store: &Store, project_id: ProjectId, by: u8) -> bool {
    let mut tx = store.begin().await.unwrap();
    let kept = tx.idempotency(project_id).complete(SCOPE, &[by; 16], &answer()).await.unwrap();
    tx.commit().await.unwrap();
    kept
}

fn answer() -> StoredAnswer {
    StoredAnswer { status: 201, headers: r#"[["location","/x"]]"#.to_owned(), body: vec![0, 255, b'{'] }
}

async fn an_answer_is_kept(world: &World) {
    let id = project(world, "one").await.project_id;
    assert_eq!(world.idempotency(id).find(SCOPE).await.unwrap(), None);
    assert!(claim(world, id, SCOPE, "a", 1).await);
    assert!(!claim(world, id, SCOPE, "a", 2).await);
    let at_work = Remembered { request_hash: hash("a").to_vec(), answer: None };
    assert_eq!(world.idempotency(id).find(SCOPE).await.unwrap(), Some(at_work));
    assert!(!complete(world, id, 2).await, "another's claim");
    assert!(complete(world, id, 1).await);
    assert!(!complete(world, id, 1).await, "an answer never changes");
    let kept = Remembered { request_hash: hash("a").to_vec(), answer: Some(answer()) };
    assert_eq!(world.idempotency(id).find(SCOPE).await.unwrap(), Some(kept));
    assert!(!claim(world, id, SCOPE, "a", 3).await);
}

async fn a_released_claim_is_free_again(world: &World) {
    let id = project(world, "one").await.project_id;
    assert!(claim(world, id, SCOPE, "a", 1).await);
    for (by, free) in [(2, false), (1, true)] {
        let mut tx = world.begin().await.unwrap();
        tx.idempotency(id).release(SCOPE, &[by; 16]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claim(world, id, SCOPE, "b", 3).await, free);
    }
    assert!(complete(world, id, 3).await);
    let mut tx = world.begin().await.unwrap();
    tx.idempotency(id).release(SCOPE, &[3; 16]).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!claim(world, id, SCOPE, "b", 4).await, "an answer is not released");
}

async fn of_many_at_once_one_claims(world: &World) {
    let id = project(world, "one").await.project_id;
    let tasks: Vec<_> = (0..16)
        .map(|by| {
            let store = world.store();
            tokio::spawn(async move { claim(&store, id, SCOPE, "a", by).await })
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        winners += usize::from(task.await.unwrap());
    }
    assert_eq!(winners, 1);
}

async fn an_unanswered_claim_lapses(world: &World) {
    let id = project(world, "one").await.project_id;
    assert!(claim(world, id, SCOPE, "a", 1).await);
    world.clock().advance(Duration::from_secs(61));
    assert!(!claim(world, id, SCOPE, "other", 2).await, "only the same request may take it over");
    assert!(claim(world, id, SCOPE, "a", 2).await);
    assert!(!complete(world, id, 1).await, "the slow one comes too late");
    assert!(complete(world, id, 2).await);
}

async fn an_old_answer_is_forgotten(world: &World) {
    let id = project(world, "one").await.project_id;
    claim(world, id, SCOPE, "a", 1).await;
    complete(world, id, 1).await;
    world.clock().advance(Duration::from_secs(1001));
    assert!(claim(world, id, SCOPE, "other", 2).await);
    assert_eq!(world.idempotency(id).find(SCOPE).await.unwrap().unwrap().answer, None);
}

async fn scopes_are_apart(world: &World) {
    let (one, two) = (project(world, "one").await.project_id, project(world, "two").await.project_id);
    assert!(claim(world, one, SCOPE, "a", 1).await);
    assert!(claim(world, two, SCOPE, "a", 1).await);
    for other in [
        IdempotencyScope { principal: "key_2", ..SCOPE },
        IdempotencyScope { route: "POST /v1/keys", ..SCOPE },
        IdempotencyScope { idempotency_key: "l", ..SCOPE },
    ] {
        assert!(claim(world, one, other, "a", 1).await);
    }
}

async fn delete_lapsed_is_bounded(world: &World) {
    let id = project(world, "one").await.project_id;
    for n in 0..5 {
        let name = n.to_string();
        assert!(claim(world, id, IdempotencyScope { idempotency_key: &name, ..SCOPE }, "a", 1).await);
    }
    world.clock().advance(Duration::from_secs(10));
    assert!(claim(world, id, SCOPE, "a", 1).await);
    let mut tx = world.begin().await.unwrap();
    let before = tx.now();
    for expected in [3, 2, 0] {
        assert_eq!(tx.idempotency(id).delete_lapsed(before, 3).await.unwrap(), expected);
    }
}
