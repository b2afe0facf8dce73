//! Triggers: what is written is found, schedules move on once, and nothing crosses projects.

use moltforge_store::{NewTrigger, Ran, Settled, Trigger, TriggerCounts};
use moltforge_testing::World;
use moltforge_types::{Actor, AgentId, EnvironmentName, ExecutionId, ProjectId, Timestamp, TriggerId};

use crate::fires::fire;

moltforge_testing::worlds! { triggers_are_found_and_changed, schedules_move_once, readers_across_projects, names_are_unique }

pub(crate) struct Ground {
    pub(crate) project_id: ProjectId,
    pub(crate) agent_id: AgentId,
}

pub(crate) async fn ground(world: &World) -> Ground {
    let (project_id, agent_id) = (world.ambient().id(), world.ambient().id());
    let mut tx = world.begin().await.unwrap();
    tx.agents(project_id).insert(agent_id, &"hello".parse().unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    Ground { project_id, agent_id }
}

fn micros(at: i64) -> Timestamp {
    Timestamp::from_micros(at)
}

pub(crate) async fn insert(world: &World, ground: &Ground, name: &str, kind: &str, next: Option<i64>) -> TriggerId {
    let trigger_id = world.ambient().id();
    let mut tx = world.begin().await.unwrap();
    let new = NewTrigger {
        trigger_id,
        agent_id: ground.agent_id,
        name,
        kind,
        environment: &EnvironmentName::production(),
        origin: if name.starts_with("file") { "file" } else { "api" },
        config: "{}",
        shard: 7,
        next: next.map(|at| (micros(at), micros(at + 1))),
        created_by: Actor::System,
    };
    tx.triggers(ground.project_id).insert(new).await.unwrap();
    tx.commit().await.unwrap();
    trigger_id
}

async fn find(world: &World, ground: &Ground, id: TriggerId) -> Trigger {
    world.triggers(ground.project_id).find(id).await.unwrap().unwrap()
}

async fn triggers_are_found_and_changed(world: &World) {
    let ground = ground(world).await;
    let a = insert(world, &ground, "a", "schedule", Some(10)).await;
    let b = insert(world, &ground, "file-b", "webhook", None).await;
    let found = find(world, &ground, a).await;
    assert!(found.is_active());
    assert_eq!((found.planned_at, found.next_at, found.generation), (Some(micros(10)), Some(micros(11)), 1));
    let mut all = world.triggers(ground.project_id);
    assert_eq!(all.list(None, None, 10).await.unwrap().len(), 2);
    // ids of one millisecond are in no order
    assert_eq!(all.list(Some(ground.agent_id), Some(a.min(b)), 10).await.unwrap()[0].trigger_id, a.max(b));
    let counts = |of_agent, total| TriggerCounts { of_agent, events: 0, total };
    assert_eq!(all.count(ground.agent_id).await.unwrap(), counts(2, 2));
    assert_eq!(all.count(world.ambient().id()).await.unwrap(), counts(0, 2));
    let declared = all.declared(ground.agent_id, &EnvironmentName::production()).await.unwrap();
    assert_eq!(declared.iter().map(|one| one.trigger_id).collect::<Vec<_>>(), [b]);
    // another project sees nothing of it
    let other: ProjectId = world.ambient().id();
    assert!(world.triggers(other).find(a).await.unwrap().is_none());
    assert_eq!(world.triggers(other).count(ground.agent_id).await.unwrap(), counts(0, 0));

    let mut tx = world.begin().await.unwrap();
    let mut triggers = tx.triggers(ground.project_id);
    triggers.update(a, "a2", "schedule", "{\"x\":1}", Some((micros(20), micros(20)))).await.unwrap();
    triggers.set_paused(b, true, None).await.unwrap();
    assert_eq!(triggers.rotate(b, micros(99)).await.unwrap(), 2);
    triggers.deactivate(b).await.unwrap();
    tx.commit().await.unwrap();
    let found = find(world, &ground, a).await;
    assert_eq!((found.name.as_str(), found.config.as_str(), found.next_at), ("a2", "{\"x\":1}", Some(micros(20))));
    let found = find(world, &ground, b).await;
    assert!(found.paused && found.inactive && found.previous_until == Some(micros(99)));

    let mut tx = world.begin().await.unwrap();
    let execution_id: ExecutionId = tx.id();
    let mut triggers = tx.triggers(ground.project_id);
    triggers.ran(a, Ran::Refused("{\"code\":\"x\"}")).await.unwrap();
    triggers.ran(a, Ran::Skipped).await.unwrap();
    tx.commit().await.unwrap();
    let found = find(world, &ground, a).await;
    assert_eq!((found.started, found.skipped, found.refused), (0, 1, 1));
    assert!(found.last_error.is_some() && found.last_at.is_some(), "a skipped fire leaves the error to be read");
    let mut tx = world.begin().await.unwrap();
    tx.triggers(ground.project_id).ran(a, Ran::Started(execution_id)).await.unwrap();
    tx.commit().await.unwrap();
    let found = find(world, &ground, a).await;
    assert_eq!((found.last_execution_id, found.last_error, found.started), (Some(execution_id), None, 1));
    let mut tx = world.begin().await.unwrap();
    tx.triggers(ground.project_id).refused(a, 7, "{\"code\":\"y\"}").await.unwrap();
    tx.commit().await.unwrap();
    let found = find(world, &ground, a).await;
    assert_eq!((found.refused, found.last_error.as_deref()), (8, Some("{\"code\":\"y\"}")));

    let mut tx = world.begin().await.unwrap();
    tx.fires(ground.project_id).insert(&fire(&ground, a, "one", 1)).await.unwrap();
    tx.fires(ground.project_id).insert(&fire(&ground, b, "one", 1)).await.unwrap();
    tx.triggers(ground.project_id).delete(a).await.unwrap();
    tx.commit().await.unwrap();
    assert!(world.triggers(ground.project_id).find(a).await.unwrap().is_none());
    assert!(world.fires(ground.project_id).find(a, "one").await.unwrap().is_none());
    assert!(world.fires(ground.project_id).find(b, "one").await.unwrap().is_some());
    let mut tx = world.begin().await.unwrap();
    tx.triggers(ground.project_id).delete_of_agent(ground.agent_id).await.unwrap();
    tx.commit().await.unwrap();
    assert!(world.triggers(ground.project_id).list(None, None, 10).await.unwrap().is_empty());
    assert!(world.fires(ground.project_id).find(b, "one").await.unwrap().is_none());
}

async fn schedules_move_once(world: &World) {
    let ground = ground(world).await;
    let id = insert(world, &ground, "a", "schedule", Some(10)).await;
    let mut tx = world.begin().await.unwrap();
    let mut triggers = tx.triggers(ground.project_id);
    assert!(triggers.advance(id, micros(10), Some((micros(20), micros(21))), 3).await.unwrap());
    assert!(!triggers.advance(id, micros(10), Some((micros(30), micros(31))), 3).await.unwrap(), "it has moved");
    triggers.set_paused(id, true, None).await.unwrap();
    assert!(!triggers.advance(id, micros(20), None, 0).await.unwrap(), "it rests");
    tx.commit().await.unwrap();
    let found = find(world, &ground, id).await;
    assert_eq!((found.skipped, found.planned_at), (3, None));
    // what was settled stays settled
    let mut tx = world.begin().await.unwrap();
    let mut fires = tx.fires(ground.project_id);
    fires.insert(&fire(&ground, id, "k", 1)).await.unwrap();
    let how = Settled { state: "skipped", execution_id: None, error: None };
    assert!(fires.settle(id, "k", how).await.unwrap());
    tx.commit().await.unwrap();
}

async fn readers_across_projects(world: &World) {
    let (one, two) = (ground(world).await, ground(world).await);
    let late = insert(world, &one, "late", "schedule", Some(2_000)).await;
    let soon = insert(world, &two, "soon", "schedule", Some(1_000)).await;
    let hook = insert(world, &two, "hook", "webhook", None).await;
    let event = insert(world, &one, "event", "event", None).await;
    let mut live = world.live_triggers();
    let ids = |rows: Vec<Trigger>| rows.into_iter().map(|row| row.trigger_id).collect::<Vec<_>>();
    assert_eq!(ids(live.due(&[6, 7], micros(5_000), 10).await.unwrap()), [soon, late]);
    assert_eq!(ids(live.due(&[7], micros(1_001), 10).await.unwrap()), [soon]);
    assert!(live.due(&[8], micros(5_000), 10).await.unwrap().is_empty());
    assert_eq!(live.of_url(hook).await.unwrap().unwrap().project_id, two.project_id);
    assert!(live.of_url(world.ambient().id()).await.unwrap().is_none());
    assert_eq!(ids(live.listening(10).await.unwrap()), [event]);
    assert_eq!(world.triggers(one.project_id).count(one.agent_id).await.unwrap().events, 1);
    let other = insert(world, &one, "other", "event", None).await;
    let mut both = [event, other];
    both.sort();
    assert_eq!(ids(live.listening(1).await.unwrap()), both, "page by page");
    // what a program cannot read is no fault of the others
    let mut tx = world.begin().await.unwrap();
    tx.query("UPDATE trigger SET environment = '?' WHERE trigger_id IN ($1, $2)")
        .bind(event)
        .bind(soon)
        .execute()
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ids(live.listening(1).await.unwrap()), [other]);
    assert_eq!(ids(world.triggers(one.project_id).listening().await.unwrap()), [other]);
    assert_eq!(ids(live.due(&[6, 7], micros(5_000), 10).await.unwrap()), [late]);
    let mut tx = world.begin().await.unwrap();
    tx.query("UPDATE trigger SET environment = 'production' WHERE trigger_id = $1")
        .bind(event)
        .execute()
        .await
        .unwrap();
    tx.triggers(one.project_id).delete(other).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ids(world.triggers(one.project_id).listening().await.unwrap()), [event]);
    assert!(world.triggers(two.project_id).listening().await.unwrap().is_empty());
    let mut tx = world.begin().await.unwrap();
    tx.triggers(one.project_id).set_paused(event, true, None).await.unwrap();
    tx.commit().await.unwrap();
    assert!(world.live_triggers().listening(10).await.unwrap().is_empty());
    assert!(world.triggers(one.project_id).listening().await.unwrap().is_empty());
}

async fn names_are_unique(world: &World) {
    let ground = ground(world).await;
    insert(world, &ground, "a", "webhook", None).await;
    let mut tx = world.begin().await.unwrap();
    let new = NewTrigger {
        trigger_id: world.ambient().id(),
        agent_id: ground.agent_id,
        name: "a",
        kind: "webhook",
        environment: &EnvironmentName::production(),
        origin: "api",
        config: "{}",
        shard: 7,
        next: None,
        created_by: Actor::System,
    };
    let taken = tx.triggers(ground.project_id).insert(new).await;
    assert!(matches!(taken, Err(moltforge_store::Error::Unique { .. })), "{taken:?}");
}
