//! `/v1/approvals` and the commands and pages that decide, over HTTP.

use moltforge_api::approvals::{Approval, CallbackDecision, DecideApproval, ListApprovals};
use moltforge_api::keys::CreateKey;
use moltforge_client::Client;
use moltforge_types::{Fault as _, Secret};
use serde_json::json;

use crate::world::{World, agent, worlds};

worlds! { who_may_see_and_decide, a_callback_needs_no_key_and_a_get_decides_nothing }

async fn asked(world: &World) -> Approval {
    let call = json!({ "tool": "approvals.request", "arguments": { "title": "Ship it?" } });
    let script = json!([{ "calls": [call] }, { "text": "{{ tools[0].decision }}" }]);
    let fields = json!({ "tools": ["approvals.request"], "script": script,
        "approvals": [{ "tools": ["approvals.request"], "approvers": ["finance"] }] });
    world.deploy(&agent("asker", fields)).await;
    let execution = world.run("asker", json!(null)).await;
    assert_eq!(execution.state, "suspended", "{execution:?}");
    let pending = ListApprovals { state: Some("pending".to_owned()), ..ListApprovals::default() };
    world.client().approvals().list(&pending).await.unwrap().items.remove(0)
}

async fn with(world: &World, name: &str, scopes: &[&str]) -> (Client, String) {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let wanted = CreateKey { name: name.to_owned(), scopes, expires_at: None };
    let created = world.client().keys().create(&wanted).await.unwrap();
    let client = Client::remote(&world.server.url(), Some(&Secret::new(created.secret))).unwrap();
    (client, created.key.key_id)
}

fn decision(approval: &Approval, decision: &str) -> DecideApproval {
    let (decision, call_sha256) = (decision.to_owned(), approval.call_sha256.clone());
    DecideApproval { decision, call_sha256, arguments: None, answer: None, note: None }
}

async fn who_may_see_and_decide(world: World) {
    let approval = asked(&world).await;
    let id = approval.approval_id.as_str();
    let (finance, key_id) = with(&world, "finance", &["approvals:decide"]).await;
    let (intern, _) = with(&world, "intern", &["approvals:decide"]).await;
    let (reader, _) = with(&world, "finance", &["executions:read"]).await;
    let (nobody, _) = with(&world, "finance", &["agents:read"]).await;
    let approve = decision(&approval, "approve");
    for (client, sees, refused) in [
        (&nobody, false, "scope_missing"),
        (&reader, true, "scope_missing"),
        (&intern, true, "approver_required"),
        (&world.client(), true, "approver_required"),
        (&world.stranger().await.0, false, "approval_not_found"),
    ] {
        assert_eq!(client.approvals().get(id).await.is_ok(), sees, "{refused}");
        assert_eq!(client.approvals().decide(id, &approve).await.unwrap_err().code(), refused);
    }
    let stale = DecideApproval { call_sha256: "0".repeat(64), ..approve.clone() };
    let changed = finance.approvals().decide(id, &stale).await.unwrap_err();
    assert_eq!((changed.status(), changed.code()), (Some(409), "approval_changed"));
    let decided = finance.approvals().decide(id, &approve).await.unwrap();
    assert_eq!((decided.state.as_str(), decided.decided_by.as_deref()), ("approved", Some(key_id.as_str())));
    assert_eq!(finance.approvals().decide(id, &approve).await.unwrap().state, "approved");
    let late = finance.approvals().decide(id, &decision(&approval, "reject")).await.unwrap_err();
    assert_eq!((late.status(), late.code()), (Some(409), "approval_decided"));
    assert!(late.to_string().contains(&key_id), "{late}");
}

async fn a_callback_needs_no_key_and_a_get_decides_nothing(world: World) {
    let approval = asked(&world).await;
    let id = approval.approval_id.as_str();
    assert_eq!(approval.callback, None, "a list gives no tokens");
    let (finance, key_id) = with(&world, "finance", &["approvals:decide"]).await;
    assert_eq!(world.client().approvals().get(id).await.unwrap().callback, None, "others may not decide");
    let callback = finance.approvals().get(id).await.unwrap().callback.unwrap();
    let anonymous = world.anonymous();
    for _ in 0..2 {
        let looked = anonymous.get(&format!("{}?token={}", callback.path, callback.token)).await;
        assert!(looked.status >= 400, "{}", looked.status);
    }
    let bot = Client::remote(&world.server.url(), None).unwrap();
    let body = |token: &str| CallbackDecision {
        token: token.to_owned(),
        decision: "approve".to_owned(),
        arguments: None,
        answer: None,
        note: Some("from the chat".to_owned()),
    };
    let guessed = bot.approvals().call_back(id, &body("aprtok.x.y.z")).await.unwrap_err();
    assert_eq!((guessed.status(), guessed.code()), (Some(403), "callback_invalid"));
    assert_eq!(world.client().approvals().get(id).await.unwrap().state, "pending");
    let decided = bot.approvals().call_back(id, &body(&callback.token)).await.unwrap();
    assert_eq!((decided.state.as_str(), decided.decided_by.as_deref()), ("approved", Some(key_id.as_str())));
}
