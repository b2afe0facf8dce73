//! Reading executions.

use moltforge_store::{Columns, ExecutionFilter};
use moltforge_testing::World;
use moltforge_types::execution::State;
use moltforge_types::{AgentId, ExecutionId, ProjectId, Timestamp};

use crate::fixture::{Execution, Owner, columns};

moltforge_testing::worlds! {
    one_is_found_in_its_project_only,
    one_is_found_by_its_key,
    lists_are_newest_first_and_paged,
    a_page_of_large_outputs_ends_early,
    lists_are_filtered,
    children_and_states_are_listed_by_id,
    live_ones_are_counted,
    states_are_counted,
    runnable_ones_are_paged_by_shard,
    due_ones_come_by_time,
    lists_read_along_an_index,
}

async fn one_is_found_in_its_project_only(world: &World) {
    let owner = Owner::new(world).await;
    let execution = owner.started(world, columns(State::Running)).await;
    let row = world.executions(owner.project_id).find(execution.execution_id).await.unwrap().unwrap();
    assert_eq!((row.agent_name.as_str(), row.version, row.shard), ("hello", 1, 7));
    let foreign: ProjectId = world.ambient().id();
    assert!(world.executions(foreign).find(execution.execution_id).await.unwrap().is_none());
}

async fn one_is_found_by_its_key(world: &World) {
    let owner = Owner::new(world).await;
    let mut batch = owner.batch();
    let execution = owner.start(world, &mut batch, 1, columns(State::Scheduled));
    batch.starts[0].idempotency_key = Some("once".to_owned());
    batch.starts[0].request_hash = Some("hash".to_owned());
    owner.commit(batch).await.unwrap();
    let row = world.executions(owner.project_id).find_by_key("once").await.unwrap().unwrap();
    assert_eq!((row.execution_id, row.request_hash.as_deref()), (execution.execution_id, Some("hash")));
    assert!(world.executions(owner.project_id).find_by_key("twice").await.unwrap().is_none());
    let foreign: ProjectId = world.ambient().id();
    assert!(world.executions(foreign).find_by_key("once").await.unwrap().is_none());
}

async fn five(world: &World, owner: &Owner) -> Vec<ExecutionId> {
    let mut ids = Vec::new();
    for state in [State::Scheduled, State::Running, State::Suspended, State::Completed, State::Running] {
        // ids sort as time does
        world.clock().advance(std::time::Duration::from_secs(1));
        ids.push(owner.started(world, columns(state)).await.execution_id);
    }
    ids
}

async fn listed(world: &World, owner: &Owner, filter: ExecutionFilter<'_>, limit: u32) -> Vec<ExecutionId> {
    let (rows, _) = world.executions(owner.project_id).list(filter, limit).await.unwrap();
    rows.iter().map(|row| row.execution_id).collect()
}

async fn lists_are_newest_first_and_paged(world: &World) {
    let owner = Owner::new(world).await;
    let mut ids = five(world, &owner).await;
    ids.reverse();
    let first = listed(world, &owner, ExecutionFilter::default(), 2).await;
    assert_eq!(first, ids[..2]);
    let filter = ExecutionFilter { before: Some(first[1]), ..ExecutionFilter::default() };
    assert_eq!(listed(world, &owner, filter, 10).await, ids[2..]);
}

async fn a_page_of_large_outputs_ends_early(world: &World) {
    let owner = Owner::new(world).await;
    for state in [State::Completed, State::Failed, State::Completed] {
        world.clock().advance(std::time::Duration::from_secs(1));
        let large = Columns { output: Some(format!("\"{}\"", "x".repeat(3 * 1024 * 1024))), ..columns(state) };
        owner.started(world, large).await;
    }
    let mut filter = ExecutionFilter::default();
    for states in [&[][..], &[State::Completed, State::Failed]] {
        filter.states = states;
        filter.before = None;
        for more in [true, true, false] {
            let (rows, left) = world.executions(owner.project_id).list(filter, 10).await.unwrap();
            assert_eq!((rows.len(), left), (1, more));
            filter.before = Some(rows[0].execution_id);
        }
    }
}

