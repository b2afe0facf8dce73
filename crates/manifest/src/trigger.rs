//! Triggers: what starts an agent besides a call. Pure parts that the agent service, which stores them, and the execution
//! service, which fires them, share.

mod civil;
mod cron;
pub mod filter;
pub mod mapping;
mod pointer;
pub mod schedule;

use moltforge_api::config::TriggerConfig;
use moltforge_types::execution::shard_of;
use moltforge_types::{Timestamp, TriggerId};

use filter::Filter;
use schedule::Schedule;

/// The most triggers of one agent file, and of one agent.
pub const MAX_TRIGGERS: usize = 32;
/// The most triggers of a project, and of those the most that wait for events: each event may fire all of them.
pub const MAX_OF_PROJECT: u64 = 1_000;
/// See [`MAX_OF_PROJECT`].
pub const MAX_EVENTS_OF_PROJECT: u64 = 100;
/// The longest name of a trigger.
const MAX_NAME: usize = 63;
/// The longest type or topic of an event.
pub const MAX_EVENT_TYPE: usize = 200;

/// What fires a trigger.
#[derive(Debug, Clone)]
pub enum Source {
    /// Its time.
    Schedule(Schedule),
    /// An event that fits.
    Event(EventPattern),
    /// A signed request.
    Webhook,
}

impl Source {
    /// `schedule`, `event` or `webhook`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Schedule(_) => "schedule",
            Self::Event(_) => "event",
            Self::Webhook => "webhook",
        }
    }

    /// Planned and starting time of the first run of a schedule after `now`.
    pub fn first_run(&self, trigger_id: TriggerId, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Schedule(schedule) => schedule.next(&trigger_id.to_string(), now).map(|run| (run.planned, run.due)),
            Self::Event(_) | Self::Webhook => None,
        }
    }
}

/// The shard whose owner fires a trigger.
pub fn shard_of_trigger(trigger_id: TriggerId) -> u16 {
    shard_of(trigger_id.to_string().as_bytes())
}

/// What happens to a fire while an execution of the same trigger lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrency {
    /// It starts at once, beside the other.
    Parallel,
    /// It waits until the other has ended.
    Queue,
    /// It is left out, and counted.
    Skip,
    /// The other is cancelled, and it starts.
    Replace,
}

impl Concurrency {
    /// The name in files and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Parallel => "parallel",
            Self::Queue => "queue",
            Self::Skip => "skip",
            Self::Replace => "replace",
        }
    }
}

/// Which events fire a trigger.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPattern {
    /// A type, or its beginning when it ended with `*`.
    event_type: Option<(String, bool)>,
    topic: Option<String>,
    filter: Filter,
}

/// The prefix of MoltForge's own types, which authors need not write.
const OWN: &str = moltforge_types::event::TYPE_PREFIX;

impl EventPattern {
    /// Whether events of this type and topic may fit: asked before the event is made.
    pub fn may_fit(&self, event_type: &str, topic: &str) -> bool {
        let typed = self.event_type.as_ref().is_none_or(|(wanted, open)| {
            let fits = |event_type: &str| {
                if *open { event_type.starts_with(wanted.as_str()) } else { event_type == wanted }
            };
            fits(event_type) || event_type.strip_prefix(OWN).is_some_and(fits)
        });
        typed && self.topic.as_ref().is_none_or(|wanted| wanted == topic)
    }

    /// Whether an event fits that may.
    pub fn fits(&self, event: &serde_json::Value) -> bool {
        self.filter.fits(event)
    }
}

/// A checked trigger.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// What fires it.
    pub source: Source,
    /// What happens while an execution of it lives.
    pub concurrency: Concurrency,
}

/// The name of a trigger: its own, or its kind.
pub fn name_of(config: &TriggerConfig) -> &str {
    match &config.name {
        Some(name) => name,
        None if config.schedule.is_some() => "schedule",
        None if config.webhook == Some(true) => "webhook",
        None => "event",
    }
}

/// Checks a trigger and makes it ready to be asked.
///
/// # Errors
/// Every fault, each with a JSON pointer into the trigger and what is wrong there.
pub fn compile(config: &TriggerConfig) -> Result<Trigger, Vec<(String, String)>> {
    let mut faults: Vec<(String, String)> = Vec::new();
    let mut fault = |field: &str, message: String| faults.push((format!("/{field}"), message));
    if let Some(name) = &config.name
        && !is_name(name)
    {
        fault(
            "name",
            format!("expected 1 to {MAX_NAME} lower-case letters, digits and hyphens, starting with a letter"),
        );
    }
    let kinds = [config.schedule.is_some(), is_event(config), config.webhook == Some(true)];
    let source = match kinds {
        [true, false, false] => {
            let [cron, zone, missed, jitter] =
                [&config.schedule, &config.timezone, &config.missed, &config.jitter].map(Option::as_deref);
            let schedule = Schedule::parse(cron.unwrap_or_default(), zone, missed, jitter);
            schedule.map(Source::Schedule).map_err(|(field, message)| fault(field, message)).ok()
        }
        [false, true, false] => event(config, &mut fault).map(Source::Event),
        [false, false, true] => Some(Source::Webhook),
        _ => {
            fault("", "expected exactly one of `schedule`, `event` (or `topic`) and `webhook = true`".to_owned());
            None
        }
    };
    for (name, set, belongs) in [
        ("timezone", config.timezone.is_some(), kinds[0]),
        ("missed", config.missed.is_some(), kinds[0]),
        ("jitter", config.jitter.is_some(), kinds[0]),
        ("filter", config.filter.is_some(), kinds[1]),
    ] {
        if set && !belongs {
            let of = if name == "filter" { "an event" } else { "a schedule" };
            fault(name, format!("only {of} has `{name}`"));
        }
    }
    let concurrency = match config.concurrency.as_deref() {
        // what was missed comes at once, and `skip` would leave out all but the first of it
        None if kinds[0] && config.missed.as_deref() == Some("all") => Concurrency::Queue,
        None if kinds[0] => Concurrency::Skip,
        None | Some("parallel") => Concurrency::Parallel,
        Some("queue") => Concurrency::Queue,
        Some("skip") => Concurrency::Skip,
        Some("replace") => Concurrency::Replace,
        Some(_) => {
            fault("concurrency", "expected \"queue\", \"skip\", \"replace\" or \"parallel\"".to_owned());
            Concurrency::Skip
        }
    };
    if let Some(input) = &config.input
        && let Err((at, message)) = mapping::check(input)
    {
        fault(&format!("input{at}"), message);
    }
    match source {
        Some(source) if faults.is_empty() => Ok(Trigger { source, concurrency }),
        _ => Err(faults.into_iter().map(|(at, message)| (at.trim_end_matches('/').to_owned(), message)).collect()),
    }
}

