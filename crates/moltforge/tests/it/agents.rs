//! `/v1/agents`, versions, deployments: the life of an agent.

use futures::TryStreamExt as _;
use moltforge_api::PageQuery;
use moltforge_api::agents::ListAgents;
use moltforge_api::deployments::{Deploy, Rollback};
use moltforge_client::StartOptions;
use moltforge_types::Fault as _;
use serde_json::json;

use crate::world::{World, agent, greeter, waiter, worlds};

worlds! {
    an_agent_lives_from_creation_to_deletion,
    a_patch_is_based_on_what_was_read,
    a_put_makes_a_version_only_if_it_differs,
    a_rollback_is_one_request,
    the_next_start_runs_what_was_deployed_last,
    a_live_execution_prevents_a_deletion,
    lists_go_on_page_by_page,
    a_repeated_creation_with_a_key_is_one_agent,
}

async fn an_agent_lives_from_creation_to_deletion(world: World) {
    let client = world.client();
    let created = client.agents().create(&greeter("hello"), None).await.unwrap();
    assert_eq!((created.name.as_str(), created.latest_version, created.deployments.len()), ("hello", 1, 0));
    let taken = client.agents().create(&greeter("hello"), None).await.unwrap_err();
    assert_eq!(taken.status(), Some(409), "{taken}");

    let deployment = client.agents().deploy("hello", &Deploy::default(), None).await.unwrap();
    assert_eq!(
        (deployment.version, deployment.environment.as_str(), deployment.status.as_str()),
        (1, "production", "live")
    );
    let execution = world.run("hello", json!({ "name": "Ada" })).await;
    assert_eq!((execution.state.as_str(), execution.output), ("completed", Some(json!("Hello Ada"))));

    client.agents().undeploy("hello", "production").await.unwrap();
    let refused = client.executions().start(&crate::world::start("hello", json!({})), &StartOptions::default()).await;
    assert_eq!(refused.unwrap_err().code(), "agent_not_deployed");

    client.agents().delete("hello", false).await.unwrap();
    assert!(client.agents().get("hello").await.unwrap_err().is_not_found());
    // history stays readable
    assert_eq!(client.executions().get(&execution.execution_id).await.unwrap().state, "completed");
    assert_eq!(client.agents().version(&created.agent_id, 1).await.unwrap().version, 1);
    let deleted = ListAgents { deleted: Some(true), ..ListAgents::default() };
    assert!(client.agents().list(&deleted).await.unwrap().items[0].deleted_at.is_some());
}

