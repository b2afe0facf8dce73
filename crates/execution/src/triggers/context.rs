//! What a fire carries until it is settled: what its trigger's mapping may refer to.

use moltforge_api::config::TriggerConfig;
use moltforge_manifest::trigger::mapping;
use moltforge_store::Trigger;
use moltforge_types::Timestamp;
use serde_json::{Map, Value, json};

use crate::error::Error;

/// The most bytes that a mapping copies: the largest input.
const MAX_MAPPED: usize = 1024 * 1024;

/// `{ trigger, planned_at, ... }` with what is particular to the kind: `body` and `headers`, or `event`.
pub(super) fn context(trigger: &Trigger, planned_at: Timestamp, particular: Map<String, Value>) -> String {
    let mut all = Map::new();
    let id = trigger.trigger_id.to_string();
    all.insert("trigger".to_owned(), json!({ "id": id, "name": trigger.name, "kind": trigger.kind }));
    all.insert("planned_at".to_owned(), json!(planned_at));
    all.extend(particular);
    Value::Object(all).to_string()
}

/// One field of a context.
pub(super) fn only(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}

/// The input for the agent.
pub(super) fn input(config: &TriggerConfig, context: &str) -> Result<Value, Error> {
    let mut context: Value = serde_json::from_str(context).unwrap_or_default();
    if let Some(input) = &config.input {
        mapping::apply(input, &context, MAX_MAPPED).map_err(Error::MappingFailed)
    } else {
        let whole = |name: &str| context.get_mut(name).map(Value::take);
        Ok(["body", "event"].into_iter().find_map(whole).unwrap_or_else(|| json!({})))
    }
}
