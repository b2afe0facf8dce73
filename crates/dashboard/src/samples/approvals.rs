//! Approvals in every state.

use moltforge_api::approvals::{Approval, Effect, EffectDecided, EffectProbe};
use serde_json::{Value, json};

use super::executions::ID;
use super::{HOUR, MINUTE, Sample, before, hostile, sample};
use crate::pages::{approval, approvals};

fn sketch(tool: &str, arguments: Value, state: &str) -> Approval {
    let decided = state != "pending";
    Approval {
        approval_id: "apr_01h455vb4pex5vsknk084sn02q".to_owned(),
        execution_id: ID.to_owned(),
        agent_id: "agt_01h455vb4pex5vsknk084sn02q".to_owned(),
        agent_name: "refund".to_owned(),
        version: 3,
        step: 2,
        tool: tool.to_owned(),
        arguments,
        call_sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        state: state.to_owned(),
        approvers: vec!["finance".to_owned()],
        created_at: before(20 * MINUTE),
        expires_at: before(-3 * HOUR),
        on_expiry: "reject".to_owned(),
        escalate_at: Some(before(MINUTE)),
        escalate_to: vec!["board".to_owned()],
        escalated_at: Some(before(MINUTE)),
        decided_at: decided.then(|| before(MINUTE)),
        decided_by: decided.then(|| "key_01h455vb4pex5vsknk084sn000".to_owned()),
        note: decided.then(|| "half of it".to_owned()),
        edited_arguments: (state == "approved").then(|| json!({"amount": 60, "order": "A-17"})),
        answer: None,
        carried_out_at: None,
        callback: None,
    }
}

pub(super) fn samples() -> Vec<Sample> {
    let refund = || sketch("bank.refund", json!({"amount": 120, "order": "A-17"}), "pending");
    let form = json!({"type": "object", "properties": {"when": {"enum": ["today", "later"]}}});
    let question = sketch("approvals.request", json!({"title": "Ship it?", "form": form}), "pending");
    let evil = Approval {
        agent_name: hostile::text(),
        approvers: vec![hostile::text()],
        note: Some(hostile::text()),
        ..sketch(&hostile::text(), json!({ (hostile::text()): hostile::text() }), "rejected")
    };
    let decided = sketch("bank.refund", json!({"amount": 120, "order": "A-17"}), "approved");
    let list = approvals::Page {
        pending: vec![refund(), question.clone()],
        all: vec![refund(), question.clone(), decided.clone(), evil.clone()],
        more_pending: true,
        next: Some("bmV4dA".to_owned()),
        is_later: true,
    };
    let one = |approval| approval::Page { approval, typed: approval::Typed::default() };
    vec![
        sample("approvals", "/approvals", &list),
        sample("no approvals", "/approvals/none", &approvals::Page::default()),
        sample("approval", "/approvals/pending", &one(refund())),
        sample("question", "/approvals/question", &one(question)),
        sample("approved", "/approvals/approved", &one(decided)),
        sample("hostile approval", "/approvals/hostile", &one(evil)),
    ]
}

/// Effects of an execution that is held for one of them.
pub(super) fn effects() -> Vec<Effect> {
    let effect = |step, state: &str, class: &str| Effect {
        step,
        tool: "bank.transfer".to_owned(),
        effect: class.to_owned(),
        idempotency_key: "mf2_b1946ac92492d2347c6235b4d2611184f0e1d2c3".to_owned(),
        state: state.to_owned(),
        attempts: 2,
        intended_at: before(HOUR),
        finished_at: None,
        approval_id: None,
        probes: Vec::new(),
        decisions: Vec::new(),
    };
    let probe = EffectProbe {
        at: before(MINUTE),
        outcome: "unknown".to_owned(),
        detail: Some("the probe answered 503".to_owned()),
        by: None,
    };
    let decided = EffectDecided {
        at: before(MINUTE),
        decision: "fail".to_owned(),
        by: "key_01h455vb4pex5vsknk084sn000".to_owned(),
        note: Some("seen in the portal".to_owned()),
        by_resume: false,
    };
    vec![
        Effect { probes: vec![probe], ..effect(2, "unknown", "reconcile") },
        effect(3, "unknown", "at_most_once"),
        Effect { decisions: vec![decided], ..effect(5, "failed", "keyed") },
        effect(6, "intended", "keyed"),
    ]
}
