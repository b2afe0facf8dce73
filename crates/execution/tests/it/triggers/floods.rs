//! More events than can be started at once.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use moltforge_api::triggers::{CreateTrigger, FireTrigger, Trigger};
use moltforge_execution::Error;
use moltforge_execution::triggers::Triggers;
use moltforge_types::ProjectId;
use serde_json::json;
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::events::event;
use super::{Timed, echo, id, patient};

/// Fires of a trigger that wait, as a flood of events leaves them.
pub(super) async fn pending(timed: &Timed, trigger: &Trigger, count: usize) {
    let (project_id, trigger_id) = (timed.world.principal.project_id, id(trigger));
    let found = timed.world.store.triggers(project_id).find(trigger_id).await.expect("read").expect("there");
    let now = timed.world.ambient.now();
    let mut tx = timed.world.store.begin().await.expect("a transaction");
    for number in 0..count {
        let fire = moltforge_store::NewFire {
            project_id,
            trigger_id,
            fire_key: format!("event:{number:06}"),
            shard: found.shard,
            planned_at: now,
            chain_depth: 1,
            context: json!({ "event": { "data": number } }).to_string(),
            created_at: now,
        };
        assert!(tx.fires(project_id).insert(&fire).await.expect("written"));
    }
    tx.commit().await.expect("committed");
}

async fn another_project(timed: &Timed) -> ProjectId {
    let mut tx = timed.world.store.begin().await.expect("a transaction");
    let organisation = tx.organisations().insert("other").await.expect("inserted");
    let project = tx.projects(organisation.organisation_id).insert("other").await.expect("inserted");
    tx.commit().await.expect("committed");
    project.project_id
}

