//! The forms of the dashboard, posted as a browser does: each does what it says, and none counts without a session or
//! from another site.

use std::time::Duration;

use moltforge_api::approvals::ListApprovals;
use moltforge_api::executions::{Execution, ListSteps};
use moltforge_api::triggers::CreateTrigger;
use moltforge_client::StartOptions;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::http::{Answer, Http};
use crate::world::{World, agent, greeter, start, waiter, worlds};

worlds! {
    a_call_is_approved_with_other_arguments,
    a_question_is_answered_by_its_form,
    triggers_are_held_and_fired,
    agents_and_the_project_are_held,
    a_tree_is_killed_forked_and_replayed,
    no_form_counts_without_a_session_or_from_elsewhere,
}

/// Signed in.
struct Browser {
    http: Http,
    cookie: String,
    origin: String,
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

impl Browser {
    async fn open(world: &World) -> Self {
        let (http, origin) = (world.anonymous(), format!("http://{}", world.server.address()));
        let headers = [FORM, ("origin", origin.as_str()), ("sec-fetch-site", "same-origin")];
        let body = form(&[("key", world.key.expose())]);
        let answer = http.send("POST", "/sign-in", &headers, body.as_bytes()).await;
        let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{} {}", answer.status, answer.text()));
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { http, cookie, origin }
    }

    async fn get(&self, path: &str) -> String {
        let answer = self.http.send("GET", path, &[("cookie", &self.cookie)], b"").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let headers =
            [FORM, ("cookie", self.cookie.as_str()), ("origin", &self.origin), ("sec-fetch-site", "same-origin")];
        self.http.send("POST", path, &headers, form(fields).as_bytes()).await
    }

    /// Posts a form that is taken, and says where it leads.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.send(path, fields).await;
        assert_eq!(answer.status, 303, "{path} {fields:?}: {}", answer.text());
        answer.header("location").unwrap().to_owned()
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    let quoted = |text: &str| -> String {
        text.bytes()
            .map(
                |byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") },
            )
            .collect()
    };
    fields.iter().map(|(name, value)| format!("{}={}", quoted(name), quoted(value))).collect::<Vec<_>>().join("&")
}

/// What a hidden input of the page holds.
fn hidden(page: &str, name: &str) -> String {
    let (_, rest) =
        page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name}: {page}"));
    rest.split_once('"').unwrap().0.replace("&quot;", "\"").replace("&amp;", "&")
}

