//! Holds of agents and projects.

use moltforge_testing::World;
use moltforge_types::execution::HoldMode;
use moltforge_types::{Actor, AgentId, ProjectId};

moltforge_testing::worlds! { holds_are_set_replaced_and_lifted }

async fn holds_are_set_replaced_and_lifted(world: &World) {
    let (project, other): (ProjectId, ProjectId) = (world.ambient().id(), world.ambient().id());
    let agent: AgentId = world.ambient().id();
    let mut tx = world.begin().await.unwrap();
    tx.holds(project).set(Some(agent), HoldMode::Pause, Some("look"), Actor::System).await.unwrap();
    tx.holds(project).set(Some(agent), HoldMode::Kill, None, Actor::System).await.unwrap();
    tx.holds(project).set(None, HoldMode::Pause, None, Actor::System).await.unwrap();
    tx.commit().await.unwrap();
    let held = world.holds(project).list().await.unwrap();
    assert_eq!(held.iter().map(|hold| hold.agent_id).collect::<Vec<_>>(), [None, Some(agent)]);
    assert_eq!((held[1].mode, held[1].note.as_deref(), held[1].actor.as_str()), (HoldMode::Kill, None, "system"));
    assert!(world.holds(other).list().await.unwrap().is_empty());
    assert_eq!(world.all_holds().all().await.unwrap(), held);

    let mut tx = world.begin().await.unwrap();
    assert!(!tx.holds(other).lift(None).await.unwrap());
    assert!(tx.holds(project).lift(None).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(world.holds(project).list().await.unwrap().len(), 1);
}
