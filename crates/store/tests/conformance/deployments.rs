//! The table `deployment`.

use moltforge_store::{Deployment, Ended, Error, NewDeployment, NewVersion};
use moltforge_testing::World;
use moltforge_types::{Actor, AgentId, ContentHash, EnvironmentName};

use super::agents::{agent, name, project};

moltforge_testing::worlds! { one_is_live_per_environment, only_versions_that_exist, history_pages_newest_first, earlier_ones_are_found, live_ones_of_a_page_of_agents }

fn environment(text: &str) -> EnvironmentName {
    text.parse().unwrap()
}

/// An agent with versions 1 to 3.
async fn agent_of_three(world: &World, text: &str) -> AgentId {
    let agent_id = agent(world, project(1), text, "{}").await;
    let mut tx = world.begin().await.unwrap();
    for version in [2, 3] {
        let content_hash = ContentHash::of(b"");
        let new = NewVersion { agent_id, version, content_hash, config: "{}", bundle: None, created_by: Actor::System };
        tx.versions(project(1)).insert(new).await.unwrap();
    }
    tx.commit().await.unwrap();
    agent_id
}

/// Ends what is live and puts `version` in its place.
async fn deploy(world: &World, agent_id: AgentId, place: &str, version: u32) -> Result<Deployment, Error> {
    let environment = environment(place);
    let mut tx = world.begin().await?;
    let live = tx.deployments(project(1)).live(agent_id).await?;
    if let Some(live) = live.into_iter().find(|deployment| deployment.environment == environment) {
        tx.deployments(project(1)).end(agent_id, live.n, Ended::Superseded).await?;
    }
    let new = NewDeployment { agent_id, environment: &environment, version, restores: None, created_by: Actor::System };
    let made = tx.deployments(project(1)).insert(new).await?;
    tx.commit().await?;
    Ok(made)
}

async fn one_is_live_per_environment(world: &World) {
    let agent_id = agent_of_three(world, "hello").await;
    let first = deploy(world, agent_id, "production", 1).await.unwrap();
    assert_eq!((first.n, first.version, first.status.as_str(), first.action.as_str()), (1, 1, "live", "deploy"));
    assert_eq!((first.created_at, first.ended_at, first.restores), (world.ambient().now(), None, None));
    deploy(world, agent_id, "staging", 2).await.unwrap();

    let production = environment("production");
    let mut tx = world.begin().await.unwrap();
    let second =
        NewDeployment { agent_id, environment: &production, version: 2, restores: None, created_by: Actor::System };
    let refused = tx.deployments(project(1)).insert(second).await;
    assert!(matches!(refused, Err(Error::Unique { table: "deployment" })), "{refused:?}");
    drop(tx);

    let mut tx = world.begin().await.unwrap();
    tx.deployments(project(1)).end(agent_id, first.n, Ended::Undeployed).await.unwrap();
    let rollback = NewDeployment { restores: Some(1), ..second };
    let third = tx.deployments(project(1)).insert(rollback).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((third.n, third.action.as_str(), third.restores), (3, "rollback", Some(1)));
    let live = world.deployments(project(1)).live(agent_id).await.unwrap();
    assert_eq!(
        live.iter().map(|d| (d.environment.as_str(), d.n)).collect::<Vec<_>>(),
        [("production", 3), ("staging", 2)]
    );
    let history = world.deployments(project(1)).list(agent_id, None, None, 9).await.unwrap();
    assert_eq!((history[2].status.as_str(), history[2].ended_at), ("undeployed", Some(world.ambient().now())));
    assert_eq!(world.deployments(project(2)).live(agent_id).await.unwrap(), []);
}

async fn only_versions_that_exist(world: &World) {
    let agent_id = agent_of_three(world, "hello").await;
    let missing = deploy(world, agent_id, "production", 4).await;
    assert!(matches!(missing, Err(Error::Reference { .. })), "{missing:?}");
}

async fn history_pages_newest_first(world: &World) {
    let agent_id = agent_of_three(world, "hello").await;
    for (place, version) in [("production", 1), ("staging", 1), ("production", 2), ("production", 3)] {
        deploy(world, agent_id, place, version).await.unwrap();
    }
    let numbers = |page: Vec<Deployment>| page.iter().map(|d| d.n).collect::<Vec<_>>();
    let production = environment("production");
    let mut deployments = world.deployments(project(1));
    assert_eq!(numbers(deployments.list(agent_id, None, None, 3).await.unwrap()), [4, 3, 2]);
    assert_eq!(numbers(deployments.list(agent_id, None, Some(2), 3).await.unwrap()), [1]);
    assert_eq!(numbers(deployments.list(agent_id, Some(&production), None, 9).await.unwrap()), [4, 3, 1]);
    assert_eq!(world.deployments(project(2)).list(agent_id, None, None, 9).await.unwrap(), []);
}

async fn earlier_ones_are_found(world: &World) {
    let agent_id = agent_of_three(world, "hello").await;
    let production = environment("production");
    let mut deployments = world.deployments(project(1));
    assert_eq!(deployments.newest(agent_id, &production).await.unwrap(), None);
    for version in [1, 2, 1, 3, 3] {
        deploy(world, agent_id, "production", version).await.unwrap();
    }
    deploy(world, agent_id, "staging", 2).await.unwrap();
    assert_eq!(deployments.newest(agent_id, &production).await.unwrap().unwrap().n, 5);
    let before = deployments.newest_before(agent_id, &production, 5, 3).await.unwrap().unwrap();
    assert_eq!((before.n, before.version), (3, 1));
    assert_eq!(deployments.newest_before(agent_id, &production, 2, 1).await.unwrap(), None);
    assert_eq!(deployments.newest_of(agent_id, &production, 1).await.unwrap().unwrap().n, 3);
    assert_eq!(deployments.newest_of(agent_id, &environment("staging"), 3).await.unwrap(), None);
    assert_eq!(world.deployments(project(2)).newest(agent_id, &production).await.unwrap(), None);
}

async fn live_ones_of_a_page_of_agents(world: &World) {
    let (a, b) = (agent_of_three(world, "a").await, agent_of_three(world, "b").await);
    let c = agent_of_three(world, "c").await;
    for (agent_id, place) in [(a, "staging"), (a, "production"), (b, "production"), (c, "production")] {
        deploy(world, agent_id, place, 1).await.unwrap();
    }
    deploy(world, b, "production", 2).await.unwrap();
    let (first, last) = (name("a"), name("b"));
    let found = world.deployments(project(1)).live_between((&first, a), (&last, b)).await.unwrap();
    let mut found: Vec<_> = found.iter().map(|d| (d.agent_id, d.environment.as_str(), d.version)).collect();
    found.sort_unstable();
    let mut expected = vec![(a, "production", 1), (a, "staging", 1), (b, "production", 2)];
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(world.deployments(project(2)).live_between((&first, a), (&last, b)).await.unwrap(), []);
}