fn is_event(config: &TriggerConfig) -> bool {
    config.event.is_some() || config.topic.is_some()
}

fn event(config: &TriggerConfig, fault: &mut impl FnMut(&str, String)) -> Option<EventPattern> {
    let mut sound = true;
    for (field, text) in [("event", &config.event), ("topic", &config.topic)] {
        let Some(text) = text else { continue };
        if let Err(message) = check_event_type(text.strip_suffix('*').filter(|_| field == "event").unwrap_or(text)) {
            fault(field, message);
            sound = false;
        }
    }
    let filter = match config.filter.as_ref().map(Filter::parse) {
        None => Filter::default(),
        Some(Ok(filter)) => filter,
        Some(Err((at, message))) => {
            fault(&format!("filter{at}"), message);
            return None;
        }
    };
    let event_type = config.event.as_ref().map(|text| match text.strip_suffix('*') {
        Some(beginning) => (beginning.to_owned(), true),
        None => (text.clone(), false),
    });
    sound.then(|| EventPattern { event_type, topic: config.topic.clone(), filter })
}

/// What the type or topic of an event may be: printable ASCII without spaces.
///
/// # Errors
/// What is allowed.
pub fn check_event_type(text: &str) -> Result<(), String> {
    let good = (1..=MAX_EVENT_TYPE).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte));
    if good {
        return Ok(());
    }
    Err(format!("expected 1 to {MAX_EVENT_TYPE} letters, digits and `.`, `_`, `-`, `/`, `:`, e.g. \"order.created\""))
}

fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=MAX_NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn trigger(value: Value) -> Result<Trigger, Vec<(String, String)>> {
        compile(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn one_kind_each() {
        let schedule = trigger(json!({ "schedule": "@daily", "timezone": "Asia/Tokyo", "jitter": "10s" })).unwrap();
        assert_eq!((schedule.source.kind(), schedule.concurrency), ("schedule", Concurrency::Skip));
        let webhook = trigger(json!({ "webhook": true, "concurrency": "queue", "input": { "$pointer": "/body" } }));
        let webhook = webhook.unwrap();
        assert_eq!((webhook.source.kind(), webhook.concurrency), ("webhook", Concurrency::Queue));
        let all = trigger(json!({ "schedule": "@daily", "missed": "all" })).unwrap();
        assert_eq!(all.concurrency, Concurrency::Queue);
        let all = trigger(json!({ "schedule": "@daily", "missed": "all", "concurrency": "skip" })).unwrap();
        assert_eq!(all.concurrency, Concurrency::Skip);
        for (bad, at) in [
            (json!({}), ""),
            (json!({ "webhook": false }), ""),
            (json!({ "schedule": "@daily", "webhook": true }), ""),
            (json!({ "schedule": "x" }), "/schedule"),
            (json!({ "webhook": true, "timezone": "UTC" }), "/timezone"),
            (json!({ "webhook": true, "filter": {} }), "/filter"),
            (json!({ "webhook": true, "concurrency": "none" }), "/concurrency"),
            (json!({ "webhook": true, "name": "A b" }), "/name"),
            (json!({ "event": "a b" }), "/event"),
            (json!({ "event": "a", "filter": { "x": 1 } }), "/filter/x"),
            (json!({ "webhook": true, "input": { "a": { "$pointer": "x" } } }), "/input/a"),
        ] {
            assert_eq!(trigger(bad.clone()).unwrap_err()[0].0, at, "{bad}");
        }
    }

    #[test]
    fn types_and_topics() {
        let pattern = |value| match trigger(value).unwrap().source {
            Source::Event(pattern) => pattern,
            other => panic!("{other:?}"),
        };
        let own = pattern(json!({ "event": "execution.completed" }));
        assert!(own.may_fit("io.moltforge.execution.completed", "agent.events"));
        assert!(own.may_fit("execution.completed", "x") && !own.may_fit("execution.failed", "x"));
        let open = pattern(json!({ "event": "order.*", "topic": "shop" }));
        assert!(open.may_fit("order.created", "shop"));
        assert!(!open.may_fit("order.created", "other") && !open.may_fit("orders", "shop"));
        assert!(pattern(json!({ "topic": "shop" })).may_fit("anything", "shop"));
        let filtered = pattern(json!({ "event": "a", "filter": { "/data/n": 1 } }));
        assert!(filtered.fits(&json!({ "data": { "n": 1 } })) && !filtered.fits(&json!({ "data": {} })));
    }
}
