//! The pages of triggers.

use moltforge_api::config::TriggerConfig;
use moltforge_api::triggers::{Fire, Trigger, TriggerError, TriggerSecret};
use serde_json::json;

use super::{DAY, HOUR, MINUTE, Sample, before, sample};
use crate::pages::{trigger, triggers};

fn config(value: serde_json::Value) -> TriggerConfig {
    serde_json::from_value(value).unwrap_or_default()
}

pub(super) fn schedule() -> Trigger {
    Trigger {
        trigger_id: "trg_01h455vb4pex5vsknk084sn02q".to_owned(),
        agent_id: "agt_01h455vb4pex5vsknk084sn02q".to_owned(),
        agent_name: "release-notes".to_owned(),
        name: "every-morning".to_owned(),
        kind: "schedule".to_owned(),
        environment: "production".to_owned(),
        state: "active".to_owned(),
        origin: "file".to_owned(),
        config: config(json!({ "schedule": "0 9 * * MON-FRI", "timezone": "Europe/Berlin", "jitter": "30s" })),
        concurrency: "skip".to_owned(),
        url: None,
        next_at: Some(before(-20 * HOUR)),
        upcoming: (0..5).map(|day| before(-20 * HOUR - day * DAY)).collect(),
        last_at: Some(before(4 * HOUR)),
        last_execution_id: Some("exe_01h455vb4pex5vsknk084sn02q".to_owned()),
        last_error: None,
        started: 41,
        skipped: 1,
        refused: 0,
        created_at: before(60 * DAY),
        updated_at: before(3 * DAY),
        created_by: "key_01h455vb4pex5vsknk084sn000".to_owned(),
    }
}

pub(super) fn webhook() -> Trigger {
    let error = TriggerError { code: "input_invalid".to_owned(), message: "/city is missing".to_owned() };
    Trigger {
        name: "from-the-shop".to_owned(),
        kind: "webhook".to_owned(),
        state: "paused".to_owned(),
        origin: "api".to_owned(),
        config: config(json!({ "webhook": true, "input": { "city": { "$pointer": "/body/city" } } })),
        concurrency: "queue".to_owned(),
        url: Some("/v1/hooks/trg_01h455vb4pex5vsknk084sn02q".to_owned()),
        next_at: None,
        upcoming: Vec::new(),
        last_error: Some(error),
        refused: 2,
        ..schedule()
    }
}

fn fire(ago: i64, state: &str, error: Option<TriggerError>) -> Fire {
    Fire {
        trigger_id: "trg_01h455vb4pex5vsknk084sn02q".to_owned(),
        key: format!("schedule:{ago}"),
        state: state.to_owned(),
        planned_at: before(ago),
        created_at: before(ago),
        settled_at: Some(before(ago)),
        execution_id: (state == "started").then(|| "exe_01h455vb4pex5vsknk084sn02q".to_owned()),
        error,
    }
}

fn page(trigger: Trigger) -> trigger::Page {
    let fires = vec![
        fire(MINUTE, "pending", None),
        fire(4 * HOUR, "started", None),
        fire(DAY, "skipped", None),
        fire(2 * DAY, "refused", trigger.last_error.clone()),
    ];
    trigger::Page { trigger, fires, secret: None, form_key: "k".to_owned() }
}

pub(super) fn samples() -> Vec<Sample> {
    let event = Trigger {
        name: "after-orders".to_owned(),
        kind: "event".to_owned(),
        config: config(json!({ "event": "order.*", "filter": { "/data/total": { "at_least": 100 } } })),
        next_at: None,
        upcoming: Vec::new(),
        last_at: None,
        ..schedule()
    };
    let inactive = Trigger { state: "inactive".to_owned(), ..schedule() };
    let secret = TriggerSecret {
        trigger: webhook(),
        secret: Some("whsec_example0example0example0example0example0e=".to_owned()),
        previous_until: Some(before(-DAY)),
    };
    let all = vec![schedule(), webhook(), event.clone(), inactive.clone()];
    vec![
        sample(
            "triggers",
            "/triggers",
            &triggers::Page { triggers: all, next: Some("next".to_owned()), is_later: true },
        ),
        sample("no triggers", "/triggers/none", &triggers::Page::default()),
        sample("schedule", "/triggers/schedule", &page(schedule())),
        sample("webhook", "/triggers/webhook", &page(webhook())),
        sample("event trigger", "/triggers/event", &page(event)),
        sample("inactive trigger", "/triggers/inactive", &page(inactive)),
        sample(
            "new secret",
            "/triggers/secret",
            &trigger::Page { secret: Some(secret), fires: Vec::new(), ..page(webhook()) },
        ),
    ]
}
