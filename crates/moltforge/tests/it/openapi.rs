//! The OpenAPI document: it is complete, and the server keeps to it.

use std::collections::BTreeSet;

use moltforge_api::PageQuery;
use moltforge_api::deployments::Deploy;
use moltforge_api::triggers::CreateTrigger;
use serde_json::{Value, json};

use crate::http::{Answer, Http};
use crate::world::{World, greeter, waiter, worlds};

worlds! {
    every_operation_is_named_and_described,
    nothing_answers_without_credentials,
    nothing_answers_another_project,
    answers_fit_the_document,
    a_merge_patch_fits_the_document,
    a_missing_scope_is_documented,
}

/// One operation of the document.
struct Operation {
    id: String,
    method: String,
    path: String,
    body: Value,
}

async fn document(world: &World) -> Value {
    let answer = world.anonymous().get("/v1/openapi.json").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.value()
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if ["get", "put", "post", "patch", "delete"].contains(&method.as_str()) {
                operations.push(Operation {
                    id: operation["operationId"].as_str().unwrap_or_default().to_owned(),
                    method: method.to_uppercase(),
                    path: path.clone(),
                    body: operation.clone(),
                });
            }
        }
    }
    operations
}

async fn every_operation_is_named_and_described(world: World) {
    let document = document(&world).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["info"]["title"], "MoltForge");
    assert!(document["components"]["securitySchemes"].as_object().is_some_and(|schemes| !schemes.is_empty()));
    let operations = operations(&document);
    let mut ids = BTreeSet::new();
    for operation in &operations {
        assert!(operation.id.contains('.'), "{} {}: {:?}", operation.method, operation.path, operation.id);
        assert!(ids.insert(operation.id.clone()), "{} twice", operation.id);
        for (status, response) in operation.body["responses"].as_object().unwrap() {
            assert!(response["description"].as_str().is_some_and(|d| !d.is_empty()), "{} {status}", operation.id);
        }
    }
    let named = "agents.create agents.list agents.get agents.put agents.patch agents.delete executions.start \
         executions.list executions.get executions.steps executions.events executions.pause executions.resume \
         executions.cancel executions.kill executions.receipt executions.tree executions.fork executions.replay \
         executions.signal executions.effects approvals.list approvals.count approvals.decide triggers.create \
         triggers.list triggers.fire events.publish holds.list keys.create keys.list keys.revoke";
    for id in named.split(' ') {
        assert!(ids.contains(id), "{id} is missing from {ids:?}");
    }
}

async fn nothing_answers_without_credentials(world: World) {
    let document = document(&world).await;
    for operation in operations(&document) {
        // a session is opened by what is in the body
        let brings_its_own = ["sessions.open", "approvals.callback"].contains(&operation.id.as_str());
        if brings_its_own || !operation.path.starts_with("/v1/") {
            continue;
        }
        let path = filled(&operation.path, "exe_01h455vb4pex5vsknk084sn02q", "hello");
        let answer = probe(&world.anonymous(), &operation.method, &path).await;
        assert_eq!(answer.status, 401, "{} {}: {}", operation.method, path, answer.text());
    }
}

async fn nothing_answers_another_project(world: World) {
    world.deploy(&greeter("hello")).await;
    world.deploy(&waiter("patient")).await;
    let execution = world.run("patient", json!(null)).await.execution_id;
    let agent_id = world.client().agents().get("hello").await.unwrap().agent_id;
    let key_id = world.client().keys().list(&PageQuery::default()).await.unwrap().items[0].key_id.clone();
    let trigger = trigger(&world, "patient").await;
    let (_, secret) = world.stranger().await;
    let stranger = Http::new(world.server.address(), Some(secret.expose()));
    let document = document(&world).await;
    let mut probed = 0;
    for operation in operations(&document).iter().filter(|operation| operation.path.contains('{')) {
        // whoever has its token, or signs for it, needs no project; a webhook that is none is refused like a wrong signature;
        // an upload makes what is not there, in the project of its key
        if ["approvals.callback", "hooks.receive", "bundles.put"].contains(&operation.id.as_str()) {
            continue;
        }
        let path = filled(&operation.path, &execution, &agent_id);
        let path = path.replace("{key}", &key_id).replace("{trigger}", &trigger);
        let answer = probe(&stranger, &operation.method, &path).await;
        assert_eq!(answer.status, 404, "{} {path}: {}", operation.method, answer.text());
        probed += 1;
    }
    assert!(probed > 15, "{probed} probed");
    // lists are empty, names are free, a start finds no agent
    for list in ["/v1/agents", "/v1/executions", "/v1/triggers", "/v1/approvals", "/v1/holds"] {
        assert_eq!(stranger.get(list).await.value()["items"], json!([]), "{list}");
    }
    assert_eq!(stranger.get("/v1/keys").await.value()["items"].as_array().unwrap().len(), 1);
    let started = stranger.json("POST", "/v1/executions", &json!({ "agent": agent_id }).to_string()).await;
    assert_eq!((started.status, started.code().as_str()), (404, "agent_not_found"));
    // and nothing happened to what is there
    assert_eq!(world.client().triggers().get(&trigger).await.unwrap().state, "active");
    assert_eq!(world.client().executions().get(&execution).await.unwrap().state, "suspended");
    assert_eq!(world.client().agents().get("hello").await.unwrap().latest_version, 1);
}

