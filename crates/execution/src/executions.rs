//! The service: what the API and the other roles ask of executions.

mod long;
mod steps;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use moltforge_api::Page;
use moltforge_api::executions::{Execution as View, ListExecutions, StartExecution};
use moltforge_bus::{Bus, Subscription};
use moltforge_store::{AgentRef, ExecutionFilter, ExecutionRow, Journal, Store};
use moltforge_types::execution::{State, shard_of};
use moltforge_types::origin::MAX_PRIORITY;
use moltforge_types::{AgentId, Ambient, ContentHash, ExecutionId, Origin, Principal, ProjectId, Timestamp};
use serde_json::Value;

use crate::config::Config;
use crate::engine::{Command, EffectKeys, Recorded, Start, UnknownEffects};
use crate::error::Error;
use crate::fairness::Fairness;
use crate::fairness::calls::Gates;
use crate::holds::Holds;
use crate::holds::keeper::Keeper;
use crate::live::{Live, agent_ref};
use crate::shard::calls::Outside;
use crate::shard::janitor::{self, Cleaned};
use crate::shard::message::{Reply, Request};
use crate::shard::router::{COMMIT_TIMEOUT, Router};
use crate::shard::shared::Shared;
use crate::shard::specs::Specs;
use crate::shard::streams::Streams;
use crate::shard::supervisor::{Readiness, Supervisor};
use crate::triggers::{Listeners, WebhookKey};
use crate::views;

pub use steps::{StepPage, StepPlace};

/// The longest `Prefer: wait`.
pub const MAX_WAIT: Duration = Duration::from_mins(5);
/// Largest input and signal, in bytes of JSON.
const MAX_INPUT: usize = 1024 * 1024;
const MAX_SIGNAL: usize = 64 * 1024;
const MAX_NOTE: usize = 1_000;
/// Journals that are in memory whole at the same time, for forks and replays: 50 MiB each at the most.
const WHOLE_JOURNALS: usize = 2;

/// The execution service of one node. Cheap to clone.
#[derive(Clone)]
pub struct Executions {
    pub(crate) store: Store,
    pub(crate) shared: Arc<Shared>,
    supervisor: Supervisor,
    whole: Arc<tokio::sync::Semaphore>,
}

/// What a start gave.
#[derive(Debug)]
pub struct Started {
    /// The execution, as far as it had come.
    pub execution: View,
    /// Made by this request, not by an earlier one with the same key.
    pub created: bool,
}

/// What is at work on a node and what waits there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauges {
    /// Executions that hold a running slot.
    pub running: usize,
    /// Executions that are ready and wait for one.
    pub ready: usize,
    /// How long the oldest of them has waited for this node.
    pub age: Duration,
    /// Calls that wait for a slot of their model provider or tool.
    pub waiting_calls: usize,
    /// Slots and places in the queue that a check found wrong and put right, since the start. Not zero means a bug.
    pub healed: u64,
}

impl Executions {
    /// Registers this node, takes over what nobody owns, and begins to work. Returns at once: [`readiness`](Self::readiness)
    /// says when requests are taken.
    pub fn start(
        config: Config,
        store: Store,
        journal: Arc<dyn Journal>,
        bus: Bus,
        outside: Outside,
        ambient: Ambient,
    ) -> Self {
        let calls = Arc::new(outside);
        let specs = Specs::new(EffectKeys::new(config.secret.derive("effects")));
        let (gates, holds, listeners) = (Gates::default(), Holds::default(), Listeners::default());
        let directory = Arc::new(Live::new(store.clone()));
        let (fairness, handed_over) = (Fairness::new(&config, ambient.clone()), AtomicBool::default());
        let shared = Shared {
            config,
            journal,
            bus,
            calls,
            directory,
            ambient,
            specs,
            fairness,
            gates,
            streams: Streams::default(),
            holds,
            listeners,
            handed_over,
        };
        let shared = Arc::new(shared);
        let supervisor = Supervisor::start(shared.clone());
        tokio::spawn(janitor::run(
            store.clone(),
            shared.ambient.clone(),
            shared.config.retention.clone(),
            supervisor.clone(),
        ));
        let whole = Arc::new(tokio::sync::Semaphore::new(WHOLE_JOURNALS));
        let this = Self { store, shared, supervisor, whole };
        tokio::spawn(this.keeper().keep());
        this
    }

