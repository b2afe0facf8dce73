//! Event triggers in memory: what an owner asks while it writes, without waiting for anything.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex as StdMutex, PoisonError, RwLock};

use moltforge_api::config::TriggerConfig;
use moltforge_bus::execution_event;
use moltforge_manifest::trigger::{EventPattern, Source, compile};
use moltforge_store::{NewFire, Store, Trigger};
use moltforge_types::journal::Entry;
use moltforge_types::{ContentHash, ProjectId, Timestamp, TriggerId};
use serde_json::Value;
use tokio::sync::{Mutex, Notify};

use super::{Work, context};
use crate::engine::{Execution, Recorded};
use crate::error::Error;

/// Triggers read at a time.
const PAGE: u32 = 500;
/// The most bytes of an event that a trigger passes on; a larger one comes without its `data`.
const MAX_EVENT: usize = 256 * 1024;
/// The same of all events of one command, each counted for everybody who waits for it: what follows comes without its
/// `data`.
pub(super) const MAX_OF_COMMAND: usize = 4 * 1024 * 1024;

/// The event triggers of all projects, as of the latest look, and a way to wake up whoever fires them.
#[derive(Default)]
pub(crate) struct Listeners {
    by_project: RwLock<Arc<HashMap<ProjectId, Vec<Listener>>>>,
    /// One look at a time: the later one says what is true.
    looking: Mutex<()>,
    /// There may be something to start before the next poll, or to plan.
    news: Notify,
    plans: Notify,
    /// Projects of which as many fires wait as may.
    full: RwLock<HashSet<ProjectId>>,
    /// How often their triggers did not fire because of that.
    left_out: StdMutex<HashMap<(ProjectId, TriggerId), u64>>,
}

/// A trigger that waits for events.
pub(crate) struct Listener {
    trigger: Trigger,
    pattern: EventPattern,
}

impl Listener {
    /// What an older or newer server accepted and this one cannot read hears nothing.
    fn of(trigger: Trigger) -> Option<Self> {
        let config: TriggerConfig = serde_json::from_str(&trigger.config).ok()?;
        match compile(&config).ok()?.source {
            Source::Event(pattern) => Some(Self { trigger, pattern }),
            _ => None,
        }
    }
}

/// What is known of an event before it is made.
#[derive(Clone, Copy)]
pub(crate) struct News<'a> {
    pub(crate) event_type: &'a str,
    pub(crate) topic: &'a str,
    /// The chain depth of what it starts.
    pub(crate) depth: u32,
    /// When it came.
    pub(crate) at: Timestamp,
}

impl Listeners {
    /// Looks again.
    pub(crate) async fn refresh(&self, store: &Store) -> Result<(), Error> {
        let _alone = self.looking.lock().await;
        let mut by_project: HashMap<ProjectId, Vec<Listener>> = HashMap::new();
        let rows = store.live_triggers().listening(PAGE).await?;
        for listener in rows.into_iter().filter_map(Listener::of) {
            by_project.entry(listener.trigger.project_id).or_default().push(listener);
        }
        *self.by_project.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(by_project);
        Ok(())
    }

    /// Says that there may be something to start.
    pub(crate) fn hint(&self) {
        self.news.notify_one();
    }

    /// Says that triggers changed: another schedule may come next, and others wait for events.
    pub(crate) fn replan(&self) {
        self.plans.notify_one();
    }

    /// Waits until somebody says so.
    pub(super) async fn hinted(&self, work: Work) {
        match work {
            Work::Plan => self.plans.notified().await,
            Work::Dispatch => self.news.notified().await,
        }
    }

    /// Whether as many fires of a project wait as may.
    pub(super) fn set_full(&self, project_id: ProjectId, full: bool) {
        let mut all = self.full.write().unwrap_or_else(PoisonError::into_inner);
        let changed = if full { all.insert(project_id) } else { all.remove(&project_id) };
        if changed && full {
            tracing::warn!(%project_id, "too many fires wait: events fire nothing until there are fewer");
        } else if changed {
            tracing::info!(%project_id, "events fire again");
        }
    }

    /// No other project is full.
    pub(super) fn only_full_of(&self, projects: &HashSet<ProjectId>) {
        self.full.write().unwrap_or_else(PoisonError::into_inner).retain(|project_id| projects.contains(project_id));
    }

    /// What did not fire, since the last time somebody asked.
    pub(super) fn take_left_out(&self) -> Vec<(ProjectId, TriggerId, u64)> {
        let mut left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        left_out.drain().map(|((project_id, trigger_id), times)| (project_id, trigger_id, times)).collect()
    }