/// A schedule that fires in years.
async fn trigger(world: &World, agent: &str) -> String {
    let config = serde_json::from_value(json!({ "schedule": "0 0 29 2 *" })).unwrap();
    let wanted = CreateTrigger { agent: agent.to_owned(), environment: None, config };
    world.client().triggers().create(&wanted).await.unwrap().trigger.trigger_id
}

async fn probe(http: &Http, method: &str, path: &str) -> Answer {
    let content_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let body = match method {
        "GET" | "DELETE" => String::new(),
        "PUT" if path.starts_with("/v1/holds") => json!({ "mode": "pause" }).to_string(),
        "PUT" => json!({ "config": greeter("hello") }).to_string(),
        _ if path.ends_with("/signals") => json!({ "name": "go" }).to_string(),
        _ if path.ends_with("/fork") => json!({ "at_step": 1 }).to_string(),
        _ if path.contains("/effects/") => json!({ "decision": "fail" }).to_string(),
        _ if path.ends_with("/decision") => json!({ "decision": "reject", "call_sha256": "" }).to_string(),
        _ => "{}".to_owned(),
    };
    http.send(method, path, &[("content-type", content_type), ("if-match", "\"1\"")], body.as_bytes()).await
}

fn filled(path: &str, execution: &str, agent: &str) -> String {
    path.replace("{execution}", execution)
        .replace("{agent}", agent)
        .replace("{version}", "1")
        .replace("{environment}", "production")
        .replace("{step}", "2")
        .replace("{sha256}", &"a".repeat(64))
        .replace("{approval}", "apr_01h455vb4pex5vsknk084sn02q")
}

