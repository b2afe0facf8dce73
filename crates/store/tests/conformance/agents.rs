//! The table `agent`.

use moltforge_store::{AgentFilter, Error, ListedAgent, NewVersion};
use moltforge_testing::World;
use moltforge_types::{Actor, AgentId, AgentName, ContentHash, Id as _, ProjectId};

moltforge_testing::worlds! { an_agent_is_found, a_name_is_unique_until_deleted, the_latest_version_moves, lists_filter_and_page, a_page_of_large_configurations_ends_early, a_lock_serialises }

pub(crate) fn project(n: u128) -> ProjectId {
    ProjectId::from_u128(n)
}

pub(crate) fn name(text: &str) -> AgentName {
    text.parse().unwrap()
}

/// An agent with one version of the given configuration.
pub(crate) async fn agent(world: &World, project_id: ProjectId, text: &str, config: &str) -> AgentId {
    let mut tx = world.begin().await.unwrap();
    let agent_id = tx.id();
    tx.agents(project_id).insert(agent_id, &name(text)).await.unwrap();
    let content_hash = ContentHash::of(config.as_bytes());
    let version = NewVersion { agent_id, version: 1, content_hash, config, bundle: None, created_by: Actor::System };
    tx.versions(project_id).insert(version).await.unwrap();
    tx.commit().await.unwrap();
    agent_id
}

async fn an_agent_is_found(world: &World) {
    let agent_id = agent(world, project(1), "hello", "{}").await;
    let found = world.agents(project(1)).find(agent_id).await.unwrap().unwrap();
    assert_eq!((found.agent_id, &found.name, found.latest_version), (agent_id, &name("hello"), 1));
    assert_eq!((found.created_at, found.deleted_at), (world.ambient().now(), None));
    assert_eq!(world.agents(project(1)).find_by_name(&name("hello")).await.unwrap(), Some(found));
    assert_eq!(world.agents(project(2)).find(agent_id).await.unwrap(), None);
    assert_eq!(world.agents(project(2)).find_by_name(&name("hello")).await.unwrap(), None);
    let mut tx = world.begin().await.unwrap();
    assert_eq!(tx.agents(project(2)).lock(agent_id).await.unwrap(), None);
    assert_eq!(tx.agents(project(2)).lock_by_name(&name("hello")).await.unwrap(), None);
}

async fn a_name_is_unique_until_deleted(world: &World) {
    let first = agent(world, project(1), "hello", "{}").await;
    agent(world, project(2), "hello", "{}").await;
    let mut tx = world.begin().await.unwrap();
    let agent_id = tx.id();
    let taken = tx.agents(project(1)).insert(agent_id, &name("hello")).await;
    assert!(matches!(taken, Err(Error::Unique { table: "agent" })), "{taken:?}");
    drop(tx);

    let mut tx = world.begin().await.unwrap();
    tx.agents(project(1)).set_deleted(first).await.unwrap();
    tx.commit().await.unwrap();
    assert!(world.agents(project(1)).find(first).await.unwrap().unwrap().deleted_at.is_some());
    assert_eq!(world.agents(project(1)).find_by_name(&name("hello")).await.unwrap(), None);
    let second = agent(world, project(1), "hello", "{}").await;
    assert_eq!(world.agents(project(1)).find_by_name(&name("hello")).await.unwrap().unwrap().agent_id, second);
}

async fn the_latest_version_moves(world: &World) {
    let agent_id = agent(world, project(1), "hello", "{}").await;
    let before = world.agents(project(1)).find(agent_id).await.unwrap().unwrap();
    world.clock().advance(std::time::Duration::from_secs(1));
    let mut tx = world.begin().await.unwrap();
    tx.agents(project(1)).set_latest_version(agent_id, 2).await.unwrap();
    tx.commit().await.unwrap();
    let after = world.agents(project(1)).find(agent_id).await.unwrap().unwrap();
    assert_eq!((after.latest_version, after.created_at), (2, before.created_at));
    assert!(after.updated_at > before.updated_at);
}

async fn listed(world: &World, filter: AgentFilter, limit: u32) -> (Vec<String>, bool) {
    let page = world.agents(project(1)).list(&filter, limit).await.unwrap();
    let names = page.items.iter().map(|ListedAgent { agent, config }| format!("{}={config}", agent.name));
    (names.collect(), page.more)
}

async fn lists_filter_and_page(world: &World) {
    for text in ["b", "a-2", "a-1", "a-10", "az"] {
        agent(world, project(1), text, &format!("\"{text}\"")).await;
    }
    agent(world, project(2), "other", "{}").await;
    let all = listed(world, AgentFilter::default(), 10).await;
    let expected = ["a-1=\"a-1\"", "a-10=\"a-10\"", "a-2=\"a-2\"", "az=\"az\"", "b=\"b\""];
    assert_eq!(all, (expected.map(str::to_owned).to_vec(), false));
    let prefix = AgentFilter { name_prefix: Some("a-".to_owned()), ..AgentFilter::default() };
    assert_eq!(listed(world, prefix.clone(), 10).await.0.len(), 3);
    assert_eq!(listed(world, prefix.clone(), 3).await, (listed(world, prefix.clone(), 10).await.0, false));
    assert!(listed(world, prefix.clone(), 2).await.1);
    let first = world.agents(project(1)).list(&prefix, 2).await.unwrap();
    let last = first.items.last().unwrap().agent.clone();
    let after = AgentFilter { after: Some((last.name, last.agent_id)), ..prefix };
    assert_eq!(listed(world, after, 2).await, (vec!["a-2=\"a-2\"".to_owned()], false));
    let nothing = AgentFilter { name_prefix: Some("%".to_owned()), ..AgentFilter::default() };
    assert_eq!(listed(world, nothing, 2).await, (vec![], false));

    let mut tx = world.begin().await.unwrap();
    tx.agents(project(1)).set_deleted(last.agent_id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(listed(world, AgentFilter::default(), 10).await.0.len(), 4);
    assert_eq!(listed(world, AgentFilter { deleted: true, ..AgentFilter::default() }, 10).await.0.len(), 5);
}

async fn a_page_of_large_configurations_ends_early(world: &World) {
    let large = format!("\"{}\"", "x".repeat(3 * 1024 * 1024));
    for text in ["a", "b", "c"] {
        agent(world, project(1), text, &large).await;
    }
    let page = world.agents(project(1)).list(&AgentFilter::default(), 10).await.unwrap();
    assert_eq!((page.items.len(), page.more), (2, true));
}

async fn a_lock_serialises(world: &World) {
    let agent_id = agent(world, project(1), "hello", "{}").await;
    let add = |by_name: bool| async move {
        let mut tx = world.begin().await.unwrap();
        let mut agents = tx.agents(project(1));
        let locked = if by_name { agents.lock_by_name(&name("hello")).await } else { agents.lock(agent_id).await };
        let next = locked.unwrap().unwrap().latest_version + 1;
        agents.set_latest_version(agent_id, next).await.unwrap();
        tx.commit().await.unwrap();
    };
    tokio::join!(add(true), add(false), add(true), add(false), add(true));
    assert_eq!(world.agents(project(1)).find(agent_id).await.unwrap().unwrap().latest_version, 6);
}
