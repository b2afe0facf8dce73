//! Events from outside: matched and written down before they are acknowledged.

use moltforge_api::triggers::{PublishEvent, Published};
use moltforge_manifest::trigger::check_event_type;
use moltforge_types::event::{is_own_topic, is_own_type};
use moltforge_types::{Principal, Timestamp};
use serde_json::{Map, Value, json};

use super::listeners::{MAX_OF_COMMAND, News};
use super::{MAX_CHAIN, Triggers, listeners};
use crate::error::Error;

/// The longest id, source and subject, in characters.
const MAX_TEXT: usize = 200;
/// The most data, bytes of JSON.
const MAX_DATA: usize = 256 * 1024;

impl Triggers {
    /// Hands an event to the triggers that wait for it. Safe to repeat: `source` and `id` name it. `chain_depth` is that
    /// of whoever publishes it: 0 outside of a chain.
    ///
    /// # Errors
    /// `field_invalid`, `chain_too_deep`, `trigger_queue_full`.
    pub async fn publish(
        &self,
        principal: &Principal,
        event: PublishEvent,
        chain_depth: u32,
    ) -> Result<Published, Error> {
        if chain_depth > MAX_CHAIN {
            return Err(Error::ChainTooDeep(chain_depth));
        }
        let now = self.inner.ambient.now();
        let at = check(&event, now)?;
        let topic = event.topic.as_deref().unwrap_or_default();
        let project_id = principal.project_id;
        // asked for now: a trigger that was made a moment ago hears it, too
        let listeners = listeners::of_project(&self.inner.store, project_id).await?;
        let news = News { event_type: &event.event_type, topic, depth: chain_depth, at: now };
        let mut fires = listeners::fires(&listeners, news, MAX_OF_COMMAND, || as_json(&event, at, project_id));
        if fires.is_empty() {
            return Ok(Published { fired: Vec::new() });
        }
        self.room(project_id).await?;
        let mut tx = self.inner.store.begin().await?;
        for fire in &mut fires {
            fire.planned_at = at;
            tx.fires(project_id).insert(fire).await?;
        }
        tx.commit().await?;
        self.hint();
        Ok(Published { fired: fires.iter().map(|fire| fire.trigger_id.to_string()).collect() })
    }
}

/// The time of a good event.
fn check(event: &PublishEvent, now: Timestamp) -> Result<Timestamp, Error> {
    let wrong = |field, message: String| Err(Error::FieldInvalid { field, message });
    if event.specversion != "1.0" {
        return wrong("/specversion", "expected \"1.0\"".to_owned());
    }
    for (field, text) in
        [("/id", Some(&event.id)), ("/source", Some(&event.source)), ("/subject", event.subject.as_ref())]
    {
        if text.is_some_and(|text| !(1..=MAX_TEXT).contains(&text.chars().count())) {
            return wrong(field, format!("expected 1 to {MAX_TEXT} characters"));
        }
    }
    if let Err(message) = check_event_type(&event.event_type) {
        return wrong("/type", message);
    }
    if event.source.starts_with("/v1/") {
        return wrong("/source", "sources that begin with /v1/ are MoltForge's own".to_owned());
    }
    if is_own_type(&event.event_type) {
        return wrong("/type", format!("{:?} is the name of MoltForge's own events", event.event_type));
    }
    if let Some(Err(message)) = event.topic.as_deref().map(check_event_type) {
        return wrong("/topic", message);
    }
    if let Some(topic) = event.topic.as_deref().filter(|topic| is_own_topic(topic)) {
        return wrong("/topic", format!("{topic:?} is the topic of MoltForge's own events"));
    }
    if event.datacontenttype.as_deref().is_some_and(|kind| kind != "application/json") {
        return wrong("/datacontenttype", "expected application/json".to_owned());
    }
    let bytes = event.data.to_string().len();
    if bytes > MAX_DATA {
        return wrong("/data", format!("at most {MAX_DATA} bytes of JSON, got {bytes}"));
    }
    match event.time.as_deref().map(str::parse) {
        None => Ok(now),
        Some(Ok(at)) => Ok(at),
        Some(Err(message)) => wrong("/time", message),
    }
}

fn as_json(event: &PublishEvent, at: Timestamp, project_id: moltforge_types::ProjectId) -> Value {
    let mut fields = Map::new();
    for (name, value) in [
        ("specversion", json!("1.0")),
        ("id", json!(event.id)),
        ("source", json!(event.source)),
        ("type", json!(event.event_type)),
        ("time", json!(at)),
        ("datacontenttype", json!("application/json")),
        ("project", json!(project_id)),
        ("data", event.data.clone()),
    ] {
        fields.insert(name.to_owned(), value);
    }
    for (name, text) in [("subject", &event.subject), ("topic", &event.topic)] {
        if let Some(text) = text {
            fields.insert(name.to_owned(), json!(text));
        }
    }
    Value::Object(fields)
}