async fn answers_fit_the_document(world: World) {
    let document = document(&world).await;
    let operations = operations(&document);
    world.deploy(&greeter("hello")).await;
    world.deploy(&waiter("patient")).await;
    let mut second = greeter("hello");
    "second".clone_into(&mut second.description);
    world.client().agents().put("hello", &second).await.unwrap();
    world.client().agents().deploy("hello", &Deploy::default(), None).await.unwrap();
    world.run("hello", json!({ "name": "Ada" })).await;
    let exe = world.run("patient", json!(null)).await.execution_id;
    let key = world.client().keys().list(&PageQuery::default()).await.unwrap().items[0].key_id.clone();
    let trg = trigger(&world, "patient").await;
    let webhook = json!({ "agent": "patient", "config": { "webhook": true } }).to_string();
    let event = json!({ "specversion": "1.0", "id": "1", "source": "shop", "type": "order.created" }).to_string();
    let other = json!({ "config": greeter("other") }).to_string();
    let key_body = json!({ "name": "k", "scopes": ["agents:read"] }).to_string();

    let files = "{\"files\":{\"agent.js\":\"\"}}";
    let files_hash = moltforge_types::ContentHash::of(files.as_bytes()).to_string();

    for (method, path, body) in [
        ("GET", "/v1/agents".to_owned(), ""),
        ("POST", "/v1/agents".to_owned(), other.as_str()),
        ("POST", "/v1/agents".to_owned(), other.as_str()),
        ("GET", "/v1/agents/hello".to_owned(), ""),
        ("PUT", "/v1/agents/other".to_owned(), other.as_str()),
        ("GET", "/v1/agents/nobody".to_owned(), ""),
        ("PATCH", "/v1/agents/hello".to_owned(), "{\"description\":\"third\"}"),
        ("GET", "/v1/agents/hello/versions".to_owned(), ""),
        ("GET", "/v1/agents/hello/versions/1".to_owned(), ""),
        ("GET", "/v1/agents/hello/versions/2/diff".to_owned(), ""),
        ("GET", "/v1/agents/hello/deployments".to_owned(), ""),
        ("POST", "/v1/agents/hello/rollback".to_owned(), "{}"),
        ("POST", "/v1/agents/hello/deployments".to_owned(), "{}"),
        ("DELETE", "/v1/agents/hello/deployments/production".to_owned(), ""),
        ("GET", "/v1/agents/hello/state".to_owned(), ""),
        ("PUT", format!("/v1/bundles/{}", "a".repeat(64)), "{\"files\":{\"agent.js\":\"\"}}"),
        ("PUT", format!("/v1/bundles/{files_hash}"), files),
        ("GET", format!("/v1/bundles/{files_hash}"), ""),
        ("GET", "/v1/bundles/none".to_owned(), ""),
        ("GET", "/v1/executions".to_owned(), ""),
        ("POST", "/v1/executions".to_owned(), "{\"agent\":\"patient\"}"),
        ("POST", "/v1/executions".to_owned(), "{\"agent\":\"hello\"}"),
        ("GET", format!("/v1/executions/{exe}"), ""),
        ("GET", format!("/v1/executions/{exe}/steps"), ""),
        ("GET", format!("/v1/executions/{exe}/effects"), ""),
        ("POST", format!("/v1/executions/{exe}/effects/2/decision"), "{\"decision\":\"fail\"}"),
        ("GET", "/v1/approvals".to_owned(), ""),
        ("GET", "/v1/approvals/count".to_owned(), ""),
        ("GET", "/v1/approvals/apr_01h455vb4pex5vsknk084sn02q".to_owned(), ""),
        ("GET", format!("/v1/executions/{exe}/events"), ""),
        ("POST", format!("/v1/executions/{exe}/pause"), "{}"),
        ("POST", format!("/v1/executions/{exe}/signals"), "{\"name\":\"x\"}"),
        ("POST", format!("/v1/executions/{exe}/resume"), "{}"),
        ("POST", format!("/v1/executions/{exe}/resume"), "{}"),
        ("GET", format!("/v1/executions/{exe}/tree"), ""),
        ("POST", format!("/v1/executions/{exe}/replay"), "{}"),
        ("POST", format!("/v1/executions/{exe}/fork"), "{\"at_step\":1}"),
        ("POST", format!("/v1/executions/{exe}/fork"), "{\"at_step\":7}"),
        ("POST", format!("/v1/executions/{exe}/cancel"), "{}"),
        ("POST", format!("/v1/executions/{exe}/kill"), "{}"),
        ("GET", format!("/v1/executions/{exe}/receipt"), ""),
        ("POST", "/v1/triggers".to_owned(), webhook.as_str()),
        ("POST", "/v1/triggers".to_owned(), webhook.as_str()),
        ("GET", "/v1/triggers".to_owned(), ""),
        ("GET", format!("/v1/triggers/{trg}"), ""),
        ("PATCH", format!("/v1/triggers/{trg}"), "{\"config\":{\"schedule\":\"0 0 29 2 *\",\"missed\":\"skip\"}}"),
        ("PATCH", format!("/v1/triggers/{trg}"), "{\"config\":{\"schedule\":\"never\"}}"),
        ("POST", format!("/v1/triggers/{trg}/fire"), "{}"),
        ("GET", format!("/v1/triggers/{trg}/fires"), ""),
        ("POST", format!("/v1/triggers/{trg}/secret"), ""),
        ("POST", format!("/v1/triggers/{trg}/pause"), ""),
        ("POST", format!("/v1/triggers/{trg}/resume"), ""),
        ("DELETE", format!("/v1/triggers/{trg}"), ""),
        ("POST", format!("/v1/hooks/{trg}"), "{}"),
        ("POST", "/v1/events".to_owned(), event.as_str()),
        ("POST", "/v1/events".to_owned(), "{}"),
        ("PUT", "/v1/holds/agents/hello".to_owned(), "{\"mode\":\"pause\"}"),
        ("PUT", "/v1/holds/project".to_owned(), "{\"mode\":\"nonsense\"}"),
        ("GET", "/v1/holds".to_owned(), ""),
        ("DELETE", "/v1/holds/agents/hello".to_owned(), ""),
        ("DELETE", "/v1/holds/project".to_owned(), ""),
        ("DELETE", "/v1/agents/other".to_owned(), ""),
        ("GET", "/v1/keys".to_owned(), ""),
        ("POST", "/v1/keys".to_owned(), key_body.as_str()),
        ("GET", format!("/v1/keys/{key}"), ""),
        ("POST", "/v1/sign-in-codes".to_owned(), ""),
        ("POST", "/v1/sessions".to_owned(), "{\"code\":\"nonsense\"}"),
    ] {
        let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let headers = [("content-type", media_type), ("if-match", "\"2\"")];
        let answer = world.http().send(method, &path, &headers, body.as_bytes()).await;
        check(&document, &operations, method, &path, &answer);
    }
}