async fn lists_are_filtered(world: &World) {
    let owner = Owner::new(world).await;
    let ids = five(world, &owner).await;
    let other: AgentId = world.ambient().id();
    let by = |states, agent_id, before| ExecutionFilter { states, agent_id, before };
    assert_eq!(listed(world, &owner, by(&[State::Running], None, None), 10).await, [ids[4], ids[1]]);
    assert_eq!(listed(world, &owner, by(&[State::Running], None, Some(ids[4])), 10).await, [ids[1]]);
    let two = [State::Completed, State::Scheduled];
    assert_eq!(listed(world, &owner, by(&two, Some(owner.agent_id), None), 10).await, [ids[3], ids[0]]);
    assert_eq!(listed(world, &owner, by(&two, Some(owner.agent_id), None), 1).await, [ids[3]]);
    assert_eq!(listed(world, &owner, by(&[], Some(owner.agent_id), Some(ids[1])), 10).await, [ids[0]]);
    assert!(listed(world, &owner, by(&[], Some(other), None), 10).await.is_empty());
    assert!(listed(world, &owner, by(&[State::Running], Some(other), None), 10).await.is_empty());
}

async fn live_ones_are_counted(world: &World) {
    let owner = Owner::new(world).await;
    five(world, &owner).await;
    let other: AgentId = world.ambient().id();
    let mut executions = world.executions(owner.project_id);
    assert_eq!(executions.count_live(owner.agent_id, 100).await.unwrap(), 4);
    assert_eq!(executions.count_live(owner.agent_id, 2).await.unwrap(), 2);
    assert_eq!(executions.count_live(other, 100).await.unwrap(), 0);
    assert_eq!(executions.count_in(State::Running, 100).await.unwrap(), 2);
    assert_eq!(executions.count_in(State::Running, 1).await.unwrap(), 1);
    assert_eq!(executions.count_in(State::Paused, 100).await.unwrap(), 0);
}

async fn states_are_counted(world: &World) {
    let owner = Owner::new(world).await;
    five(world, &owner).await;
    let counts = world.executions(owner.project_id).counts().await.unwrap();
    let expected = [(State::Completed, 1), (State::Running, 2), (State::Scheduled, 1), (State::Suspended, 1)];
    assert_eq!(counts, expected);
}

async fn runnable_ones_are_paged_by_shard(world: &World) {
    let owner = Owner::new(world).await;
    let ids = five(world, &owner).await;
    let mut live = world.live_executions();
    let page = live.runnable(7, None, 2).await.unwrap();
    assert_eq!(page.iter().map(|row| row.execution_id).collect::<Vec<_>>(), ids[..2]);
    assert_eq!((page[1].columns.state, page[1].last_seq, page[1].project_id), (State::Running, 1, owner.project_id));
    let page = live.runnable(7, Some(ids[1]), 2).await.unwrap();
    assert_eq!(page.iter().map(|row| row.execution_id).collect::<Vec<_>>(), [ids[4]]);
    assert!(live.runnable(8, None, 10).await.unwrap().is_empty());
    assert_eq!(live.runnable_shards().await.unwrap(), [7]);
}

async fn waiting(world: &World, owner: &Owner, wake_at: i64) -> Execution {
    let mut columns = columns(State::Suspended);
    columns.wake_at = Some(Timestamp::from_micros(wake_at));
    owner.started(world, columns).await
}

async fn due_ones_come_by_time(world: &World) {
    let owner = Owner::new(world).await;
    let late = waiting(world, &owner, 300).await;
    let early = waiting(world, &owner, 100).await;
    let middle = waiting(world, &owner, 200).await;
    owner.started(world, columns(State::Suspended)).await;
    let due = async |shards: &[u16], until: i64, limit: u32| {
        let rows = world.live_executions().due(shards, Timestamp::from_micros(until), limit).await.unwrap();
        rows.iter().map(|row| row.execution_id).collect::<Vec<_>>()
    };
    assert_eq!(due(&[7], 200, 10).await, [early.execution_id, middle.execution_id]);
    assert_eq!(due(&[6, 7], 999, 1).await, [early.execution_id]);
    assert!(due(&[6], 999, 10).await.is_empty());
    assert!(due(&[], 999, 10).await.is_empty());
    // once it has fired it is due no more
    owner.stepped(early, columns(State::Running)).await;
    assert_eq!(due(&[7], 999, 10).await, [middle.execution_id, late.execution_id]);
}