    fn leave_out(&self, fires: &[NewFire]) {
        let mut left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        for fire in fires {
            *left_out.entry((fire.project_id, fire.trigger_id)).or_default() += 1;
        }
    }

    fn is_full(&self, project_id: ProjectId) -> bool {
        self.full.read().unwrap_or_else(PoisonError::into_inner).contains(&project_id)
    }

    /// The fires that the entries of an execution are.
    pub(crate) fn heard(&self, execution: &Execution, entries: &[Recorded]) -> Vec<NewFire> {
        let all = self.by_project.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(listeners) = all.get(&execution.spec.project_id) else { return Vec::new() };
        // one more link of the chain that led to this execution
        let depth = execution.origin.chain_depth.saturating_add(1);
        let (mut heard, mut room) = (Vec::new(), MAX_OF_COMMAND);
        for recorded in entries {
            let (event_type, topic) = match &recorded.entry {
                Entry::EventEmitted { event_type, topic, .. } => (event_type.as_str(), topic.as_deref().unwrap_or("")),
                entry => (entry.event_type(), topic_of(entry)),
            };
            let news = News { event_type, topic, depth, at: recorded.at };
            let all = fires(listeners, news, room, || event_of(execution, recorded, event_type, topic));
            room = room.saturating_sub(all.iter().map(|fire| fire.context.len()).sum());
            heard.extend(all);
        }
        if !heard.is_empty() && self.is_full(execution.spec.project_id) {
            self.leave_out(&heard);
            heard.clear();
        }
        heard
    }
}

/// The triggers of one project that wait for events, as the store knows them now.
pub(super) async fn of_project(store: &Store, project_id: ProjectId) -> Result<Vec<Listener>, Error> {
    let rows = store.triggers(project_id).listening().await?;
    Ok(rows.into_iter().filter_map(Listener::of).collect())
}

/// The fires that an event is for those of one project who wait for it; all of them take `room` bytes at the most, or
/// come without the event's data. `event` is asked for when its type and topic fit.
pub(super) fn fires(
    listeners: &[Listener],
    news: News<'_>,
    room: usize,
    event: impl FnOnce() -> Value,
) -> Vec<NewFire> {
    let News { event_type, topic, depth, at } = news;
    let mut wanted = listeners.iter().filter(|listener| listener.pattern.may_fit(event_type, topic)).peekable();
    if wanted.peek().is_none() {
        return Vec::new();
    }
    let mut event = event();
    let fitting: Vec<&Listener> = wanted.filter(|listener| listener.pattern.fits(&event)).collect();
    if fitting.is_empty() {
        return Vec::new();
    }
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let fire_key = key(&text("source"), &text("id"));
    if event.to_string().len() > MAX_EVENT.min(room / fitting.len())
        && let Value::Object(fields) = &mut event
    {
        fields.shift_remove("data");
    }
    let fire = |listener: &&Listener| NewFire {
        project_id: listener.trigger.project_id,
        trigger_id: listener.trigger.trigger_id,
        fire_key: fire_key.clone(),
        shard: listener.trigger.shard,
        planned_at: at,
        chain_depth: depth,
        context: context::context(&listener.trigger, at, context::only("event", event.clone())),
        created_at: at,
    };
    fitting.iter().map(fire).collect()
}

/// The topic of MoltForge's own events.
fn topic_of(entry: &Entry) -> &'static str {
    if entry.event_type().starts_with("tool.") { "tool.events" } else { "agent.events" }
}

/// An entry as those who wait see it: the event of the execution's stream, with the agent's name beside it. What an agent
/// emits has its own type and data.
fn event_of(execution: &Execution, recorded: &Recorded, event_type: &str, topic: &str) -> Value {
    let spec = &execution.spec;
    let event = execution_event(spec.project_id, execution.id, recorded.seq, recorded.at, &recorded.entry);
    let mut event = serde_json::to_value(event).unwrap_or_default();
    if let Value::Object(fields) = &mut event {
        fields.insert("agent".to_owned(), Value::String(spec.agent_name.to_string()));
        fields.insert("execution".to_owned(), Value::String(execution.id.to_string()));
        if !topic.is_empty() {
            fields.insert("topic".to_owned(), Value::String(topic.to_owned()));
        }
        if let Entry::EventEmitted { data, .. } = &recorded.entry {
            fields.insert("type".to_owned(), Value::String(event_type.to_owned()));
            fields.insert("data".to_owned(), data.clone());
        }
    }
    event
}

/// Unique for an event: `id` is within `source`.
fn key(source: &str, id: &str) -> String {
    format!("event:{}", ContentHash::of(format!("{}\n{source}{id}", source.len()).as_bytes()))
}
