//! Concurrency rules, refusals, and what they leave behind.

use std::time::Duration;

use moltforge_api::triggers::{FireTrigger, Trigger, UpdateTrigger};
use moltforge_execution::Error;
use moltforge_execution::triggers::Triggers;
use moltforge_store::{NewFire, NewTrigger};
use moltforge_types::ExecutionId;
use serde_json::{Value, json};

use super::{HOUR, Timed, echo, id, patient};

impl Timed {
    async fn fire(&self, trigger: &Trigger, body: Value) -> String {
        // fires of one moment are in no order
        self.clock.advance(Duration::from_millis(5));
        let request = FireTrigger { body: Some(body) };
        self.triggers.fire(&self.world.principal, id(trigger), request, None).await.expect("fired").state
    }

    pub(super) async fn signal_go(&self, execution: &str) {
        let id: ExecutionId = execution.parse().expect("an id");
        let go = self.node.signal(&self.world.principal, id, "go".to_owned(), Value::Null, None).await;
        go.expect("signalled");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skip_leaves_out_while_one_lives() {
    for mut timed in Timed::all().await {
        timed.deploy(patient()).await;
        let made = timed.create("patient", json!({ "webhook": true, "concurrency": "skip" })).await;
        assert_eq!(timed.fire(&made, json!({})).await, "started");
        assert_eq!(timed.fire(&made, json!({})).await, "skipped");
        timed.crash().await;
        assert_eq!(timed.fire(&made, json!({})).await, "skipped", "also after a crash");
        let first = timed.executions().await.remove(0);
        timed.until(&first, "suspended").await;
        timed.signal_go(&first.execution_id).await;
        timed.until(&first, "completed").await;
        assert_eq!(timed.fire(&made, json!({})).await, "started");
        let now = timed.get(&made).await;
        assert_eq!((now.started, now.skipped), (2, 2), "{}", timed.world.backend);
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queue_runs_one_after_the_other() {
    for mut timed in Timed::all().await {
        timed.deploy(patient()).await;
        let made = timed.create("patient", json!({ "webhook": true, "concurrency": "queue" })).await;
        let mut states = Vec::new();
        for n in 0..3 {
            states.push(timed.fire(&made, json!({ "n": n })).await);
        }
        assert_eq!(states, ["started", "pending", "pending"], "{}", timed.world.backend);
        timed.crash().await;
        for n in 0..3 {
            timed.after(Duration::from_millis(5)).await;
            timed.sweep().await;
            let executions = timed.executions().await;
            assert_eq!(executions.len(), n + 1);
            assert_eq!(executions[n].input["n"], n, "in order");
            timed.until(&executions[n], "suspended").await;
            timed.signal_go(&executions[n].execution_id).await;
            timed.until(&executions[n], "completed").await;
        }
        timed.node.drain().await;
    }
}

/// As events do, without anything being decided about it.
async fn write_fire(timed: &Timed, trigger: &Trigger, key: &str, n: i64) {
    write_fires(timed, trigger, &[(key.to_owned(), n)]).await;
}

async fn write_fires(timed: &Timed, trigger: &Trigger, fires: &[(String, i64)]) {
    let project_id = timed.world.principal.project_id;
    let shard = shard_of_trigger(timed, trigger).await;
    let mut tx = timed.world.store.begin().await.expect("a transaction");
    for (key, n) in fires {
        timed.clock.advance(Duration::from_millis(1));
        let now = timed.world.ambient.now();
        let fire = NewFire {
            project_id,
            trigger_id: id(trigger),
            fire_key: key.clone(),
            shard,
            planned_at: now,
            chain_depth: 0,
            context: json!({ "body": { "n": n }, "event": { "n": n } }).to_string(),
            created_at: now,
        };
        tx.fires(project_id).insert(&fire).await.expect("written");
    }
    tx.commit().await.expect("committed");
}

async fn shard_of_trigger(timed: &Timed, trigger: &Trigger) -> u16 {
    let project_id = timed.world.principal.project_id;
    timed.world.store.triggers(project_id).find(id(trigger)).await.expect("read").expect("there").shard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fire_waits_for_those_before_it_also_when_nothing_lives() {
    for timed in Timed::all().await {
        timed.deploy(patient()).await;
        for rule in ["queue", "skip"] {
            let config = json!({ "webhook": true, "name": rule, "concurrency": rule });
            let made = timed.create("patient", config).await;
            // written, and perhaps started, by a process that died before it noted so
            write_fire(&timed, &made, "webhook:first", 1).await;
            assert_eq!(timed.fire(&made, json!({ "n": 2 })).await, "pending", "{} {rule}", timed.world.backend);
            assert_eq!(timed.get(&made).await.started, 0);
            timed.sweep().await;
            let fires = timed.fires(&made).await;
            let second = if rule == "skip" { "skipped" } else { "pending" };
            let states: Vec<_> = fires.iter().map(|fire| fire.state.as_str()).collect();
            assert_eq!(states, ["started", second], "{} {rule}", timed.world.backend);
        }
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_that_came_last_are_refused_when_too_many_wait() {
    for timed in Timed::all().await {
        timed.deploy(patient()).await;
        let config = json!({ "event": "order", "concurrency": "queue", "input": { "$pointer": "/event" } });
        let made = timed.create("patient", config).await;
        let all: Vec<_> = (0..1_003).map(|n| (format!("event:{n}"), n)).collect();
        write_fires(&timed, &made, &all).await;
        timed.sweep().await;
        let project_id = timed.world.principal.project_id;
        let mut fires = timed.world.store.fires(project_id);
        for (n, expected) in
            [(0, "started"), (1, "pending"), (1_000, "pending"), (1_001, "refused"), (1_002, "refused")]
        {
            let fire = fires.find(id(&made), &format!("event:{n}")).await.expect("read").expect("there");
            assert_eq!(fire.state, expected, "{} {n}", timed.world.backend);
        }
        assert_eq!(fires.count_pending(id(&made), 2_000).await.expect("counted"), 1_000);
        assert_eq!(timed.get(&made).await.last_error.expect("a reason").code, "trigger_queue_full");
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_trigger_fires_by_hand_past_what_rests() {
    for mut timed in Timed::all().await {
        timed.deploy(patient()).await;
        for rule in ["queue", "parallel"] {
            let made = timed.create("patient", json!({ "webhook": true, "name": rule, "concurrency": rule })).await;
            write_fire(&timed, &made, "webhook:rests", 1).await;
            timed.triggers.pause(&timed.world.principal, id(&made)).await.expect("paused");
            timed.fire(&made, json!({ "n": 2 })).await;
            timed.sweep().await;
            let states: Vec<_> = timed.fires(&made).await.into_iter().map(|fire| fire.state).collect();
            assert_eq!(states, ["pending", "started"], "{} {rule}", timed.world.backend);
        }
        timed.crash().await;
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_starts_after_a_pause_was_answered() {
    for timed in Timed::all().await {
        timed.deploy(patient()).await;
        let made = timed.create("patient", json!({ "event": "order" })).await;
        let all: Vec<_> = (0..100).map(|n| (format!("event:{n:03}"), n)).collect();
        write_fires(&timed, &made, &all).await;
        let triggers = timed.triggers.clone();
        let round = tokio::spawn(async move { triggers.sweep().await });
        while timed.executions().await.is_empty() {
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        timed.triggers.pause(&timed.world.principal, id(&made)).await.expect("paused");
        let at_the_answer = timed.executions().await.len();
        round.await.expect("no panic").expect("swept");
        timed.sweep().await;
        assert_eq!(timed.executions().await.len(), at_the_answer, "{}: it went on", timed.world.backend);
        assert!(at_the_answer < 100, "{}: there was nothing left to hold", timed.world.backend);
        // what waited goes on
        timed.triggers.resume(&timed.world.principal, id(&made)).await.expect("resumed");
        timed.sweep().await;
        assert_eq!(timed.executions().await.len(), 100, "{}", timed.world.backend);
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_started_and_not_noted_counts_for_the_rule_of_a_paused_trigger() {
    for timed in Timed::all().await {
        timed.deploy(patient()).await;
        let made = timed.create("patient", json!({ "webhook": true, "concurrency": "queue" })).await;
        write_fire(&timed, &made, "webhook:first", 1).await;
        timed.sweep().await;
        // as if the process had died before the fire was settled: the trigger is there, and what it started
        let project_id = timed.world.principal.project_id;
        let row = timed.world.store.triggers(project_id).find(id(&made)).await.expect("read").expect("there");
        let mut tx = timed.world.store.begin().await.expect("a transaction");
        let mut triggers = tx.triggers(project_id);
        triggers.delete(row.trigger_id).await.expect("deleted");
        let new = NewTrigger {
            trigger_id: row.trigger_id,
            agent_id: row.agent_id,
            name: &row.name,
            kind: &row.kind,
            environment: &row.environment,
            origin: &row.origin,
            config: &row.config,
            shard: row.shard,
            next: None,
            created_by: timed.world.principal.actor,
        };
        triggers.insert(new).await.expect("inserted");
        tx.commit().await.expect("committed");
        write_fire(&timed, &made, "webhook:first", 1).await;
        timed.triggers.pause(&timed.world.principal, id(&made)).await.expect("paused");
        timed.fire(&made, json!({ "n": 2 })).await;
        timed.sweep().await;
        let states: Vec<_> = timed.fires(&made).await.into_iter().map(|fire| fire.state).collect();
        assert_eq!(states, ["started", "pending"], "{}", timed.world.backend);
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replace_cancels_the_one_that_lives() {
    for timed in Timed::all().await {
        timed.deploy(patient()).await;
        let made = timed.create("patient", json!({ "webhook": true, "concurrency": "replace" })).await;
        assert_eq!(timed.fire(&made, json!({ "n": 1 })).await, "started");
        timed.clock.advance(HOUR);
        assert_eq!(timed.fire(&made, json!({ "n": 2 })).await, "started");
        let executions = timed.executions().await;
        assert_eq!(executions.len(), 2);
        assert_eq!(executions[0].state, "cancelled", "{}", timed.world.backend);
        timed.until(&executions[1], "suspended").await;
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_start_says_why() {
    for timed in Timed::all().await {
        let mut strict = echo();
        strict["input_schema"] = json!({ "type": "object", "required": ["city"] });
        timed.deploy(strict).await;
        let made = timed.create("echo", json!({ "webhook": true })).await;
        assert_eq!(timed.fire(&made, json!({ "town": "x" })).await, "refused");
        let now = timed.get(&made).await;
        let error = now.last_error.expect("a reason");
        assert_eq!((error.code.as_str(), now.refused), ("input_invalid", 1));
        assert!(error.message.contains("city"), "{error:?}");
        let mapping = json!({ "webhook": true, "name": "mapped", "input": { "city": { "$pointer": "/body/a" } } });
        let mapped = timed.create("echo", mapping).await;
        assert_eq!(timed.fire(&mapped, json!({})).await, "refused");
        assert_eq!(timed.get(&mapped).await.last_error.expect("a reason").code, "mapping_failed");
        assert_eq!(timed.fire(&mapped, json!({ "a": "Porto" })).await, "started");
        assert_eq!(timed.get(&mapped).await.last_error, None, "it works again");

        // the agent goes: its schedule finds nothing to start
        let principal = &timed.world.principal;
        let hourly = timed.create("echo", json!({ "schedule": "@hourly" })).await;
        let mut tx = timed.world.store.begin().await.expect("a transaction");
        let agent_id = made.agent_id.parse().expect("an id");
        tx.deployments(principal.project_id).end(agent_id, 1, moltforge_store::Ended::Undeployed).await.expect("ended");
        tx.commit().await.expect("committed");
        timed.after(HOUR).await;
        let now = timed.get(&hourly).await;
        assert_eq!(now.last_error.expect("a reason").code, "agent_not_deployed", "{}", timed.world.backend);
        assert!(now.next_at > hourly.next_at, "it goes on trying at its times");
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triggers_are_managed() {
    for timed in Timed::all().await {
        timed.deploy(echo()).await;
        let principal = &timed.world.principal;
        let made = timed.create("echo", json!({ "webhook": true, "name": "in" })).await;
        assert_eq!(made.url, Some(format!("/v1/hooks/{}", made.trigger_id)));
        let again = |config: Value| moltforge_api::triggers::CreateTrigger {
            agent: "echo".to_owned(),
            environment: None,
            config: serde_json::from_value(config).expect("a trigger"),
        };
        let taken = timed.triggers.create(principal, again(json!({ "webhook": true, "name": "in" }))).await;
        assert!(matches!(taken, Err(Error::TriggerNameTaken(_))), "{taken:?}");
        let wrong = timed.triggers.create(principal, again(json!({ "schedule": "x" }))).await;
        assert!(matches!(wrong, Err(Error::TriggerInvalid(_))), "{wrong:?}");
        let change = |config: Value| UpdateTrigger { config: Some(serde_json::from_value(config).expect("a trigger")) };
        let other = timed.triggers.update(principal, id(&made), change(json!({ "schedule": "@daily" }))).await;
        assert!(matches!(other, Err(Error::TriggerInvalid(_))), "a kind stays: {other:?}");
        let changed = json!({ "webhook": true, "name": "renamed", "concurrency": "queue" });
        let changed = timed.triggers.update(principal, id(&made), change(changed)).await.expect("changed");
        assert_eq!((changed.name.as_str(), changed.concurrency.as_str()), ("renamed", "queue"));
        let first = timed.triggers.rotate(principal, id(&made)).await.expect("rotated").secret;
        let second = timed.triggers.rotate(principal, id(&made)).await.expect("rotated").secret;
        assert!(first != second && first.expect("a secret").starts_with("whsec_"));
        let hourly = timed.create("echo", json!({ "schedule": "@hourly" })).await;
        assert!(matches!(timed.triggers.rotate(principal, id(&hourly)).await, Err(Error::TriggerNotWebhook(_))));
        // another project sees none of it
        let mut stranger = principal.clone();
        stranger.project_id = timed.world.ambient.id();
        assert!(matches!(timed.triggers.get(stranger.project_id, id(&made)).await, Err(Error::TriggerNotFound(_))));
        for refused in [
            timed.triggers.pause(&stranger, id(&made)).await.err(),
            timed.triggers.resume(&stranger, id(&made)).await.err(),
            timed.triggers.rotate(&stranger, id(&made)).await.err(),
            timed.triggers.delete(&stranger, id(&made)).await.err(),
            timed.triggers.fire(&stranger, id(&made), FireTrigger::default(), None).await.err(),
            timed.triggers.update(&stranger, id(&made), UpdateTrigger { config: None }).await.err(),
        ] {
            assert!(matches!(refused, Some(Error::TriggerNotFound(_))), "{refused:?}");
        }
        timed.triggers.delete(principal, id(&made)).await.expect("deleted");
        let left = timed
            .triggers
            .list(principal.project_id, &moltforge_api::triggers::ListTriggers::default(), None, 10)
            .await
            .expect("listed")
            .0;
        assert_eq!(left.items.len(), 1);
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_woken_up_and_not_polled_for() {
    for timed in Timed::all().await {
        timed.deploy(echo()).await;
        let made = timed.create("echo", json!({ "webhook": true, "concurrency": "queue" })).await;
        let running = Triggers::start(timed.node.clone());
        let began = std::time::Instant::now();
        for n in 0..12 {
            let request = FireTrigger { body: Some(json!({ "n": n })) };
            running.fire(&timed.world.principal, id(&made), request, None).await.expect("fired");
        }
        while timed.get(&made).await.started < 12 {
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(began.elapsed() < Duration::from_secs(5), "{}: a second each", timed.world.backend);
        }
        timed.node.drain().await;
    }
}
