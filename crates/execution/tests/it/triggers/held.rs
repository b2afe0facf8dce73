//! Fires of agents that are held: a pause lets them wait or leaves them out as their rule says, a kill switch refuses them.

use moltforge_types::execution::HoldMode;
use serde_json::json;

use super::{HOUR, Timed, echo};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fires_for_a_paused_agent_waits_or_is_left_out_by_its_rule() {
    for mut timed in Timed::all().await {
        timed.deploy(echo()).await;
        let mut made = Vec::new();
        for rule in ["queue", "skip", "parallel"] {
            let config = json!({ "name": rule, "schedule": "@hourly", "concurrency": rule });
            made.push(timed.create("echo", config).await);
        }
        timed.node.hold(&timed.world.principal, Some("echo"), HoldMode::Pause, None).await.expect("held");
        timed.after(HOUR).await;
        // also when the server dies before anything more happens
        timed.crash().await;
        timed.after(HOUR).await;
        let mut states = Vec::new();
        for trigger in &made {
            states.push(timed.fires(trigger).await.into_iter().map(|fire| fire.state).collect::<Vec<_>>());
        }
        let expected = [["started", "pending"], ["started", "skipped"], ["started", "started"]];
        assert_eq!(states, expected, "{}", timed.world.backend);
        let executions = timed.executions().await;
        assert_eq!(executions.len(), 4);
        for execution in &executions {
            timed.until(execution, "paused").await;
        }
        timed.node.lift(&timed.world.principal, Some("echo")).await.expect("lifted");
        for execution in &executions {
            timed.until(execution, "completed").await;
        }
        timed.sweep().await;
        assert_eq!(timed.get(&made[0]).await.started, 2, "what waited starts");
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fires_for_a_killed_agent_is_refused_and_says_why() {
    for mut timed in Timed::all().await {
        timed.deploy(echo()).await;
        let made = timed.create("echo", json!({ "schedule": "@hourly" })).await;
        timed.node.hold(&timed.world.principal, Some("echo"), HoldMode::Kill, None).await.expect("kill_switch_on");
        timed.after(HOUR).await;
        timed.crash().await;
        timed.after(HOUR).await;
        let now = timed.get(&made).await;
        assert_eq!((now.started, now.refused), (0, 2), "{}", timed.world.backend);
        assert_eq!(now.last_error.expect("a reason").code, "kill_switch_on");
        assert!(timed.executions().await.is_empty());
        timed.node.lift(&timed.world.principal, Some("echo")).await.expect("lifted");
        timed.after(HOUR).await;
        let now = timed.get(&made).await;
        assert_eq!((now.started, now.last_error), (1, None), "the next run starts");
        timed.node.drain().await;
    }
}
