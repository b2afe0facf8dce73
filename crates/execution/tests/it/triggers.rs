//! Triggers on real stores: fired once, by their rules, through crashes. The clock moves only when a test moves it.

mod apart;
mod events;
mod floods;
mod held;
mod rules;
mod schedules;

use std::sync::Arc;
use std::time::Duration;

use moltforge_api::AgentConfig;
use moltforge_api::config::TriggerConfig;
use moltforge_api::executions::Execution as View;
use moltforge_api::triggers::{CreateTrigger, Fire, Trigger};
use moltforge_execution::Executions;
use moltforge_execution::triggers::Triggers;
use moltforge_store::Journal;
use moltforge_types::{Ambient, SystemRandom, TestClock, TriggerId};
use serde_json::{Value, json};

use super::world::World;

/// A world with a clock that is told, a node, and triggers that move only when they are swept.
pub(crate) struct Timed {
    pub(crate) world: World,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) node: Executions,
    pub(crate) triggers: Triggers,
}

impl Timed {
    pub(crate) async fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for mut world in World::all().await {
            let clock = Arc::new(TestClock::new(world.ambient.now()));
            world.ambient = Ambient::new(clock.clone(), Arc::new(SystemRandom));
            let node = world.node(world.journal.clone()).await;
            let triggers = Triggers::idle(node.clone());
            all.push(Self { world, clock, node, triggers });
        }
        all
    }

    /// As after `kill -9`: another node takes over, with triggers of its own.
    pub(crate) async fn crash(&mut self) {
        self.crash_onto(self.world.journal.clone()).await;
    }

    /// The same, with a journal for the next node.
    pub(crate) async fn crash_onto(&mut self, journal: Arc<dyn Journal>) {
        self.node.abandon().await;
        self.node = self.world.node(journal).await;
        self.triggers = Triggers::idle(self.node.clone());
    }

    /// An agent with a live version.
    pub(crate) async fn deploy(&self, config: Value) {
        let config: AgentConfig = serde_json::from_value(config).expect("a configuration");
        self.world.agent(&config).await;
    }

    pub(crate) async fn create(&self, agent: &str, config: Value) -> Trigger {
        let config: TriggerConfig = serde_json::from_value(config).expect("a trigger");
        let new = CreateTrigger { agent: agent.to_owned(), environment: None, config };
        self.triggers.create(&self.world.principal, new).await.expect("made").trigger
    }

    pub(crate) async fn get(&self, trigger: &Trigger) -> Trigger {
        self.triggers.get(self.world.principal.project_id, id(trigger)).await.expect("found")
    }

    pub(crate) async fn sweep(&self) {
        self.triggers.sweep().await.expect("swept");
    }

    pub(crate) async fn after(&self, time: Duration) {
        self.clock.advance(time);
        self.sweep().await;
    }

    /// The executions of the project, oldest first.
    pub(crate) async fn executions(&self) -> Vec<View> {
        let list = self
            .node
            .list(self.world.principal.project_id, &moltforge_api::executions::ListExecutions::default(), None, 200)
            .await;
        let mut items = list.expect("listed").items;
        items.sort_by(|a, b| (&a.created_at, &a.execution_id).cmp(&(&b.created_at, &b.execution_id)));
        items
    }

    /// States of the fires, oldest first.
    pub(crate) async fn fires(&self, trigger: &Trigger) -> Vec<Fire> {
        let rows = self.triggers.latest_fires(self.world.principal.project_id, id(trigger), 200).await;
        let mut items = rows.expect("listed");
        items.reverse();
        items
    }

    /// Waits until an execution is in a state.
    pub(crate) async fn until(&self, execution: &View, state: &str) {
        let project_id = self.world.principal.project_id;
        let id = execution.execution_id.parse().expect("an id");
        for _ in 0..400 {
            if self.node.get(project_id, id).await.expect("found").state == state {
                return;
            }
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{} did not become {state}", execution.execution_id);
    }
}

pub(crate) fn id(trigger: &Trigger) -> TriggerId {
    trigger.trigger_id.parse().expect("an id")
}

/// Ends at once, with its input as its output.
pub(crate) fn echo() -> Value {
    json!({ "name": "echo", "kind": "prompt", "model": "scripted", "script": [{ "text": "{{ input }}" }] })
}

/// Waits for a signal.
pub(crate) fn patient() -> Value {
    json!({
        "name": "patient", "kind": "prompt", "model": "scripted", "tools": ["signals.wait"],
        "script": [{ "calls": [{ "tool": "signals.wait", "arguments": { "name": "go" } }] }, { "text": "done" }],
    })
}

pub(crate) const HOUR: Duration = Duration::from_hours(1);