/// SQLite only: what a list costs must not grow with what it does not show.
async fn lists_read_along_an_index(world: &World) {
    if world.backend != "sqlite" {
        return;
    }
    for sql in [
        "EXPLAIN QUERY PLAN SELECT * FROM execution e WHERE e.project_id = 'p' AND e.state = 's' \
         AND (NULL IS NULL OR e.execution_id < 'x') ORDER BY e.execution_id DESC LIMIT 5",
        "EXPLAIN QUERY PLAN SELECT * FROM execution e WHERE e.project_id = 'p' AND e.agent_id = 'a' \
         ORDER BY e.execution_id DESC LIMIT 5",
        "EXPLAIN QUERY PLAN SELECT * FROM execution e WHERE e.project_id = 'p' ORDER BY e.execution_id DESC LIMIT 5",
        "EXPLAIN QUERY PLAN SELECT * FROM execution WHERE state IN ('scheduled', 'running', 'backing_off') \
         AND shard = 1 AND execution_id > '' ORDER BY execution_id LIMIT 5",
        "EXPLAIN QUERY PLAN SELECT * FROM execution WHERE wake_at IS NOT NULL AND wake_at <= 5 ORDER BY wake_at LIMIT 5",
        "EXPLAIN QUERY PLAN SELECT count(*) FROM execution WHERE project_id = 'p' \
         AND state IN ('scheduled', 'running') AND agent_id || '' = 'a'",
        "EXPLAIN QUERY PLAN SELECT * FROM journal WHERE execution_id = 'e' AND seq > 5 ORDER BY seq LIMIT 5",
    ] {
        let plan = world.query(sql).all(|row| row.get::<String>("detail")).await.unwrap().join("; ");
        assert!(plan.contains("SEARCH") && !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}

async fn children_and_states_are_listed_by_id(world: &World) {
    let owner = Owner::new(world).await;
    let parent = owner.started(world, columns(State::Suspended)).await.execution_id;
    let mut batch = owner.batch();
    let mut children = Vec::new();
    for _ in 0..3 {
        let child = owner.start(world, &mut batch, 1, columns(State::Running));
        children.push(child.execution_id);
        let start = batch.starts.last_mut().unwrap();
        "agent".clone_into(&mut start.trigger);
        start.origin.parent =
            Some(moltforge_types::Parent { execution_id: parent, shard: 7, step: 2, root_id: parent, depth: 1 });
    }
    owner.commit(batch).await.unwrap();
    children.sort();
    let mut executions = world.executions(owner.project_id);
    let found = executions.children(parent, None, 10).await.unwrap();
    assert_eq!(found.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), children);
    assert_eq!((found[0].1.as_str(), found[0].2), ("hello", State::Running));
    assert_eq!(executions.children(parent, Some(children[0]), 1).await.unwrap()[0].0, children[1]);
    assert_eq!(executions.ids_in(State::Running, None, None, 10).await.unwrap(), children);
    assert_eq!(
        executions.ids_in(State::Running, Some(owner.agent_id), Some(children[1]), 10).await.unwrap(),
        [children[2]]
    );
    let stranger: AgentId = world.ambient().id();
    assert!(executions.ids_in(State::Running, Some(stranger), None, 10).await.unwrap().is_empty());
    let row = executions.find(children[0]).await.unwrap().unwrap();
    assert_eq!((row.parent_id, row.root_id, row.trigger.as_str()), (Some(parent), Some(parent), "agent"));
    let foreign: ProjectId = world.ambient().id();
    assert!(world.executions(foreign).children(parent, None, 10).await.unwrap().is_empty());
}
