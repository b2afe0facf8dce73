//! Schedules.

use std::time::Duration;

use moltforge_types::Timestamp;
use serde_json::json;

use super::{HOUR, Timed, echo, id, patient};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_starts_once_and_the_schedule_moves_on() {
    for timed in Timed::all().await {
        timed.deploy(echo()).await;
        let input = json!({ "at": { "$pointer": "/planned_at" }, "by": { "$pointer": "/trigger/name" } });
        let made = timed.create("echo", json!({ "schedule": "@hourly", "input": input, "name": "tick" })).await;
        let planned = made.next_at.clone().expect("a next run");
        timed.sweep().await;
        assert!(timed.executions().await.is_empty(), "not before its time");
        timed.after(HOUR).await;
        timed.sweep().await;
        let executions = timed.executions().await;
        assert_eq!(executions.len(), 1, "{}", timed.world.backend);
        assert_eq!(executions[0].input, json!({ "at": planned, "by": "tick" }));
        timed.until(&executions[0], "completed").await;
        let after = timed.get(&made).await;
        assert_eq!((after.started, after.skipped, after.refused), (1, 0, 0));
        assert_eq!(after.last_execution_id.as_ref(), Some(&executions[0].execution_id));
        assert!(after.next_at > made.next_at && after.upcoming.len() == 5 && after.last_at.is_some());
        let fires = timed.fires(&made).await;
        assert_eq!(
            (fires.len(), fires[0].state.as_str(), fires[0].planned_at.as_str()),
            (1, "started", planned.as_str())
        );
        timed.after(HOUR).await;
        assert_eq!(timed.executions().await.len(), 2);
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_the_start_and_its_note_gives_one_execution() {
    for mut timed in Timed::all().await {
        timed.deploy(echo()).await;
        let made = timed.create("echo", json!({ "schedule": "@hourly" })).await;
        timed.after(HOUR).await;
        let fire = timed.fires(&made).await.remove(0);
        // what the crash would have left: the execution is there, the fire still waits
        let mut tx = timed.world.store.begin().await.expect("a transaction");
        tx.query(
            "UPDATE fire SET state = 'pending', execution_id = NULL, settled_at = NULL, context = '{}' \
             WHERE project_id = $1 AND trigger_id = $2",
        )
        .bind(timed.world.principal.project_id)
        .bind(id(&made))
        .execute()
        .await
        .expect("updated");
        tx.commit().await.expect("committed");
        timed.crash().await;
        timed.sweep().await;
        let executions = timed.executions().await;
        assert_eq!(executions.len(), 1, "{}", timed.world.backend);
        assert_eq!(timed.fires(&made).await[0].execution_id, fire.execution_id);
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_before_the_start_loses_no_run() {
    for mut timed in Timed::all().await {
        timed.deploy(echo()).await;
        let made = timed.create("echo", json!({ "schedule": "@hourly" })).await;
        timed.clock.advance(HOUR);
        // the node is gone before it starts anything; what was planned is a row
        timed.node.abandon().await;
        let _ = timed.triggers.sweep().await;
        timed.crash().await;
        timed.sweep().await;
        assert_eq!(timed.executions().await.len(), 1, "{}", timed.world.backend);
        assert_eq!(timed.get(&made).await.started, 1);
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_plan_at_once_start_one() {
    for timed in Timed::all().await {
        timed.deploy(echo()).await;
        for n in 0..5 {
            timed.create("echo", json!({ "schedule": "@hourly", "name": format!("t{n}") })).await;
        }
        timed.clock.advance(HOUR);
        let sweeps = (0..6).map(|_| timed.triggers.sweep());
        for swept in futures::future::join_all(sweeps).await {
            swept.expect("swept");
        }
        assert_eq!(timed.executions().await.len(), 5, "{}", timed.world.backend);
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_without_a_server_is_made_up_for_as_asked() {
    for timed in Timed::all().await {
        timed.deploy(echo()).await;
        let mut made = Vec::new();
        for missed in ["skip", "once", "all"] {
            let config = json!({ "schedule": "@hourly", "missed": missed, "name": missed, "concurrency": "parallel" });
            made.push(timed.create("echo", config).await);
        }
        // five runs passed; the latest one more than a minute ago
        let until: Timestamp = made[0].next_at.as_deref().expect("a time").parse().expect("a time");
        timed.after(until.since(timed.clock_now()) + 4 * HOUR + Duration::from_mins(2)).await;
        let mut counts = Vec::new();
        for trigger in &made {
            let now = timed.get(trigger).await;
            counts.push((now.started, now.skipped));
        }
        assert_eq!(counts, [(0, 5), (1, 4), (5, 0)], "{}", timed.world.backend);
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_was_missed_runs_one_after_the_other_when_nothing_else_is_said() {
    for timed in Timed::all().await {
        timed.deploy(patient()).await;
        let made = timed.create("patient", json!({ "schedule": "@hourly", "missed": "all" })).await;
        assert_eq!(made.concurrency, "queue");
        let until: Timestamp = made.next_at.as_deref().expect("a time").parse().expect("a time");
        timed.after(until.since(timed.clock_now()) + 2 * HOUR + Duration::from_mins(2)).await;
        for n in 1..=3 {
            timed.sweep().await;
            let states: Vec<_> = timed.fires(&made).await.into_iter().map(|fire| fire.state).collect();
            let expected: Vec<_> = (0..3).map(|at| if at < n { "started" } else { "pending" }).collect();
            assert_eq!(states, expected, "{}", timed.world.backend);
            let last = timed.executions().await.pop().expect("started");
            timed.until(&last, "suspended").await;
            timed.signal_go(&last.execution_id).await;
            timed.until(&last, "completed").await;
            timed.clock.advance(Duration::from_millis(5));
        }
        let now = timed.get(&made).await;
        assert_eq!((now.started, now.skipped), (3, 0), "{}", timed.world.backend);
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_schedule_rests_and_does_not_catch_up() {
    for timed in Timed::all().await {
        timed.deploy(echo()).await;
        let made = timed.create("echo", json!({ "schedule": "@hourly", "missed": "all" })).await;
        let principal = &timed.world.principal;
        let held = timed.triggers.pause(principal, id(&made)).await.expect("paused");
        assert_eq!((held.state.as_str(), held.next_at, held.upcoming.len()), ("paused", None, 0));
        timed.after(10 * HOUR).await;
        assert!(timed.executions().await.is_empty());
        // asked for, it runs all the same
        let fire = timed
            .triggers
            .fire(principal, id(&made), moltforge_api::triggers::FireTrigger::default(), Some("k".into()))
            .await
            .expect("fired");
        assert_eq!(fire.state, "started");
        let again = timed
            .triggers
            .fire(principal, id(&made), moltforge_api::triggers::FireTrigger::default(), Some("k".into()))
            .await
            .expect("fired");
        assert_eq!(again.execution_id, fire.execution_id);
        assert_eq!(timed.executions().await.len(), 1);
        let on = timed.triggers.resume(principal, id(&made)).await.expect("resumed");
        assert_eq!(on.state, "active");
        timed.node.drain().await;
    }
}

impl Timed {
    fn clock_now(&self) -> Timestamp {
        self.world.ambient.now()
    }
}