async fn a_merge_patch_fits_the_document(world: World) {
    let document = document(&world).await;
    let operations = operations(&document);
    let patch = operations.iter().find(|operation| operation.id == "agents.patch").unwrap();
    let schema = &patch.body["requestBody"]["content"]["application/merge-patch+json"]["schema"];
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    let validator = jsonschema::validator_for(&whole).unwrap();
    world.deploy(&greeter("hello")).await;
    for (at, body) in [
        json!({}),
        json!({ "description": "second" }),
        json!({ "description": null, "limits": { "turns": 7, "wall": null } }),
        json!({ "limits": null, "input_schema": { "type": "object" }, "tools": null, "parameters": null }),
        json!({ "parameters": { "temperature": null }, "input_schema": null }),
    ]
    .iter()
    .enumerate()
    {
        let faults: Vec<String> = validator.iter_errors(body).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{body}: {faults:?}");
        let version = world.client().agents().get("hello").await.unwrap().latest_version;
        let headers = [("content-type", "application/merge-patch+json"), ("if-match", &*format!("\"{version}\""))];
        let answer = world.http().send("PATCH", "/v1/agents/hello", &headers, body.to_string().as_bytes()).await;
        assert_eq!(answer.status, 200, "{at}: {}", answer.text());
    }
    for wrong in [json!({ "description": 1 }), json!({ "colour": "red" }), json!({ "limits": { "turns": "x" } })] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
    // every field of a configuration can be patched
    let fields = |name: &str| -> BTreeSet<String> {
        document["components"]["schemas"][name]["properties"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(fields("AgentPatch"), fields("AgentConfig"));
    assert_eq!(fields("LimitsPatch"), fields("Limits"));
}

async fn a_missing_scope_is_documented(world: World) {
    let document = document(&world).await;
    let scopes = ["agents:read", "executions:read", "monitoring:read"];
    for held in scopes {
        let wanted =
            moltforge_api::keys::CreateKey { name: "x".to_owned(), scopes: vec![held.to_owned()], expires_at: None };
        let secret = world.client().keys().create(&wanted).await.unwrap().secret;
        let http = Http::new(world.server.address(), Some(&secret));
        for operation in operations(&document) {
            let path = filled(&operation.path, "exe_01h455vb4pex5vsknk084sn02q", "hello")
                .replace("{key}", "key_01h455vb4pex5vsknk084sn02q");
            let answer = probe(&http, &operation.method, &path).await;
            let declared = operation.body["responses"]["403"].is_object();
            assert!(answer.status != 403 || declared, "{} {path}: 403 is not declared", operation.method);
        }
    }
}

/// The answer's status is documented, and its body fits the schema.
fn check(document: &Value, operations: &[Operation], method: &str, path: &str, answer: &Answer) {
    let fits = |pattern: &str| {
        let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
        pattern.len() == path.len() && pattern.iter().zip(path).all(|(p, s)| p.starts_with('{') || *p == s)
    };
    let operation = operations.iter().find(|operation| operation.method == method && fits(&operation.path));
    let operation = operation.unwrap_or_else(|| panic!("{method} {path} is not in the document"));
    let response = &operation.body["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {path}: {} is not documented: {}", answer.status, answer.text());
    let content = response["content"].as_object();
    let Some(content) = content else {
        assert!(answer.body.is_empty(), "{method} {path}: a body that is not documented: {}", answer.text());
        return;
    };
    let media_type = answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    let schema = content.get(media_type).or_else(|| content.get("application/json"));
    let schema = &schema.unwrap_or_else(|| panic!("{method} {path}: {media_type} is not documented"))["schema"];
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    let validator = jsonschema::validator_for(&whole).unwrap_or_else(|e| panic!("{}: {e}", operation.id));
    let body = answer.value();
    let faults: Vec<String> = validator.iter_errors(&body).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(faults.is_empty(), "{method} {path} {}: {}\n{body}", answer.status, faults.join("\n"));
}
