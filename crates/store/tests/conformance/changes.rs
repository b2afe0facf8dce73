//! The tables `change` and `project_counter`.

use moltforge_testing::World;
use moltforge_types::{Actor, ProjectId};
use serde_json::json;

use super::agents::project;

moltforge_testing::worlds! { numbers_have_no_gaps, what_is_undone_leaves_no_number, simultaneous_changes_are_numbered, readers_page_both_ways }

async fn change(world: &World, project_id: ProjectId, subject: u32) -> u64 {
    let mut tx = world.begin().await.unwrap();
    let data = json!({ "subject": subject });
    let n = tx.changes(project_id).insert(Actor::System, "test.changed", subject, &data).await.unwrap();
    tx.commit().await.unwrap();
    n
}

async fn numbers_have_no_gaps(world: &World) {
    assert_eq!([change(world, project(1), 5).await, change(world, project(1), 6).await], [1, 2]);
    assert_eq!(change(world, project(2), 7).await, 1, "each project counts for itself");
    let changes = world.changes(project(1)).list(0, 10).await.unwrap();
    let first = &changes[0];
    assert_eq!((first.n, first.at, first.actor.as_str()), (1, world.ambient().now(), "system"));
    assert_eq!((first.action.as_str(), first.subject.as_str()), ("test.changed", "5"));
    assert_eq!(first.data, json!({ "subject": 5 }));
    assert_eq!(changes.len(), 2);
}

async fn what_is_undone_leaves_no_number(world: &World) {
    change(world, project(1), 1).await;
    let mut tx = world.begin().await.unwrap();
    tx.changes(project(1)).insert(Actor::System, "test.changed", "x", &json!({})).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(change(world, project(1), 2).await, 2);
}

async fn simultaneous_changes_are_numbered(world: &World) {
    let add = |subject| change(world, project(1), subject);
    let mut numbers: [_; 5] = tokio::join!(add(1), add(2), add(3), add(4), add(5)).into();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}

async fn readers_page_both_ways(world: &World) {
    for subject in 1..=5 {
        change(world, project(1), subject).await;
    }
    let numbers = |changes: Vec<moltforge_store::Change>| changes.iter().map(|c| c.n).collect::<Vec<_>>();
    let mut changes = world.changes(project(1));
    assert_eq!(numbers(changes.list(2, 2).await.unwrap()), [3, 4]);
    assert_eq!(numbers(changes.list(5, 2).await.unwrap()), Vec::<u64>::new());
    assert_eq!(numbers(changes.list_newest(None, 2).await.unwrap()), [5, 4]);
    assert_eq!(numbers(changes.list_newest(Some(4), 9).await.unwrap()), [3, 2, 1]);
    assert_eq!(numbers(world.changes(project(3)).list(0, 9).await.unwrap()), Vec::<u64>::new());
}
