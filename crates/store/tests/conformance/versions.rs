//! The table `agent_version`.

use moltforge_store::{AgentRef, Error, NewDeployment, NewVersion, Version, VersionRef};
use moltforge_testing::World;
use moltforge_types::{Actor, AgentId, ContentHash, EnvironmentName, Id as _, KeyId};

use super::agents::{agent, name, project};

moltforge_testing::worlds! { a_version_is_found, numbers_are_unique, lists_page_newest_first, a_page_of_large_configurations_ends_early, resolving_takes_one_statement }

async fn add(world: &World, agent_id: AgentId, version: u32, config: &str) -> Result<Version, Error> {
    let content_hash = ContentHash::of(config.as_bytes());
    let created_by = Actor::Key(KeyId::from_u128(7));
    let mut tx = world.begin().await?;
    let new = NewVersion { agent_id, version, content_hash, config, bundle: None, created_by };
    let made = tx.versions(project(1)).insert(new).await?;
    tx.commit().await?;
    Ok(made)
}

async fn a_version_is_found(world: &World) {
    let agent_id = agent(world, project(1), "hello", "{}").await;
    let made = add(world, agent_id, 2, r#"{"a":1}"#).await.unwrap();
    assert_eq!((made.version, made.config.as_str()), (2, r#"{"a":1}"#));
    assert_eq!(made.created_by, KeyId::from_u128(7).to_string());
    assert_eq!(world.versions(project(1)).get(made.version_id).await.unwrap(), Some(made.clone()));
    assert_eq!(world.versions(project(1)).find(agent_id, 2).await.unwrap(), Some(made.clone()));
    assert_eq!(world.versions(project(1)).find(agent_id, 3).await.unwrap(), None);
    assert_eq!(world.versions(project(2)).get(made.version_id).await.unwrap(), None);
    assert_eq!(world.versions(project(2)).find(agent_id, 2).await.unwrap(), None);
}

async fn numbers_are_unique(world: &World) {
    let agent_id = agent(world, project(1), "hello", "{}").await;
    let twice = add(world, agent_id, 1, "{}").await;
    assert!(matches!(twice, Err(Error::Unique { table: "agent_version" })), "{twice:?}");
    let nobody = add(world, AgentId::from_u128(9), 1, "{}").await;
    assert!(matches!(nobody, Err(Error::Reference { .. })), "{nobody:?}");
}

async fn lists_page_newest_first(world: &World) {
    let agent_id = agent(world, project(1), "hello", "{}").await;
    for version in 2..=5 {
        add(world, agent_id, version, "{}").await.unwrap();
    }
    let (page, more) = world.versions(project(1)).list(agent_id, None, 3).await.unwrap();
    assert_eq!((page.iter().map(|v| v.version).collect::<Vec<_>>(), more), (vec![5, 4, 3], true));
    let (page, more) = world.versions(project(1)).list(agent_id, Some(3), 3).await.unwrap();
    assert_eq!((page.iter().map(|v| v.version).collect::<Vec<_>>(), more), (vec![2, 1], false));
    assert_eq!(world.versions(project(2)).list(agent_id, None, 3).await.unwrap(), (vec![], false));
}

async fn a_page_of_large_configurations_ends_early(world: &World) {
    let large = format!("\"{}\"", "x".repeat(3 * 1024 * 1024));
    let agent_id = agent(world, project(1), "hello", &large).await;
    add(world, agent_id, 2, &large).await.unwrap();
    add(world, agent_id, 3, &large).await.unwrap();
    let (page, more) = world.versions(project(1)).list(agent_id, None, 10).await.unwrap();
    assert_eq!((page.len(), more), (2, true));
}

async fn resolving_takes_one_statement(world: &World) {
    let agent_id = agent(world, project(1), "hello", r#"{"v":1}"#).await;
    let second = add(world, agent_id, 2, r#"{"v":2}"#).await.unwrap();
    let production = EnvironmentName::production();
    let (by_id, by_name) = (AgentRef::Id(agent_id), AgentRef::Name(name("hello")));
    let live = VersionRef::Environment(production.clone());

    let nothing_live = world.versions(project(1)).resolve(&by_name, &live).await.unwrap().unwrap();
    assert_eq!((nothing_live.agent_id, nothing_live.version), (agent_id, None));

    let mut tx = world.begin().await.unwrap();
    let new =
        NewDeployment { agent_id, environment: &production, version: 2, restores: None, created_by: Actor::System };
    tx.deployments(project(1)).insert(new).await.unwrap();
    tx.commit().await.unwrap();
    for agent in [&by_id, &by_name] {
        let resolved = world.versions(project(1)).resolve(agent, &live).await.unwrap().unwrap();
        let version = resolved.version.unwrap();
        assert_eq!(
            (version.version_id, version.version, version.config),
            (second.version_id, 2, second.config.clone())
        );
        assert_eq!((resolved.agent_name, resolved.deleted), (name("hello"), false));
        let first = world.versions(project(1)).resolve(agent, &VersionRef::Number(1)).await.unwrap().unwrap();
        assert_eq!(first.version.map(|v| v.config).as_deref(), Some(r#"{"v":1}"#));
        let missing = world.versions(project(1)).resolve(agent, &VersionRef::Number(9)).await.unwrap().unwrap();
        assert_eq!(missing.version, None);
        let elsewhere = VersionRef::Environment("staging".parse().unwrap());
        assert_eq!(world.versions(project(1)).resolve(agent, &elsewhere).await.unwrap().unwrap().version, None);
        assert_eq!(world.versions(project(2)).resolve(agent, &live).await.unwrap(), None);
    }

    let mut tx = world.begin().await.unwrap();
    tx.agents(project(1)).set_deleted(agent_id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.versions(project(1)).resolve(&by_name, &live).await.unwrap(), None);
    let deleted = world.versions(project(1)).resolve(&by_id, &VersionRef::Number(1)).await.unwrap().unwrap();
    assert!(deleted.deleted);
    assert!("hello".parse::<AgentRef>().is_ok_and(|agent| agent == by_name));
    assert!(agent_id.to_string().parse::<AgentRef>().is_ok_and(|agent| agent == by_id));
    assert!("exe_01h455vb4pex5vsknk084sn02q".parse::<AgentRef>().is_err());
}
