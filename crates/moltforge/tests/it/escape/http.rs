//! Requests with a key of one project for what another one has.

use serde_json::json;

use super::sides::{Sides, bundle};
use super::{Report, Words};

const WORDS: Words =
    Words { expected: "404, as if it did not exist", control: "the same request with the owner's key is answered" };

pub(super) async fn all(sides: &Sides, report: &mut Report) {
    reads(sides, report).await;
    commands(sides, report).await;
    lists(sides, report).await;
    bundles(sides, report).await;
    approvals(sides, report).await;
}

async fn reads(sides: &Sides, report: &mut Report) {
    let id = sides.owner.run("echo", json!("canary")).await.execution_id;
    let hash = bundle("agent.js", "export default async (i, { signals }) => ({ victim: await signals.wait('go') })").0;
    for (what, path) in [
        ("an execution", format!("/v1/executions/{id}")),
        ("the steps of an execution", format!("/v1/executions/{id}/steps")),
        ("the events of an execution", format!("/v1/executions/{id}/events?limit=10")),
        ("the effects of an execution", format!("/v1/executions/{id}/effects")),
        ("the tree of an execution", format!("/v1/executions/{id}/tree")),
        ("an agent", "/v1/agents/victim".to_owned()),
        ("the versions of an agent", "/v1/agents/victim/versions".to_owned()),
        ("a version", "/v1/agents/victim/versions/1".to_owned()),
        ("the state of an agent", "/v1/agents/victim/state".to_owned()),
        ("the deployments of an agent", "/v1/agents/victim/deployments".to_owned()),
        ("the files of a program", format!("/v1/bundles/{hash}")),
        ("the text of a program", format!("/v1/bundles/{hash}?file=agent.js")),
    ] {
        let (attempt, control) = (sides.stranger.http.get(&path).await, sides.owner.http.get(&path).await);
        let name = format!("ask for {what}");
        let tried = format!("`GET` of {what} of the other project");
        report.add(&name, "neighbours", &tried, &WORDS, attempt.status < 300, control.status < 300);
        if attempt.status != 404 {
            report.faults.push(format!("{name}: {} {}", attempt.status, attempt.text()));
        }
    }
}

