//! From rows to what the API shows.

use moltforge_api::config::TriggerConfig;
use moltforge_api::triggers::{Fire as FireView, Trigger as View, TriggerError};
use moltforge_manifest::trigger::{Source, compile};
use moltforge_store::{Fire, Trigger};
use moltforge_types::Timestamp;

/// Times of a schedule that are shown ahead.
const UPCOMING: usize = 5;

pub(super) fn trigger(row: &Trigger, agent_name: &str) -> View {
    let config: TriggerConfig = serde_json::from_str(&row.config).unwrap_or_default();
    let concurrency = compile(&config).map_or("", |compiled| compiled.concurrency.as_str());
    let state = match (row.inactive, row.paused) {
        (true, _) => "inactive",
        (false, true) => "paused",
        (false, false) => "active",
    };
    let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
    View {
        trigger_id: row.trigger_id.to_string(),
        agent_id: row.agent_id.to_string(),
        agent_name: agent_name.to_owned(),
        name: row.name.clone(),
        kind: row.kind.clone(),
        environment: row.environment.to_string(),
        state: state.to_owned(),
        origin: row.origin.clone(),
        config,
        concurrency: concurrency.to_owned(),
        url: (row.kind == "webhook").then(|| format!("/v1/hooks/{}", row.trigger_id)),
        next_at: text(row.next_at),
        upcoming: Vec::new(),
        last_at: text(row.last_at),
        last_execution_id: row.last_execution_id.map(|id| id.to_string()),
        last_error: error(row.last_error.as_deref()),
        started: row.started,
        skipped: row.skipped,
        refused: row.refused,
        created_at: row.created_at.to_string(),
        updated_at: row.updated_at.to_string(),
        created_by: row.created_by.clone(),
    }
}

/// The planned times after `now` of a schedule that is active.
pub(super) fn upcoming(row: &Trigger, now: Timestamp) -> Vec<String> {
    let config: TriggerConfig = serde_json::from_str(&row.config).unwrap_or_default();
    let Some(Source::Schedule(schedule)) = compile(&config).ok().map(|compiled| compiled.source) else {
        return Vec::new();
    };
    if !row.is_active() {
        return Vec::new();
    }
    let id = row.trigger_id.to_string();
    let mut last = now;
    let next = || {
        last = schedule.next(&id, last)?.planned;
        Some(last.to_string())
    };
    std::iter::from_fn(next).take(UPCOMING).collect()
}

pub(super) fn fire(row: Fire) -> FireView {
    FireView {
        trigger_id: row.trigger_id.to_string(),
        key: row.fire_key,
        state: row.state,
        planned_at: row.planned_at.to_string(),
        created_at: row.created_at.to_string(),
        settled_at: row.settled_at.map(|at| at.to_string()),
        execution_id: row.execution_id.map(|id| id.to_string()),
        error: error(row.error.as_deref()),
    }
}

fn error(text: Option<&str>) -> Option<TriggerError> {
    text.and_then(|text| serde_json::from_str(text).ok())
}
