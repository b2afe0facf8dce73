//! `/v1/triggers`, `/v1/hooks`, `/v1/events` as senders and operators use them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use moltforge_api::PageQuery;
use moltforge_api::deployments::Deploy;
use moltforge_api::triggers::{CreateTrigger, FireTrigger, ListTriggers, PublishEvent, Trigger};
use moltforge_types::{Ambient, Fault as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::http::{Answer, Http};
use crate::world::{World, agent, greeter, worlds};

worlds! { a_signed_delivery_starts_one_execution, what_is_not_signed_is_refused, a_secret_is_changed_without_a_gap,
declared_triggers_follow_deployments, triggers_are_made_and_ended, published_events_fire, a_chain_ends }

fn create(agent: &str, config: Value) -> CreateTrigger {
    CreateTrigger { agent: agent.to_owned(), environment: None, config: serde_json::from_value(config).unwrap() }
}

/// A sender with a secret.
struct Sender {
    http: Http,
    url: String,
    secret: String,
}

fn seconds() -> i64 {
    Ambient::system().now().as_micros() / 1_000_000
}

impl Sender {
    fn sign(&self, id: &str, at: i64, body: &[u8]) -> String {
        let key = STANDARD.decode(self.secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{id}.{at}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }

    async fn send(&self, id: &str, at: i64, signature: &str, more: &[(&str, &str)], body: &[u8]) -> Answer {
        let at = at.to_string();
        let mut headers = vec![
            ("content-type", "application/json"),
            ("webhook-id", id),
            ("webhook-timestamp", at.as_str()),
            ("webhook-signature", signature),
        ];
        headers.extend_from_slice(more);
        self.http.send("POST", &self.url, &headers, body).await
    }

    async fn deliver(&self, id: &str, body: &Value) -> Answer {
        let (at, body) = (seconds(), body.to_string());
        self.send(id, at, &self.sign(id, at, body.as_bytes()), &[], body.as_bytes()).await
    }
}

async fn sender(world: &World, config: Value) -> (Sender, Trigger) {
    world.deploy(&greeter("hello")).await;
    let made = world.client().triggers().create(&create("hello", config)).await.unwrap();
    let url = made.trigger.url.clone().unwrap();
    (Sender { http: world.anonymous(), url, secret: made.secret.unwrap() }, made.trigger)
}

async fn a_signed_delivery_starts_one_execution(world: World) {
    let input = json!({ "name": { "$pointer": "/body/who" }, "via": { "$pointer": "/headers/webhook-id" } });
    let (sender, trigger) = sender(&world, json!({ "webhook": true, "input": input })).await;
    let first = sender.deliver("msg_1", &json!({ "who": "Ada" })).await;
    assert_eq!(first.status, 202, "{}", first.text());
    let execution = first.value()["execution_id"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        let again = sender.deliver("msg_1", &json!({ "who": "Ada" })).await;
        assert_eq!((again.status, again.value()["execution_id"].as_str()), (200, Some(execution.as_str())));
    }
    let second = sender.deliver("msg_2", &json!({ "who": "Bob" })).await;
    assert_ne!(second.value()["execution_id"].as_str(), Some(execution.as_str()));
    let started = world.client().executions().get(&execution).await.unwrap();
    assert_eq!(started.input, json!({ "name": "Ada", "via": "msg_1" }));
    // several at once with one id: one execution
    let all =
        futures::future::join_all((0..8).map(|_| async { sender.deliver("msg_3", &json!({ "who": "Cleo" })).await }))
            .await;
    assert!(all.iter().all(|answer| [200, 202].contains(&answer.status)));
    assert_eq!(all.iter().filter(|answer| answer.status == 202).count(), 1);
    let now = world.client().triggers().get(&trigger.trigger_id).await.unwrap();
    assert_eq!((now.started, now.refused), (3, 0));
    let fires = world.client().triggers().fires(&trigger.trigger_id, &PageQuery::default()).await.unwrap();
    assert_eq!(fires.items.len(), 3);
}

async fn what_is_not_signed_is_refused(world: World) {
    let (sender, trigger) = sender(&world, json!({ "webhook": true })).await;
    let (now, body) = (seconds(), br#"{"name":"Ada"}"#);
    let good = sender.sign("m", now, body);
    let refused = async |answer: Answer, why: &str| {
        assert_eq!((answer.status, answer.code().as_str()), (401, "webhook_refused"), "{why}");
        answer.value()["detail"].as_str().unwrap().to_owned()
    };
    let wrong = Sender {
        secret: format!("whsec_{}", STANDARD.encode([1; 32])),
        http: world.anonymous(),
        url: sender.url.clone(),
    };
    let text = refused(sender.send("m", now, &wrong.sign("m", now, body), &[], body).await, "another secret").await;
    for (answer, why) in [
        (sender.send("m", now, &good, &[], br#"{"name":"Eve"}"#).await, "another body"),
        (sender.send("n", now, &good, &[], body).await, "another id"),
        (sender.send("m", now + 1, &good, &[], body).await, "another time"),
        (sender.send("m", now - 400, &sender.sign("m", now - 400, body), &[], body).await, "too old"),
        (sender.send("m", now + 400, &sender.sign("m", now + 400, body), &[], body).await, "from the future"),
        (sender.send("m", now, "", &[], body).await, "no signature"),
        (sender.send("", now, &sender.sign("", now, body), &[], body).await, "no id"),
    ] {
        assert_eq!(refused(answer, why).await, text, "{why}: the answer tells nothing");
    }
    // an address that is none, a trigger that is no webhook: the same answer
    let schedule = world.client().triggers().create(&create("hello", json!({ "schedule": "@daily" }))).await.unwrap();
    for id in ["nothing", "trg_01h455vb4pex5vsknk084sn02q", &schedule.trigger.trigger_id] {
        let other = Sender { url: format!("/v1/hooks/{id}"), http: world.anonymous(), secret: sender.secret.clone() };
        assert_eq!(refused(other.deliver("m", &json!({})).await, id).await, text);
    }
    // signed, and still not taken
    let large = json!({ "name": "x".repeat(300 * 1024) });
    let answer = sender.deliver("large", &large).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    let broken = sender.send("b", now, &sender.sign("b", now, b"{"), &[], b"{").await;
    assert_eq!((broken.status, broken.code().as_str()), (400, "body_malformed"));
    world.client().triggers().pause(&trigger.trigger_id).await.unwrap();
    let paused = sender.deliver("p", &json!({})).await;
    assert_eq!((paused.status, paused.code().as_str()), (409, "trigger_paused"));
    // nothing started, and no other method passes without a key
    assert_eq!(world.client().triggers().get(&trigger.trigger_id).await.unwrap().started, 0);
    for method in ["GET", "PUT", "DELETE"] {
        assert_eq!(world.anonymous().send(method, &sender.url, &[], b"").await.status, 401, "{method}");
    }
    assert_eq!(world.anonymous().json("POST", "/v1/events", "{}").await.status, 401);
}

async fn a_secret_is_changed_without_a_gap(world: World) {
    let (mut sender, trigger) = sender(&world, json!({ "webhook": true })).await;
    let rotated = world.client().triggers().rotate(&trigger.trigger_id).await.unwrap();
    assert!(rotated.previous_until.is_some());
    assert_eq!(sender.deliver("old", &json!({ "name": "a" })).await.status, 202, "the one before");
    let old = std::mem::replace(&mut sender.secret, rotated.secret.unwrap());
    assert_eq!(sender.deliver("new", &json!({ "name": "a" })).await.status, 202);
    world.client().triggers().rotate(&trigger.trigger_id).await.unwrap();
    assert_eq!(sender.deliver("newer", &json!({ "name": "a" })).await.status, 202);
    sender.secret = old;
    assert_eq!(sender.deliver("oldest", &json!({ "name": "a" })).await.status, 401, "two are accepted, not three");
    // reading shows none
    let shown = world.http().get(&format!("/v1/triggers/{}", trigger.trigger_id)).await;
    assert!(!shown.text().contains("whsec_"));
}

async fn declared_triggers_follow_deployments(world: World) {
    let client = world.client();
    let triggers = json!([{ "webhook": true }, { "schedule": "0 9 * * MON-FRI", "timezone": "Europe/Berlin" }]);
    let with = agent("hello", json!({ "script": [{ "text": "hi" }], "triggers": triggers }));
    client.agents().create(&with, None).await.unwrap();
    let list = async || client.triggers().list(&ListTriggers::default()).await.unwrap().items;
    assert!(list().await.is_empty(), "nothing is live");
    client.agents().deploy("hello", &Deploy::default(), None).await.unwrap();
    let declared = list().await;
    assert_eq!(declared.len(), 2);
    assert!(declared.iter().all(|one| one.state == "active" && one.origin == "file"));
    let schedule = declared.iter().find(|one| one.kind == "schedule").unwrap();
    assert!(schedule.next_at.is_some());
    let hook = declared.iter().find(|one| one.kind == "webhook").unwrap().clone();
    // it changes with the file alone, but can be paused, and stays so
    let refused = client.triggers().delete(&hook.trigger_id).await.unwrap_err();
    assert_eq!(refused.code(), "trigger_declared");
    client.triggers().pause(&schedule.trigger_id).await.unwrap();
    let mut without = with.clone();
    without.triggers.truncate(1);
    without.triggers[0].concurrency = Some("queue".to_owned());
    client.agents().put("hello", &without).await.unwrap();
    client.agents().deploy("hello", &Deploy::default(), None).await.unwrap();
    let after = list().await;
    let state = |id: &str| after.iter().find(|one| one.trigger_id == id).unwrap();
    assert_eq!(state(&hook.trigger_id).concurrency, "queue", "the same webhook, changed");
    assert_eq!((state(&schedule.trigger_id).state.as_str(), &state(&schedule.trigger_id).next_at), ("inactive", &None));
    let fired = client.triggers().fire(&schedule.trigger_id, &FireTrigger::default(), None).await.unwrap_err();
    assert_eq!(fired.code(), "trigger_inactive");
    // back to the first version: the same triggers, the pause kept
    client.agents().deploy("hello", &Deploy { version: Some(1), ..Deploy::default() }, None).await.unwrap();
    let back = list().await;
    assert_eq!(back.len(), 2);
    assert_eq!(back.iter().find(|one| one.trigger_id == schedule.trigger_id).unwrap().state, "paused");
    client.agents().undeploy("hello", "production").await.unwrap();
    assert!(list().await.iter().all(|one| one.state == "inactive"));
    client.agents().delete("hello", true).await.unwrap();
    assert!(list().await.is_empty());
}

async fn triggers_are_made_and_ended(world: World) {
    let client = world.client();
    world.deploy(&greeter("hello")).await;
    for (body, status, code) in [
        (json!({ "agent": "hello", "config": { "schedule": "61 * * * *" } }), 422, "trigger_invalid"),
        (json!({ "agent": "hello", "config": {} }), 422, "trigger_invalid"),
        (json!({ "agent": "hello", "config": { "webhook": true, "x": 1 } }), 422, "body_invalid"),
        (json!({ "agent": "hello", "environment": "A B", "config": { "webhook": true } }), 422, "field_invalid"),
        (json!({ "agent": "nobody", "config": { "webhook": true } }), 404, "agent_not_found"),
    ] {
        let answer = world.http().json("POST", "/v1/triggers", &body.to_string()).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{body}");
    }
    let wrong = json!({ "agent": "hello", "config": { "schedule": "61 * * * *" } }).to_string();
    let answer = world.http().json("POST", "/v1/triggers", &wrong).await;
    assert_eq!(answer.value()["errors"][0]["pointer"], "/config/schedule");
    let made = client.triggers().create(&create("hello", json!({ "schedule": "@hourly" }))).await.unwrap();
    assert_eq!((made.secret, made.trigger.upcoming.len()), (None, 5));
    let id = made.trigger.trigger_id;
    let fire = client.triggers().fire(&id, &FireTrigger::default(), Some("k")).await.unwrap();
    assert_eq!(fire.state, "started");
    client.triggers().delete(&id).await.unwrap();
    assert_eq!(client.triggers().get(&id).await.unwrap_err().code(), "trigger_not_found");
    let changes = world.http().get("/v1/changes").await.text();
    assert!(changes.contains("trigger.created") && changes.contains("trigger.deleted"), "{changes}");
}

async fn published_events_fire(world: World) {
    let client = world.client();
    world.deploy(&greeter("hello")).await;
    let config = json!({ "event": "order.created", "input": { "name": { "$pointer": "/event/data/name" } } });
    let made = client.triggers().create(&create("hello", config)).await.unwrap().trigger;
    let event: PublishEvent = serde_json::from_value(json!({
        "specversion": "1.0", "id": "1", "source": "shop", "type": "order.created", "data": { "name": "Ada" },
    }))
    .unwrap();
    for _ in 0..2 {
        assert_eq!(client.triggers().publish(&event).await.unwrap().fired, std::slice::from_ref(&made.trigger_id));
    }
    let started = until_started(&world, &made, 1).await;
    let id = started.last_execution_id.unwrap();
    assert_eq!(client.executions().get(&id).await.unwrap().input["name"], "Ada");
    let text = serde_json::to_string(&event).unwrap();
    let typed = [("content-type", "application/cloudevents+json")];
    assert_eq!(world.http().send("POST", "/v1/events", &typed, text.as_bytes()).await.status, 202);
    // a real wait: looks again a moment later
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(client.triggers().get(&made.trigger_id).await.unwrap().started, 1, "one event, one execution");
}

async fn a_chain_ends(world: World) {
    let (sender, _) = sender(&world, json!({ "webhook": true })).await;
    let (now, body) = (seconds(), br#"{"name":"a"}"#);
    for (depth, status) in [("8", 202), ("9", 409), ("-1", 409), ("x", 409)] {
        let id = format!("depth{depth}");
        let more = [("moltforge-chain-depth", depth)];
        let answer = sender.send(&id, now, &sender.sign(&id, now, body), &more, body).await;
        assert_eq!(answer.status, status, "{depth}: {}", answer.text());
    }
}

async fn until_started(world: &World, trigger: &Trigger, count: u64) -> Trigger {
    for _ in 0..200 {
        let now = world.client().triggers().get(&trigger.trigger_id).await.unwrap();
        if now.started >= count {
            return now;
        }
        // a real wait: looks again a moment later
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{} did not start {count}", trigger.trigger_id);
}