async fn commands(sides: &Sides, report: &mut Report) {
    for (what, path, body) in [
        ("signal", "signals", r#"{"name":"go","payload":"canary"}"#),
        ("pause", "pause", "{}"),
        ("cancel", "cancel", "{}"),
        ("kill", "kill", "{}"),
        ("replay", "replay", "{}"),
        ("fork", "fork", r#"{"at_step":1}"#),
    ] {
        let id = sides.owner.waiting("victim", json!({})).await;
        let path = format!("/v1/executions/{id}/{path}");
        let attempt = sides.stranger.http.json("POST", &path, body).await;
        let before = sides.owner.http.get(&format!("/v1/executions/{id}")).await.value();
        let control = sides.owner.http.json("POST", &path, body).await;
        let name = format!("{what} an execution");
        let tried = format!("{what} an execution of the other project, by its id");
        let succeeded = attempt.status < 300 || before["state"] != "suspended";
        report.add(&name, "neighbours", &tried, &WORDS, succeeded, control.status < 300);
        if control.status >= 300 {
            report.faults.push(format!("{name}: {}", control.text()));
        }
    }
    for (what, method, path, body) in [
        ("deploy an agent", "POST", "/v1/agents/victim/deployments", "{}"),
        ("stop an agent", "PUT", "/v1/holds/agents/victim", r#"{"mode":"pause"}"#),
        ("start an agent over HTTP", "POST", "/v1/executions", r#"{"agent":"victim"}"#),
    ] {
        let attempt = sides.stranger.http.json(method, path, body).await;
        let control = sides.owner.http.json(method, path, body).await;
        let tried = format!("{what} that only the other project has");
        report.add(what, "neighbours", &tried, &WORDS, attempt.status < 300, control.status < 300);
        if control.status >= 300 {
            report.faults.push(format!("{what}: {}", control.text()));
        }
        sides.owner.http.json("DELETE", "/v1/holds/agents/victim", "").await;
    }
}

/// What a list shows.
async fn lists(sides: &Sides, report: &mut Report) {
    let words = Words { expected: "the list does not name it", control: "the owner's list names it" };
    let waits = sides.owner.waiting("victim", json!("canary")).await;
    for (what, path, wanted) in [
        ("executions", "/v1/executions?limit=100", waits.as_str()),
        ("agents", "/v1/agents?limit=100", "\"listener\""),
        ("changes", "/v1/changes?limit=100", "victim"),
        ("triggers", "/v1/triggers?limit=100", "on-canary"),
    ] {
        let named = |text: String| text.contains(wanted);
        let attempt = named(sides.stranger.http.get(path).await.text());
        let control = named(sides.owner.http.get(path).await.text());
        report.add(
            &format!("list {what}"),
            "neighbours",
            &format!("{what} of the other project in a list"),
            &words,
            attempt,
            control,
        );
    }
}

/// Programs: by the hash alone, and with names that are no names.
async fn bundles(sides: &Sides, report: &mut Report) {
    let (hash, bytes) = bundle("agent.js", "export default () => 'canary'");
    sides.owner.http.json("PUT", &format!("/v1/bundles/{hash}"), &bytes).await;
    let attempt = sides.stranger.create("thief", &hash, &json!({})).await;
    let control = sides.owner.create("thief", &hash, &json!({})).await;
    let words = Words { expected: "the agent is refused", control: "the owner of the program makes the agent" };
    let tried = "an agent whose program is named by the hash of one of the other project";
    report.add("run a program by its hash", "neighbours", tried, &words, attempt.status < 300, control.status < 300);

    let words = Words { expected: "the program is refused", control: "a file `lib/agent.js` is taken" };
    let put = |name: &'static str, wrong_hash: bool| async move {
        let (hash, bytes) = bundle(name, "export default () => 1");
        let hash = if wrong_hash { "0".repeat(64) } else { hash };
        sides.stranger.http.json("PUT", &format!("/v1/bundles/{hash}"), &bytes).await.status < 300
    };
    for name in [
        "../agent.js",
        "/etc/agent.js",
        "a/../../agent.js",
        "a\\..\\agent.js",
        "agent\0.js",
        "moltforge:host",
        "C:agent.js",
        "./agent.js",
    ] {
        let tried = format!("a program with a file named {name:?}");
        report.add(
            &format!("upload a file {name:?}"),
            "files",
            &tried,
            &words,
            put(name, false).await,
            put("lib/agent.js", false).await,
        );
    }
    let words = Words { control: "the same program under its own hash is taken", ..words };
    let tried = "a program under the hash of another one";
    report.add(
        "upload under a false hash",
        "neighbours",
        tried,
        &words,
        put("agent.js", true).await,
        put("agent.js", false).await,
    );
}

/// A question that waits for a person of one project.
async fn approvals(sides: &Sides, report: &mut Report) {
    let code = json!({ "code": "return await c.approvals.request('canary?')" });
    sides.owner.waiting("tries", code).await;
    let list = sides.owner.http.get("/v1/approvals?state=pending").await.value();
    let approval = &list["items"][0];
    let (id, hash) = (approval["approval_id"].as_str().unwrap(), approval["call_sha256"].as_str().unwrap());
    let path = format!("/v1/approvals/{id}");
    let (attempt, control) = (sides.stranger.http.get(&path).await, sides.owner.http.get(&path).await);
    report.add(
        "ask for an approval",
        "neighbours",
        "`GET` of an approval of the other project",
        &WORDS,
        attempt.status < 300,
        control.status < 300,
    );
    let body = json!({ "decision": "approve", "call_sha256": hash }).to_string();
    let path = format!("{path}/decision");
    let attempt = sides.stranger.http.json("POST", &path, &body).await;
    let control = sides.owner.http.json("POST", &path, &body).await;
    report.add(
        "decide an approval",
        "neighbours",
        "an approval of the other project is approved",
        &WORDS,
        attempt.status < 300,
        control.status < 300,
    );
}
