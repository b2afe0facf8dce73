//! Reading the state of agents.

use moltforge_testing::World;
use moltforge_types::execution::State;
use moltforge_types::{AgentId, Timestamp};

use crate::fixture::{Owner, columns};

moltforge_testing::worlds! { values_are_found_and_listed }

async fn values_are_found_and_listed(world: &World) {
    let owner = Owner::new(world).await;
    let mut batch = owner.batch();
    let execution = owner.start(world, &mut batch, 1, columns(State::Running));
    for key in ["b", "a", "c"] {
        owner.write(&mut batch, execution, key, Some("{\"n\":1}"));
    }
    owner.commit(batch).await.unwrap();
    let mut state = world.state(owner.project_id, owner.agent_id);
    let value = state.find("b").await.unwrap().unwrap();
    assert_eq!((value.value.as_str(), value.execution_id), ("{\"n\":1}", execution.execution_id));
    assert_eq!(value.updated_at, Timestamp::from_micros(6));
    let page = state.list(Some("a"), 1).await.unwrap();
    assert_eq!(page.iter().map(|value| value.key.as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(state.list(None, 10).await.unwrap().len(), 3);
    let other: AgentId = world.ambient().id();
    assert!(world.state(owner.project_id, other).find("a").await.unwrap().is_none());
}
