//! Simultaneous writers: no gap, no number twice, and everybody gets a right answer.

use std::collections::BTreeSet;

use moltforge_testing::World;
use serde_json::json;

use crate::service::{Answer, Service, changes, hello};

moltforge_testing::worlds! { simultaneous_puts, simultaneous_equal_puts, simultaneous_first_puts, simultaneous_patches, simultaneous_deployments, simultaneous_creations }

const WRITERS: usize = 8;

async fn put(service: &Service, text: &str) -> Answer {
    let mut config = hello("hello");
    config["script"][0]["text"] = json!(text);
    service.ask("PUT", "/v1/agents/hello").json(&json!({ "config": config })).send().await
}

/// What `WRITERS` of them answer when they run at the same time.
async fn race<F: Future<Output = Answer>>(write: impl Fn(usize) -> F) -> Vec<Answer> {
    futures::future::join_all((0..WRITERS).map(write)).await
}

async fn latest(service: &Service) -> u64 {
    service.get("/v1/agents/hello").await.body["latest_version"].as_u64().unwrap()
}

async fn simultaneous_puts(world: &World) {
    let service = Service::new(world).await;
    service.create("hello").await;
    let texts: Vec<String> = (0..WRITERS).map(|n| format!("text {n}")).collect();
    let answers = race(|n| put(&service, &texts[n])).await;
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    assert_eq!(latest(&service).await, 1 + WRITERS as u64);
    let mut seen = BTreeSet::new();
    for version in 2..=1 + WRITERS {
        let body = service.get(&format!("/v1/agents/hello/versions/{version}")).await.body;
        seen.insert(body["config"]["script"][0]["text"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, texts.into_iter().collect(), "each content has one version");
    assert_eq!(changes(world, &service).await.len(), 1 + WRITERS);
}

async fn simultaneous_equal_puts(world: &World) {
    let service = Service::new(world).await;
    service.create("hello").await;
    let answers = race(|_| put(&service, "the same")).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let unchanged = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((made, unchanged), (1, WRITERS - 1), "{answers:?}");
    assert!(answers.iter().all(|answer| answer.etag() == "\"2\""));
    assert_eq!(latest(&service).await, 2);
}

async fn simultaneous_first_puts(world: &World) {
    let service = Service::new(world).await;
    let answers = race(|_| put(&service, "the same")).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!((made, latest(&service).await), (1, 1), "{answers:?}");
    assert!(answers.iter().all(|answer| answer.status < 300), "{answers:?}");
    assert_eq!(changes(world, &service).await.len(), 1);
}

async fn simultaneous_patches(world: &World) {
    let service = Service::new(world).await;
    service.create("hello").await;
    let patches: Vec<_> = (0..WRITERS).map(|n| json!({ "description": format!("by {n}") })).collect();
    let answers = race(|n| service.ask("PATCH", "/v1/agents/hello").patch(1, &patches[n]).send()).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    let lost = answers.iter().filter(|answer| answer.refusal() == (412, "version_changed")).count();
    assert_eq!((won, lost), (1, WRITERS - 1), "{answers:?}");
    assert_eq!(latest(&service).await, 2);
}

async fn simultaneous_deployments(world: &World) {
    let service = Service::new(world).await;
    service.create("hello").await;
    for n in 2..=WRITERS {
        service.version("hello", &format!("text {n}")).await;
    }
    let bodies: Vec<_> = (1..=WRITERS).map(|version| json!({ "version": version })).collect();
    let deploy = |n: usize| service.ask("POST", "/v1/agents/hello/deployments").json(&bodies[n]).send();
    let answers = race(deploy).await;
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    let history = service.get("/v1/agents/hello/deployments").await.body;
    let states: Vec<_> = history["items"].as_array().unwrap().iter().map(|item| item["status"].clone()).collect();
    assert_eq!((states.len(), &states[0]), (WRITERS, &json!("live")));
    assert!(states[1..].iter().all(|state| state == "superseded"), "{states:?}");
    changes(world, &service).await;
}

async fn simultaneous_creations(world: &World) {
    let service = Service::new(world).await;
    let body = json!({ "config": hello("hello") });
    let answers = race(|_| service.ask("POST", "/v1/agents").json(&body).send()).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.refusal() == (409, "agent_name_taken")).count();
    assert_eq!((made, refused), (1, WRITERS - 1), "{answers:?}");
}