    /// Whether requests are taken, and why not.
    pub fn readiness(&self) -> Readiness {
        self.supervisor.readiness()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn ambient(&self) -> &Ambient {
        &self.shared.ambient
    }

    pub(crate) fn listeners(&self) -> &Listeners {
        &self.shared.listeners
    }

    /// Says that there may be new triggers, which are then looked for at once.
    pub fn look_for_triggers(&self) {
        self.listeners().replan();
        self.listeners().hint();
    }

    /// The shards that this node owns now.
    pub(crate) fn owned_shards(&self) -> Vec<u16> {
        self.supervisor.owned_shards()
    }

    pub(crate) fn keeper(&self) -> Keeper {
        let (shared, supervisor) = (self.shared.clone(), self.supervisor.clone());
        Keeper { shared, supervisor, book: Arc::new(self.store.clone()) }
    }

    /// Whether this node owns a shard.
    pub(crate) fn owns(&self, shard: u16) -> bool {
        self.supervisor.owner_of(shard).is_ok()
    }

    /// Waits until every shard has a live owner on this node.
    pub async fn ready(&self) {
        self.supervisor.ready().await;
    }

    /// Stops taking requests, lets calls in flight end for `drain_seconds`, commits, and gives the shards up.
    pub async fn drain(&self) {
        self.supervisor.drain().await;
    }

    /// What is at work on this node and what waits there, of all projects.
    pub fn gauges(&self) -> Gauges {
        let (running, ready, oldest) = self.shared.fairness.gauges();
        let age = oldest.map(|since| self.shared.ambient.now().since(since)).unwrap_or_default();
        let waiting_calls = self.shared.gates.len();
        Gauges { running, ready, age, waiting_calls, healed: self.shared.fairness.healed() }
    }

    /// The same of one project. Calls that wait are counted for all projects alone.
    pub fn gauges_of(&self, project_id: ProjectId) -> Gauges {
        let (running, ready, oldest) = self.shared.fairness.gauges_of(project_id);
        let age = oldest.map(|since| self.shared.ambient.now().since(since)).unwrap_or_default();
        Gauges { running, ready, age, waiting_calls: 0, healed: 0 }
    }

    /// A pass of the janitor, now: packs and deletes what has ended, as far as its retention says so.
    pub async fn clean_up(&self) -> Result<Cleaned, Error> {
        janitor::pass(&self.store, &self.shared.ambient, &self.shared.config.retention, &self.supervisor).await
    }

    /// Accepts an execution. With `wait` the answer comes when it has ended or waits, or after that time.
    pub async fn accept(
        &self,
        principal: &Principal,
        request: StartExecution,
        idempotency_key: Option<String>,
        wait: Option<Duration>,
    ) -> Result<Started, Error> {
        let key = idempotency_key.map(|key| format!("{}:{key}", principal.actor));
        let origin = Origin {
            priority: request.priority,
            concurrency_key: request.concurrency_key.clone(),
            ..Origin::default()
        };
        self.start_as(principal.project_id, request, key, wait, "api", origin).await
    }

    /// Accepts an execution for a trigger, once for each key.
    pub(crate) async fn start_for(
        &self,
        project_id: ProjectId,
        request: StartExecution,
        key: String,
        trigger: &'static str,
        origin: Origin,
    ) -> Result<Started, Error> {
        self.start_as(project_id, request, Some(key), None, trigger, origin).await
    }

    async fn start_as(
        &self,
        project_id: ProjectId,
        request: StartExecution,
        key: Option<String>,
        wait: Option<Duration>,
        trigger: &'static str,
        origin: Origin,
    ) -> Result<Started, Error> {
        let input = request.input.to_string();
        if input.len() > MAX_INPUT {
            let message = format!("at most {MAX_INPUT} bytes of JSON, got {}", input.len());
            return Err(Error::FieldInvalid { field: "/input", message });
        }
        check_turn(&request)?;
        let request_hash = key.is_some().then(|| request_hash(&request, &input));
        if let Some(key) = &key
            && let Some(row) = self.store.executions(project_id).find_by_key(key).await?
        {
            if row.request_hash != request_hash {
                return Err(Error::IdempotencyKeyReused(row.execution_id));
            }
            let execution = self.wait_if_live(project_id, row.execution_id, views::of_row(row), wait).await?;
            return Ok(Started { execution, created: false });
        }
        let (spec, environment) = self.shared.directory.resolve(&self.shared, project_id, &request).await?;
        let input = spec.with_defaults(request.input);
        let errors = spec.input_errors(&input);
        if !errors.is_empty() {
            return Err(Error::InputInvalid(errors));
        }
        self.check_room_while_paused(project_id, spec.agent_id).await?;
        let id: ExecutionId = self.shared.ambient.id();
        // one owner decides about an idempotency key, and one about a concurrency key; of both, the first says where it
        // goes: slots of a concurrency key are counted for all lanes of the node together
        let shard = match (&key, &origin.concurrency_key) {
            (Some(key), _) => shard_of(format!("{project_id}:{key}").as_bytes()),
            (None, Some(key)) => shard_of(format!("{}:{key}", spec.agent_id).as_bytes()),
            (None, None) => shard_of(id.to_string().as_bytes()),
        };
        let start = Start { id, spec, environment, input, trigger, origin, request_hash, copied: None };
        let make =
            |reply| Request::Start { start: Box::new(start), idempotency_key: key, shard, wait: wait.is_some(), reply };
        let execution = match wait {
            None => self.ask(shard, COMMIT_TIMEOUT, make).await?,
            Some(wait) => match self.ask(shard, wait.min(MAX_WAIT), make).await {
                Ok(execution) => execution,
                // it goes on; the answer is how far it has come
                Err(timeout @ (Error::CommitTimeout | Error::JournalFailing(_))) => {
                    match self.get(project_id, id).await {
                        Err(Error::ExecutionNotFound(_)) => return Err(timeout),
                        other => other?,
                    }
                }
                Err(error) => return Err(error),
            },
        };
        let created = execution.execution_id == id.to_string();
        Ok(Started { execution, created })
    }

    /// What starts while its agent or project is paused waits as a row, which no queue counts: as many may as may queue.
    async fn check_room_while_paused(&self, project_id: ProjectId, agent_id: AgentId) -> Result<(), Error> {
        if self.shared.holds.of(project_id, agent_id).is_none() {
            return Ok(());
        }
        let most = u32::try_from(self.shared.config.queued_per_project()).unwrap_or(u32::MAX);
        let paused = self.store.executions(project_id).count_in(State::Paused, most).await?;
        if paused >= u64::from(most) {
            // nobody knows when somebody lifts it
            return Err(Error::QueueFull { retry_after: Duration::from_mins(1) });
        }
        Ok(())
    }

    /// Ends at once, as a crash of the process would: nothing more is committed or acknowledged, the shards are not given
    /// up. For tests of recovery.
    pub async fn abandon(&self) {
        self.supervisor.abandon().await;
    }

    async fn wait_if_live(
        &self,
        project_id: ProjectId,
        id: ExecutionId,
        view: View,
        wait: Option<Duration>,
    ) -> Result<View, Error> {
        let is_live = |view: &View| matches!(view.state.as_str(), "scheduled" | "running" | "backing_off");
        let Some(wait) = wait.filter(|_| is_live(&view)) else { return Ok(view) };
        // register first, then look again
        let mut subscription = self.shared.bus.subscribe(id);
        let deadline = tokio::time::Instant::now() + wait.min(MAX_WAIT);
        loop {
            let view = self.get(project_id, id).await?;
            if !is_live(&view) {
                return Ok(view);
            }
            let poll = tokio::time::Instant::now() + Duration::from_secs(1);
            tokio::select! {
                _ = subscription.next() => {}
                () = tokio::time::sleep_until(poll.min(deadline)) => {}
            }
            if tokio::time::Instant::now() >= deadline {
                return self.get(project_id, id).await;
            }
        }
    }

    /// One execution.
    pub async fn get(&self, project_id: ProjectId, id: ExecutionId) -> Result<View, Error> {
        let row = self.store.executions(project_id).find(id).await?;
        row.map(|row| self.explained(row)).ok_or_else(|| Error::ExecutionNotFound(id.to_string()))
    }

    /// A page of executions, newest first.
    pub async fn list(
        &self,
        project_id: ProjectId,
        query: &ListExecutions,
        before: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Page<View>, Error> {
        let states =
            match query.state.as_deref() {
                None => Vec::new(),
                Some("live") => State::ALL.iter().copied().filter(|state| !state.is_terminal()).collect(),
                Some(text) => vec![text.parse().map_err(|message| Error::FieldInvalid {
                    field: "state",
                    message: format!("{message}, or live"),
                })?],
            };
        let agent = match query.agent.as_deref() {
            None => None,
            Some(agent) => Some(self.agent_id(project_id, agent).await?),
        };
        let filter = ExecutionFilter { agent_id: agent, states: &states, before };
        let (rows, more) = self.store.executions(project_id).list(filter, limit).await?;
        let next = more.then(|| rows.last().map(|row| row.execution_id)).flatten();
        let next = next.map(|id| moltforge_http::cursor::encode(&id));
        Ok(Page { items: rows.into_iter().map(|row| self.explained(row)).collect(), next })
    }

    /// The view of a row, with what it waits for at this moment as far as this node knows.
    fn explained(&self, row: ExecutionRow) -> View {
        let (id, state) = (row.execution_id, row.columns.state);
        let mut view = views::of_row(row);
        self.explain(&mut view, id, state);
        view
    }

    fn explain(&self, view: &mut View, id: ExecutionId, state: State) {
        match state {
            State::Scheduled => view.waiting_for = self.shared.fairness.waiting_for(id).or(view.waiting_for.take()),
            State::Running => {
                let waiting = self.calls_waiting_of(id);
                let words = waiting.into_iter().map(|(_, what)| what);
                let words: Vec<_> = words.chain(self.shared.calls.guest_waits_for(id)).collect();
                if !words.is_empty() {
                    view.waiting_for = Some(words.join(" and "));
                }
            }
            _ => {}
        }
    }

    /// What calls wait for that are on their way, for a slot or for the network: step and words.
    pub(crate) fn calls_waiting_of(&self, id: ExecutionId) -> Vec<(u32, String)> {
        let mut waiting = self.shared.gates.waiting_of(id);
        waiting.extend(self.shared.calls.waiting_of(id));
        waiting
    }

    /// The id of an agent of the project, by name or id. By id also a deleted one: what it did can be looked at.
    pub(crate) async fn agent_id(&self, project_id: ProjectId, agent: &str) -> Result<AgentId, Error> {
        let found = match agent_ref(agent)? {
            AgentRef::Id(id) => self.store.agents(project_id).find(id).await?,
            AgentRef::Name(name) => self.store.agents(project_id).find_by_name(&name).await?,
        };
        found.map(|found| found.agent_id).ok_or_else(|| Error::AgentNotFound(agent.to_owned()))
    }

    /// Entries after `after`, oldest first. The caller has checked that the execution is the project's.
    pub(crate) async fn entries(&self, id: ExecutionId, after: u64, limit: u32) -> Result<Vec<Recorded>, Error> {
        let rows = self.shared.journal.reads().entries(id, after, limit).await?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            match crate::codec::decode(id, row) {
                Ok(entry) => entries.push(entry),
                // what stands before a damage can be read
                Err(error) if entries.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(entries)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.shared.ambient.now()
    }

    /// What requests from outside are signed with.
    pub(crate) fn webhook_key(&self) -> Option<&WebhookKey> {
        self.shared.config.webhook_key.as_ref()
    }

    /// Hints about one execution.
    pub(crate) fn watch(&self, id: ExecutionId) -> Subscription {
        self.shared.bus.subscribe(id)
    }

    /// Holds an execution.
    pub async fn pause(&self, principal: &Principal, id: ExecutionId, note: Option<String>) -> Result<View, Error> {
        check_note(note.as_ref())?;
        let by = principal.actor.to_string();
        self.apply(principal.project_id, id, Command::Pause { by, note }).await
    }

    /// Lets a paused execution go on.
    pub async fn resume(
        &self,
        principal: &Principal,
        id: ExecutionId,
        unknown_effects: Option<&str>,
    ) -> Result<View, Error> {
        let unknown_effects = match unknown_effects {
            None => None,
            Some("retry") => Some(UnknownEffects::Retry),
            Some("fail") => Some(UnknownEffects::Fail),
            Some(_) => {
                let message = "expected retry or fail".to_owned();
                return Err(Error::FieldInvalid { field: "/unknown_effects", message });
            }
        };
        let by = principal.actor.to_string();
        self.apply(principal.project_id, id, Command::Resume { by, unknown_effects }).await
    }

    /// Hands an execution a signal.
    pub async fn signal(
        &self,
        principal: &Principal,
        id: ExecutionId,
        name: String,
        payload: Value,
        idempotency_key: Option<String>,
    ) -> Result<View, Error> {
        if !(1..=100).contains(&name.chars().count()) {
            let message = "expected 1 to 100 characters".to_owned();
            return Err(Error::FieldInvalid { field: "/name", message });
        }
        let size = payload.to_string().len();
        if size > MAX_SIGNAL {
            let message = format!("at most {MAX_SIGNAL} bytes of JSON, got {size}");
            return Err(Error::FieldInvalid { field: "/payload", message });
        }
        let dedupe_key = idempotency_key.map(|key| format!("{}:{key}", principal.actor));
        self.apply(principal.project_id, id, Command::Signal { name, payload, dedupe_key }).await
    }

    pub(crate) async fn apply(&self, project_id: ProjectId, id: ExecutionId, command: Command) -> Result<View, Error> {
        let row = self.store.executions(project_id).find(id).await?;
        let mut row = row.ok_or_else(|| Error::ExecutionNotFound(id.to_string()))?;
        let shard = row.shard;
        // the owner wants to know where it stands; what it carries may be large
        row.input.clear();
        row.columns.output.take();
        let make = |reply| Request::Apply { project_id, execution_id: id, command, known: Some(Box::new(row)), reply };
        self.ask(shard, COMMIT_TIMEOUT, make).await
    }

    async fn ask(&self, shard: u16, timeout: Duration, make: impl FnOnce(Reply) -> Request) -> Result<View, Error> {
        let answer = Router::new(self.supervisor.clone()).ask_within(shard, timeout, make).await;
        answer.map(|mut view| {
            if let (Ok(id), Ok(state)) = (view.execution_id.parse(), view.state.parse()) {
                self.explain(&mut view, id, state);
            }
            view
        })
    }
}

pub(crate) fn check_note(note: Option<&String>) -> Result<(), Error> {
    match note {
        Some(note) if note.chars().count() > MAX_NOTE || note.contains('\0') => {
            let message = format!("at most {MAX_NOTE} characters, none of them NUL");
            Err(Error::FieldInvalid { field: "/note", message })
        }
        _ => Ok(()),
    }
}

/// Whether a start says in a possible way when its turn is.
fn check_turn(request: &StartExecution) -> Result<(), Error> {
    if request.priority.is_some_and(|priority| priority > MAX_PRIORITY) {
        let message = format!("expected 0 to {MAX_PRIORITY}");
        return Err(Error::FieldInvalid { field: "/priority", message });
    }
    if request.concurrency_key.as_ref().is_some_and(|key| !(1..=100).contains(&key.chars().count())) {
        let message = "expected 1 to 100 characters".to_owned();
        return Err(Error::FieldInvalid { field: "/concurrency_key", message });
    }
    if request.concurrency_key.as_ref().is_some_and(|key| key.contains('\0')) {
        let message = "expected no NUL character".to_owned();
        return Err(Error::FieldInvalid { field: "/concurrency_key", message });
    }
    Ok(())
}

/// Tells a repeated request from another one.
fn request_hash(request: &StartExecution, input: &str) -> String {
    let mut text = format!("{}\n{:?}\n{:?}\n{input}", request.agent, request.environment, request.version);
    // requests without these have the hash that they always had
    if request.priority.is_some() || request.concurrency_key.is_some() {
        text = format!("{text}\n{:?}\n{:?}", request.priority, request.concurrency_key);
    }
    ContentHash::of(text.as_bytes()).to_string()
}