/// Its end, or that it holds.
async fn settled(world: &World, id: &str) -> Execution {
    for _ in 0..400 {
        let execution = world.client().executions().get(id).await.unwrap();
        if execution.finished_at.is_some() {
            return execution;
        }
        // a real wait: between two looks at it
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{id} did not end");
}

async fn pending(world: &World, execution: &str) -> moltforge_api::approvals::Approval {
    let filter = ListApprovals { execution: Some(execution.to_owned()), ..ListApprovals::default() };
    world.client().approvals().list(&filter).await.unwrap().items.remove(0)
}

/// Adds two numbers, after a person has looked at them.
async fn careful(world: &World) -> Execution {
    let script = json!([
        { "calls": [{ "tool": "math.add", "arguments": { "a": 1, "b": 2 } }] },
        { "text": "{{ tools[0] }}" },
    ]);
    let fields = json!({ "tools": ["math.add"], "script": script, "approvals": [{ "tools": ["math.add"] }] });
    world.deploy(&agent("careful", fields)).await;
    let execution = world.run("careful", json!(null)).await;
    assert_eq!(execution.state, "suspended", "{execution:?}");
    execution
}

async fn a_call_is_approved_with_other_arguments(world: World) {
    let browser = Browser::open(&world).await;
    let execution = careful(&world).await;
    let approval = pending(&world, &execution.execution_id).await;
    let (path, action) =
        (format!("/approvals/{}", approval.approval_id), format!("/approvals/{}/decision", approval.approval_id));
    assert!(
        browser.get("/agents").await.contains(">1</span><span class=\"unseen\"> waiting"),
        "the count beside the link"
    );
    let page = browser.get(&path).await;
    let (hash, shown) = (hidden(&page, "call_sha256"), hidden(&page, "shown"));
    let approve = |arguments: &'static str| {
        [("decision", "approve"), ("call_sha256", hash.as_str()), ("shown", shown.as_str()), ("arguments", arguments)]
    };
    // what cannot be taken comes back with its reason and with what was typed
    for (arguments, why) in [("{\"a\": ", "this is not JSON"), (r#"{"a": "one", "b": 2}"#, "one")] {
        let refused = browser.send(&action, &approve(arguments)).await;
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert!(refused.text().contains(why) && refused.text().contains("{&quot;a&quot;: "), "{}", refused.text());
    }
    let stale = browser.send(&action, &[("decision", "approve"), ("call_sha256", &"0".repeat(64))]).await;
    assert_eq!(stale.status, 409, "{}", stale.text());
    let to = browser.post(&action, &approve(r#"{"a": 40, "b": 2}"#)).await;
    assert_eq!(to, format!("{path}?done=approved"));
    let output = settled(&world, &execution.execution_id).await.output.unwrap();
    assert!(output.as_str().is_some_and(|said| said.contains("\"result\":42")), "{output}");
    let page = browser.get(&path).await;
    assert!(page.contains("With these arguments") && !page.contains("name=\"call_sha256\""), "{page}");
    assert!(!browser.get("/agents").await.contains(" waiting"));
    // as it was shown, whatever the white space; and rejected
    for (decision, output) in [("approve", "3"), ("reject", "not now")] {
        let execution = world.run("careful", json!(null)).await;
        let approval = pending(&world, &execution.execution_id).await;
        let page = browser.get(&format!("/approvals/{}", approval.approval_id)).await;
        let (hash, shown) = (hidden(&page, "call_sha256"), hidden(&page, "shown"));
        let fields = [
            ("decision", decision),
            ("call_sha256", hash.as_str()),
            ("shown", shown.as_str()),
            ("arguments", "{\r\n  \"b\": 2, \"a\": 1\r\n}"),
            ("note", "not now"),
        ];
        browser.post(&format!("/approvals/{}/decision", approval.approval_id), &fields).await;
        let end = settled(&world, &execution.execution_id).await;
        assert!(end.output.clone().unwrap().to_string().contains(output), "{end:?}");
        let decided = world.client().approvals().get(&approval.approval_id).await.unwrap();
        assert_eq!((decided.edited_arguments, decided.note.as_deref()), (None, Some("not now")));
    }
}

async fn a_question_is_answered_by_its_form(world: World) {
    let browser = Browser::open(&world).await;
    let schema = json!({ "type": "object", "required": ["seats"], "properties": {
        "seats": { "type": "integer", "maximum": 9 }, "when": { "enum": ["today", "later"] } } });
    let ask = json!({ "tool": "approvals.request", "arguments": { "title": "How many?", "form": schema } });
    let script = json!([{ "calls": [ask] }, { "text": "{{ tools[0].answer.seats }} {{ tools[0].answer.when }}" }]);
    world.deploy(&agent("asker", json!({ "tools": ["approvals.request"], "script": script }))).await;
    let execution = world.run("asker", json!(null)).await.execution_id;
    let approval = pending(&world, &execution).await;
    let action = format!("/approvals/{}/decision", approval.approval_id);
    let page = browser.get(&format!("/approvals/{}", approval.approval_id)).await;
    assert!(page.contains("How many?") && page.contains("name=\"input/seats\""), "{page}");
    let hash = hidden(&page, "call_sha256");
    let answer = |seats: &'static str| {
        [("decision", "approve"), ("call_sha256", hash.as_str()), ("input/seats", seats), ("input/when", "\"later\"")]
    };
    for wrong in ["many", "12"] {
        let refused = browser.send(&action, &answer(wrong)).await;
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert!(refused.text().contains(&format!("value=\"{wrong}\"")), "{}", refused.text());
    }
    browser.post(&action, &answer("3")).await;
    assert_eq!(settled(&world, &execution).await.output, Some(json!("3 later")));
}

async fn triggers_are_held_and_fired(world: World) {
    let browser = Browser::open(&world).await;
    world.deploy(&greeter("hello")).await;
    let client = world.client();
    let make = async |config: Value| {
        let config = serde_json::from_value(config).unwrap();
        let wanted = CreateTrigger { agent: "hello".to_owned(), environment: None, config };
        client.triggers().create(&wanted).await.unwrap().trigger
    };
    let schedule = make(json!({ "schedule": "0 9 * * *", "timezone": "Europe/Berlin" })).await;
    let path = format!("/triggers/{}", schedule.trigger_id);
    assert_eq!(browser.post(&format!("{path}/pause"), &[]).await, format!("{path}?done=trigger-paused"));
    assert_eq!(client.triggers().get(&schedule.trigger_id).await.unwrap().state, "paused");
    browser.post(&format!("{path}/resume"), &[]).await;
    assert_eq!(client.triggers().get(&schedule.trigger_id).await.unwrap().state, "active");
    let key = hidden(&browser.get(&path).await, "form_key");
    for _ in 0..2 {
        // pressed twice
        browser.post(&format!("{path}/fire"), &[("form_key", &key)]).await;
    }
    let fired = client.triggers().get(&schedule.trigger_id).await.unwrap();
    assert_eq!(fired.started, 1, "{fired:?}");
    let list = browser.get("/triggers").await;
    assert!(list.contains(&path) && list.contains("Europe/Berlin"), "{list}");

    let webhook = make(json!({ "webhook": true })).await;
    let shown = browser.send(&format!("/triggers/{}/secret", webhook.trigger_id), &[]).await;
    assert_eq!((shown.status, shown.text().contains("whsec_")), (200, true), "{}", shown.text());
    let page = browser.get(&format!("/triggers/{}", webhook.trigger_id)).await;
    assert!(!page.contains("whsec_"), "a secret is shown once");
}

async fn agents_and_the_project_are_held(world: World) {
    let browser = Browser::open(&world).await;
    world.deploy(&waiter("patient")).await;
    let one = world.run("patient", json!(null)).await.execution_id;
    for (hold, lift, home) in
        [("/agents/patient/hold", "/agents/patient/lift", "/agents/patient"), ("/hold", "/lift", "/")]
    {
        browser.post(hold, &[("mode", "pause"), ("note", "looking at it")]).await;
        let page = browser.get(home).await;
        assert!(page.contains("looking at it") && page.contains("is paused"), "{page}");
        assert!(page.contains(&format!("action=\"{lift}\"")) && page.contains("value=\"kill\""), "{page}");
        browser.post(lift, &[]).await;
        assert!(!browser.get(home).await.contains("looking at it"));
    }
    assert_eq!(browser.send("/agents/patient/hold", &[("mode", "nonsense")]).await.status, 422);
    assert!(world.client().executions().get(&one).await.unwrap().finished_at.is_none());
    browser.post("/agents/patient/hold", &[("mode", "kill")]).await;
    assert_eq!(settled(&world, &one).await.state, "cancelled");
    let refused = world.client().executions().start(&start("patient", json!(null)), &StartOptions::default()).await;
    assert!(refused.is_err_and(|error| moltforge_types::Fault::code(&error) == "kill_switch_on"));
    browser.post("/agents/patient/lift", &[]).await;
    world.run("patient", json!(null)).await;
}

async fn a_tree_is_killed_forked_and_replayed(world: World) {
    let browser = Browser::open(&world).await;
    world.deploy(&waiter("patient")).await;
    let call = json!({ "tool": "agents.call", "arguments": { "agent": "patient" } });
    let script = json!([{ "calls": [call] }, { "text": "done" }]);
    world.deploy(&agent("boss", json!({ "tools": ["agents.call"], "agents": ["patient"], "script": script }))).await;
    let boss = world.run("boss", json!(null)).await.execution_id;
    let path = format!("/executions/{boss}");
    let page = browser.get(&path).await;
    assert!(page.contains("Below it") && page.contains("1 execution<"), "{page}");
    assert_eq!(browser.post(&format!("{path}/kill"), &[("note", "enough")]).await, format!("{path}?done=killed"));
    let receipt = world.client().executions().receipt(&boss).await.unwrap();
    assert!(receipt.stopped.kill && receipt.below.len() == 1 && receipt.below[0].state == "cancelled", "{receipt:?}");
    let page = browser.get(&path).await;
    assert!(page.contains("Receipt of the stop"), "{page}");

    let replayed = browser.send(&format!("{path}/replay"), &[]).await;
    assert!(replayed.status == 200 && replayed.text().contains("Identical: all "), "{}", replayed.text());

    let fields = [("at_step", "1"), ("version", "1"), ("note", "again"), ("form_key", "k1")];
    let to = browser.post(&format!("{path}/fork"), &fields).await;
    assert_eq!(browser.post(&format!("{path}/fork"), &fields).await, to, "pressed twice");
    let copy = to.strip_prefix("/executions/").unwrap().strip_suffix("?done=forked").unwrap();
    let forked = world.client().executions().get(copy).await.unwrap();
    assert_eq!(forked.forked_from.as_deref(), Some(boss.as_str()));
    assert!(browser.get(&format!("/executions/{copy}")).await.contains("Forked from"));
    for (fields, status) in [(&[("at_step", "99")][..], 422), (&[("at_step", "x")][..], 400), (&[][..], 400)] {
        let refused = browser.send(&format!("{path}/fork"), fields).await;
        assert_eq!(refused.status, status, "{fields:?}: {}", refused.text());
    }
    browser.post(&format!("/executions/{copy}/kill"), &[]).await;
}

/// Takes requests and hangs up: whoever sent one does not know whether it was carried out.
async fn silent() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_of_unknown_outcome_are_decided() {
    let port = silent().await;
    let world = World::reaching(port).await;
    let browser = Browser::open(&world).await;
    let tool = |name: &str, more: Value| {
        let mut tool = json!({ "name": name, "description": "Pays.", "url": format!("http://127.0.0.1:{port}/pay"),
            "parameters": { "type": "object" }, "effect": "at_most_once" });
        tool.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        tool
    };
    let pay = tool("bank.pay", json!({}));
    let script = json!([{ "calls": [{ "tool": "bank.pay", "arguments": {} }] }, { "text": "{{ tools[0] }}" }]);
    world.deploy(&agent("payer", json!({ "tools": ["bank.pay"], "tool": [pay], "script": script }))).await;
    for (fields, output) in [
        (&[("decision", "succeed"), ("output", r#"{"paid": 7}"#), ("note", "seen")][..], "paid"),
        (&[("decision", "fail")][..], "error"),
    ] {
        let execution = world.run("payer", json!(null)).await;
        assert_eq!(execution.reason.as_deref(), Some("effect_unknown"), "{execution:?}");
        let path = format!("/executions/{}", execution.execution_id);
        let page = browser.get(&path).await;
        assert!(page.contains("Decide about #2 bank.pay"), "{page}");
        let bad =
            browser.send(&format!("{path}/effects/2/decision"), &[("decision", "succeed"), ("output", "{")]).await;
        assert_eq!(bad.status, 400, "{}", bad.text());
        let to = browser.post(&format!("{path}/effects/2/decision"), fields).await;
        assert_eq!(to, format!("{path}?done=effect-decided"));
        let end = settled(&world, &execution.execution_id).await;
        assert!(end.output.clone().unwrap().to_string().contains(output), "{end:?}");
        let steps = world.client().executions().steps(&execution.execution_id, &ListSteps::default()).await.unwrap();
        assert_eq!(steps.items.len(), 3);
    }
}

async fn no_form_counts_without_a_session_or_from_elsewhere(world: World) {
    let browser = Browser::open(&world).await;
    let execution = careful(&world).await.execution_id;
    let approval = pending(&world, &execution).await;
    let config = serde_json::from_value(json!({ "schedule": "@daily" })).unwrap();
    let wanted = CreateTrigger { agent: "careful".to_owned(), environment: None, config };
    let trigger = world.client().triggers().create(&wanted).await.unwrap().trigger.trigger_id;
    let decision = form(&[("decision", "approve"), ("call_sha256", &approval.call_sha256)]);
    for (path, body) in [
        (format!("/approvals/{}/decision", approval.approval_id), decision.as_str()),
        (format!("/triggers/{trigger}/pause"), ""),
        (format!("/triggers/{trigger}/fire"), ""),
        (format!("/triggers/{trigger}/secret"), ""),
        ("/agents/careful/hold".to_owned(), "mode=kill"),
        ("/hold".to_owned(), "mode=kill"),
        (format!("/executions/{execution}/kill"), ""),
        (format!("/executions/{execution}/fork"), "at_step=1"),
        (format!("/executions/{execution}/replay"), ""),
        (format!("/executions/{execution}/effects/2/probe"), ""),
        (format!("/executions/{execution}/effects/2/decision"), "decision=fail"),
    ] {
        let own = [FORM, ("origin", browser.origin.as_str()), ("sec-fetch-site", "same-origin")];
        let stranger = browser.http.send("POST", &path, &own, body.as_bytes()).await;
        assert_eq!((stranger.status, stranger.header("location")), (303, Some("/sign-in")), "{path}");
        for foreign in [
            &[FORM, ("cookie", &browser.cookie), ("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]
                [..],
            &[FORM, ("cookie", &browser.cookie), ("origin", "null")],
            &[FORM, ("cookie", &browser.cookie)],
        ] {
            let forged = browser.http.send("POST", &path, foreign, body.as_bytes()).await;
            assert_eq!(forged.status, 403, "{path} {foreign:?}: {}", forged.text());
        }
    }
    let client = world.client();
    assert_eq!(client.executions().get(&execution).await.unwrap().state, "suspended");
    assert_eq!(client.approvals().get(&approval.approval_id).await.unwrap().state, "pending");
    assert_eq!(client.holds().list().await.unwrap().items, []);
    let trigger = client.triggers().get(&trigger).await.unwrap();
    assert_eq!((trigger.state.as_str(), trigger.started), ("active", 0));
}