async fn a_patch_is_based_on_what_was_read(world: World) {
    let client = world.client();
    client.agents().create(&greeter("hello"), None).await.unwrap();
    let patched =
        client.agents().patch("hello", 1, &json!({ "description": "new", "limits": { "turns": 3 } })).await.unwrap();
    assert_eq!(
        (patched.latest_version, patched.config.description.as_str(), patched.config.limits.turns),
        (2, "new", 3)
    );
    assert_eq!(patched.config.limits.tool_calls, 200, "a merge, not a replacement");
    let stale = client.agents().patch("hello", 1, &json!({ "description": "other" })).await.unwrap_err();
    assert_eq!(stale.status(), Some(412), "{stale}");
    let answer = world.http().json("PATCH", "/v1/agents/hello", "{}").await;
    assert_eq!(answer.status, 428, "{}", answer.text());
    let diff = client.agents().diff("hello", 2, None).await.unwrap();
    let mut pointers: Vec<_> = diff.changes.iter().map(|change| change.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/description", "/limits/turns"]);
    assert!(diff.unified.contains("+turns = 3"), "{}", diff.unified);
}

async fn a_put_makes_a_version_only_if_it_differs(world: World) {
    let client = world.client();
    let mut config = greeter("hello");
    assert_eq!(client.agents().put("hello", &config).await.unwrap().latest_version, 1);
    assert_eq!(client.agents().put("hello", &config).await.unwrap().latest_version, 1);
    "changed".clone_into(&mut config.description);
    assert_eq!(client.agents().put("hello", &config).await.unwrap().latest_version, 2);
    let versions = client.agents().versions("hello", &PageQuery::default()).await.unwrap().items;
    assert_eq!(versions.iter().map(|v| v.version).collect::<Vec<_>>(), [2, 1]);
    assert_ne!(versions[0].content_hash, versions[1].content_hash);
    let other = client.agents().put("other", &config).await.unwrap_err();
    assert!(matches!(other.status(), Some(400..=422)), "{other}");
}

async fn a_rollback_is_one_request(world: World) {
    let client = world.client();
    world.deploy(&greeter("hello")).await;
    let second = agent("hello", json!({ "script": [{ "text": "Bye {{ input.name }}" }] }));
    client.agents().put("hello", &second).await.unwrap();
    client.agents().deploy("hello", &Deploy::default(), None).await.unwrap();
    let input = || json!({ "name": "Ada" });
    assert_eq!(world.run("hello", input()).await.output, Some(json!("Bye Ada")));

    let back = client.agents().rollback("hello", &Rollback::default(), None).await.unwrap();
    assert_eq!((back.version, back.action.as_str()), (1, "rollback"));
    let execution = world.run("hello", input()).await;
    assert_eq!((execution.version, execution.output), (1, Some(json!("Hello Ada"))));
    let history = client.agents().deployments("hello", &PageQuery::default()).await.unwrap().items;
    let told: Vec<_> = history.iter().map(|d| (d.version, d.status.as_str())).collect();
    assert_eq!(told, [(1, "live"), (2, "superseded"), (1, "superseded")]);
    let missing = Rollback { version: Some(9), environment: None };
    assert_eq!(client.agents().rollback("hello", &missing, None).await.unwrap_err().code(), "no_earlier_deployment");
}

/// However often the version was asked for before.
async fn the_next_start_runs_what_was_deployed_last(world: World) {
    let saying = |n: u32| agent("hello", json!({ "script": [{ "text": format!("version {n}") }] }));
    let client = world.client();
    world.deploy(&saying(1)).await;
    for n in 2..=10 {
        for _ in 0..3 {
            assert_eq!(world.run("hello", json!({})).await.output, Some(json!(format!("version {}", n - 1))));
        }
        client.agents().put("hello", &saying(n)).await.unwrap();
        client.agents().deploy("hello", &Deploy::default(), None).await.unwrap();
        assert_eq!(world.run("hello", json!({})).await.output, Some(json!(format!("version {n}"))));
    }
    client.agents().rollback("hello", &Rollback::default(), None).await.unwrap();
    assert_eq!(world.run("hello", json!({})).await.output, Some(json!("version 9")));
    client.agents().undeploy("hello", "production").await.unwrap();
    let refused = client.executions().start(&crate::world::start("hello", json!({})), &StartOptions::default()).await;
    assert_eq!(refused.unwrap_err().code(), "agent_not_deployed");
}

async fn a_live_execution_prevents_a_deletion(world: World) {
    let client = world.client();
    world.deploy(&waiter("patient")).await;
    let waiting = world.run("patient", json!(null)).await;
    assert_eq!(waiting.state, "suspended");
    let refused = client.agents().delete("patient", false).await.unwrap_err();
    assert_eq!(refused.code(), "agent_has_live_executions");
    client.agents().delete("patient", true).await.unwrap();
    assert_eq!(client.executions().get(&waiting.execution_id).await.unwrap().state, "cancelled");
}

async fn lists_go_on_page_by_page(world: World) {
    let client = world.client();
    for number in 0..7 {
        client.agents().create(&greeter(&format!("a{number}")), None).await.unwrap();
    }
    client.agents().create(&greeter("other"), None).await.unwrap();
    let filter = ListAgents { limit: Some(3), name_prefix: Some("a".to_owned()), ..ListAgents::default() };
    let all: Vec<String> = client.agents().list_all(filter).map_ok(|agent| agent.name).try_collect().await.unwrap();
    let mut sorted = all.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((all.len(), sorted.len()), (7, 7), "{all:?}");
}

async fn a_repeated_creation_with_a_key_is_one_agent(world: World) {
    let client = world.client();
    let first = client.agents().create(&greeter("hello"), Some("once")).await.unwrap();
    let second = client.agents().create(&greeter("hello"), Some("once")).await.unwrap();
    assert_eq!(first.agent_id, second.agent_id);
    let other = client.agents().create(&greeter("hello2"), Some("once")).await.unwrap_err();
    assert_eq!(other.status(), Some(422), "{other}");
}