async fn waiting(timed: &Timed, project_id: ProjectId) -> u64 {
    timed.world.store.fires(project_id).count_waiting(100_000).await.expect("counted")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_in_one_project_does_not_delay_another() {
    for mut timed in Timed::all().await {
        timed.deploy(echo()).await;
        let flooded = timed.create("echo", json!({ "event": "order.*", "name": "flood" })).await;
        pending(&timed, &flooded, 1_500).await;
        let first = timed.world.principal.project_id;
        let second = another_project(&timed).await;
        timed.world.principal.project_id = second;
        timed.deploy(echo()).await;
        let quiet = timed.create("echo", json!({ "event": "order.*", "name": "quiet" })).await;
        // it came later than all of the others
        timed.clock.advance(Duration::from_secs(1));
        pending(&timed, &quiet, 1).await;
        let triggers = timed.triggers.clone();
        let round = tokio::spawn(async move { triggers.sweep().await });
        let started = async {
            while waiting(&timed, second).await > 0 {
                // a real wait: looks again a moment later
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), started).await.expect("it starts");
        let behind = waiting(&timed, first).await;
        assert!(behind > 1_000, "{}: only {behind} others still waited", timed.world.backend);
        round.abort();
        timed.node.abandon().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_during_a_flood_does_not_wait_for_its_end() {
    for mut timed in Timed::all().await {
        timed.deploy(echo()).await;
        let flooded = timed.create("echo", json!({ "event": "order.*", "name": "flood" })).await;
        pending(&timed, &flooded, 3_000).await;
        let first = timed.world.principal.project_id;
        let second = another_project(&timed).await;
        timed.world.principal.project_id = second;
        timed.deploy(echo()).await;
        let quiet = timed.create("echo", json!({ "event": "order.*", "name": "quiet" })).await;
        let triggers = timed.triggers.clone();
        let round = tokio::spawn(async move { triggers.sweep().await });
        let quickly = async |what: ProjectId, most: u64| {
            let reached = async {
                while waiting(&timed, what).await > most {
                    // a real wait: looks again a moment later
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), reached).await.expect("it starts");
        };
        quickly(first, 2_999).await;
        pending(&timed, &quiet, 1).await;
        quickly(second, 0).await;
        let behind = waiting(&timed, first).await;
        assert!(behind > 500, "{}: only {behind} others still waited", timed.world.backend);
        round.abort();
        timed.node.abandon().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_fires_in_time_whatever_is_being_started() {
    for timed in Timed::all().await {
        timed.deploy(echo()).await;
        let flooded = timed.create("echo", json!({ "event": "order.*", "name": "flood" })).await;
        let hourly = timed.create("echo", json!({ "schedule": "@hourly", "name": "tick" })).await;
        pending(&timed, &flooded, 3_000).await;
        let project_id = timed.world.principal.project_id;
        Triggers::start(timed.node.clone());
        let until_flooded = async {
            while waiting(&timed, project_id).await == 3_000 {
                // a real wait: looks again a moment later
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), until_flooded).await.expect("it begins");
        // its time comes while the others are being started
        timed.clock.advance(super::HOUR);
        let fired = async {
            while timed.fires(&hourly).await.is_empty() {
                // a real wait: looks again a moment later
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), fired).await.expect("it fires");
        let behind = waiting(&timed, project_id).await;
        assert!(behind > 100, "{}: it fired behind the flood, {behind} waited", timed.world.backend);
        timed.node.abandon().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fire_by_hand_is_refused_when_too_many_of_its_trigger_wait() {
    for timed in Timed::all().await {
        timed.deploy(patient()).await;
        let made = timed.create("patient", json!({ "webhook": true, "concurrency": "queue" })).await;
        let (principal, project_id) = (&timed.world.principal, timed.world.principal.project_id);
        let fire = async |key: &str| {
            timed.triggers.fire(principal, id(&made), FireTrigger::default(), Some(key.to_owned())).await
        };
        assert_eq!(fire("lives").await.expect("fired").state, "started");
        pending(&timed, &made, 999).await;
        assert_eq!(fire("last").await.expect("fired").state, "pending");
        let refused = fire("one more").await;
        assert!(matches!(refused, Err(Error::TriggerQueueFull)), "{}: {refused:?}", timed.world.backend);
        assert_eq!(fire("last").await.expect("the same").state, "pending", "a repeat is answered");
        assert_eq!(waiting(&timed, project_id).await, 1_000, "{}", timed.world.backend);
        timed.node.drain().await;
    }
}

/// The head of the answer to a signed delivery, over HTTP.
async fn deliver(timed: &Timed, url: &str, secret: &str) -> String {
    let routes = moltforge_execution::triggers_router(timed.triggers.clone()).split_for_parts().0;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    let at = timed.world.ambient.now().as_micros() / 1_000_000;
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base 64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
    mac.update(format!("m.{at}.{{}}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let request = format!(
        "POST {url} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\
         webhook-id: m\r\nwebhook-timestamp: {at}\r\nwebhook-signature: v1,{signature}\r\n\r\n{{}}"
    );
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    server.abort();
    answer.split("\r\n\r\n").next().expect("a head").to_lowercase()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_is_refused_for_now_is_told_when_to_come_back() {
    for timed in Timed::all().await {
        timed.deploy(echo()).await;
        let config = serde_json::from_value(json!({ "webhook": true, "concurrency": "queue" })).expect("a trigger");
        let new = CreateTrigger { agent: "echo".to_owned(), environment: None, config };
        let made = timed.triggers.create(&timed.world.principal, new).await.expect("made");
        pending(&timed, &made.trigger, 1_000).await;
        let url = made.trigger.url.as_deref().expect("a url");
        let head = deliver(&timed, url, made.secret.as_deref().expect("a secret")).await;
        assert!(head.starts_with("http/1.1 429") && head.contains("retry-after: 10"), "{head}");
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_in_which_too_much_waits_is_told_so() {
    for timed in Timed::all().await {
        timed.deploy(echo()).await;
        let tools = ["events.emit"];
        let emit = json!({ "tool": "events.emit", "arguments": { "type": "report.done", "data": 7 } });
        let script = json!([{ "calls": [emit] }, { "text": "told" }]);
        let teller =
            json!({ "name": "teller", "kind": "prompt", "model": "scripted", "tools": tools, "script": script });
        timed.deploy(teller).await;
        let (principal, project_id) = (&timed.world.principal, timed.world.principal.project_id);
        for number in 0..10 {
            let made = timed.create("echo", json!({ "event": "order.*", "name": format!("t{number}") })).await;
            timed.triggers.pause(principal, id(&made)).await.expect("paused");
            pending(&timed, &made, 1_000).await;
        }
        let told = timed.create("echo", json!({ "event": "report.done", "name": "told" })).await;
        let refused = timed.triggers.publish(principal, event("report.done", "1", &json!({})), 0).await;
        assert!(matches!(refused, Err(Error::TriggerQueueFull)), "{}: {refused:?}", timed.world.backend);
        let by_hand = timed.triggers.fire(principal, id(&told), FireTrigger::default(), None).await;
        assert!(matches!(by_hand, Err(Error::TriggerQueueFull)), "{}: {by_hand:?}", timed.world.backend);
        timed.sweep().await;
        let source = timed.world.accept(&timed.node, "teller", json!({}), "one").await.expect("accepted");
        timed.until(&source, "completed").await;
        timed.sweep().await;
        let now = timed.get(&told).await;
        assert_eq!((now.started, now.refused), (0, 1), "{}", timed.world.backend);
        assert_eq!(now.last_error.expect("a reason").code, "trigger_queue_full");
        assert_eq!(waiting(&timed, project_id).await, 10_000);
        // there is room again
        let mut tx = timed.world.store.begin().await.expect("a transaction");
        tx.query("DELETE FROM fire WHERE project_id = $1").bind(project_id).execute().await.expect("deleted");
        tx.commit().await.expect("committed");
        timed.sweep().await;
        timed.triggers.publish(principal, event("report.done", "1", &json!({})), 0).await.expect("published");
        let source = timed.world.accept(&timed.node, "teller", json!({}), "two").await.expect("accepted");
        timed.until(&source, "completed").await;
        timed.sweep().await;
        assert_eq!(timed.get(&told).await.started, 2, "{}", timed.world.backend);
        timed.node.drain().await;
    }
}
