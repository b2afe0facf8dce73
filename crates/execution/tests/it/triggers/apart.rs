//! What is wrong with one trigger, or takes long, and the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use moltforge_api::triggers::FireTrigger;
use moltforge_store::{Batch, CommitError, Journal, Membership, Reads};
use serde_json::json;

use super::floods::pending;
use super::{HOUR, Timed, echo, id};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trigger_that_cannot_be_read_stops_no_other_one() {
    for timed in Timed::all().await {
        timed.deploy(echo()).await;
        let damaged = [
            timed.create("echo", json!({ "event": "order.*", "name": "a" })).await,
            timed.create("echo", json!({ "schedule": "@hourly", "name": "b" })).await,
        ];
        pending(&timed, &damaged[0], 1).await;
        let mut tx = timed.world.store.begin().await.expect("a transaction");
        tx.query("UPDATE trigger SET environment = '?'").execute().await.expect("damaged");
        tx.commit().await.expect("committed");
        let event = timed.create("echo", json!({ "event": "order.*", "name": "c" })).await;
        let hourly = timed.create("echo", json!({ "schedule": "@hourly", "name": "d" })).await;
        pending(&timed, &event, 1).await;
        timed.after(HOUR).await;
        for trigger in [&event, &hourly] {
            assert_eq!(timed.get(trigger).await.started, 1, "{}: {}", timed.world.backend, trigger.name);
        }
        // theirs wait until somebody has mended them
        let mut tx = timed.world.store.begin().await.expect("a transaction");
        tx.query("UPDATE trigger SET environment = 'production'").execute().await.expect("mended");
        tx.commit().await.expect("committed");
        timed.sweep().await;
        for trigger in &damaged {
            let started =
                timed.triggers.get(timed.world.principal.project_id, id(trigger)).await.expect("found").started;
            assert_eq!(started, 1, "{}: {}", timed.world.backend, trigger.name);
        }
        timed.node.drain().await;
    }
}

/// A journal that takes its time while it is told so.
struct Slow {
    inner: Arc<dyn Journal>,
    is_slow: AtomicBool,
}

#[async_trait]
impl Journal for Slow {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), CommitError> {
        while self.is_slow.load(Ordering::SeqCst) {
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.inner.commit(batch).await
    }

    fn reads(&self) -> &dyn Reads {
        self.inner.reads()
    }

    fn membership(&self) -> &dyn Membership {
        self.inner.membership()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trigger_that_takes_long_holds_up_no_other_one() {
    for mut timed in Timed::all().await {
        timed.deploy(echo()).await;
        let slow = timed.create("echo", json!({ "webhook": true, "name": "slow" })).await;
        let input = json!({ "city": { "$pointer": "/body/city" } });
        let other = timed.create("echo", json!({ "webhook": true, "name": "other", "input": input })).await;
        // owned together
        let mut tx = timed.world.store.begin().await.expect("a transaction");
        tx.query("UPDATE trigger SET shard = 7").execute().await.expect("moved");
        tx.commit().await.expect("committed");
        let journal = Arc::new(Slow { inner: timed.world.journal.clone(), is_slow: AtomicBool::new(false) });
        timed.crash_onto(journal.clone()).await;
        journal.is_slow.store(true, Ordering::SeqCst);
        let (triggers, principal, trigger_id) = (timed.triggers.clone(), timed.world.principal.clone(), id(&slow));
        let starting =
            tokio::spawn(async move { triggers.fire(&principal, trigger_id, FireTrigger::default(), None).await });
        // a real wait: it is being started
        tokio::time::sleep(Duration::from_millis(300)).await;
        let refused = timed.triggers.fire(&timed.world.principal, id(&other), FireTrigger::default(), None);
        let refused = tokio::time::timeout(Duration::from_secs(5), refused).await;
        assert_eq!(refused.expect("at once").expect("taken").state, "refused", "{}", timed.world.backend);
        // who pauses the slow one is answered when it has been started
        let paused = timed.triggers.pause(&timed.world.principal, id(&slow));
        let mut paused = std::pin::pin!(paused);
        assert!(tokio::time::timeout(Duration::from_millis(300), &mut paused).await.is_err(), "not yet");
        journal.is_slow.store(false, Ordering::SeqCst);
        assert_eq!(paused.await.expect("paused").state, "paused");
        assert_eq!(timed.get(&slow).await.started, 1, "{}", timed.world.backend);
        assert_eq!(starting.await.expect("no panic").expect("fired").state, "started");
        timed.node.drain().await;
    }
}
