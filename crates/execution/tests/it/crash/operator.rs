//! Who starts an execution and sees it through. Everything that was not heard to have happened is done again, as a client
//! must: nobody outside knows whether the node died before or after it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use moltforge_api::approvals::{DecideApproval, ListApprovals};
use moltforge_api::executions::{Execution as View, ForkExecution};
use moltforge_execution::triggers::Triggers;
use moltforge_execution::{Error, Executions};
use moltforge_types::ExecutionId;
use moltforge_types::execution::HoldMode;
use serde_json::json;

use super::check::unanswered_keys;
use super::scenarios::{Hand, Scenario};
use crate::world::World;

const PATIENCE: Duration = Duration::from_mins(1);

/// What the outside remembers of one run, whatever happens to the node.
pub(super) struct Notes {
    /// The key of the start.
    pub(super) key: String,
    /// What is forked.
    pub(super) original: Option<ExecutionId>,
    /// A node died.
    pub(super) crashed: AtomicBool,
    /// How much of what is to be done was acknowledged.
    done: AtomicU32,
}

impl Notes {
    pub(super) fn new(key: String, original: Option<ExecutionId>) -> Self {
        Self { key, original, crashed: AtomicBool::new(false), done: AtomicU32::new(0) }
    }
}

pub(super) struct Operator<'a> {
    pub(super) world: &'a World,
    pub(super) node: &'a Executions,
    pub(super) scenario: &'a Scenario,
    pub(super) notes: &'a Notes,
}

impl Operator<'_> {
    /// Starts it (or hears of the one that the key started) and sees it through.
    pub(super) async fn drive(&self) -> View {
        let Self { world, node, scenario, notes } = self;
        // what listens on this node is known as soon as it has swept
        let triggers = (scenario.hand == Hand::Listens).then(|| Triggers::start((*node).clone()));
        if let Some(triggers) = &triggers {
            triggers.sweep().await.expect("swept");
        }
        let view = if let Some(original) = notes.original {
            let fork = ForkExecution { at_step: 3, ..ForkExecution::default() };
            let key = Some(notes.key.clone());
            node.fork(&world.principal, original, fork, key).await.expect("forked").execution
        } else {
            let mut input = scenario.input.clone();
            if let Some(run) = input.get_mut("run") {
                *run = json!(notes.key);
            }
            world.accept(node, &scenario.agent, input, &notes.key).await.expect("accepted")
        };
        let id: ExecutionId = view.execution_id.parse().expect("an id");
        let Ok(view) = tokio::time::timeout(PATIENCE, self.finish(id)).await else {
            let view = node.get(world.principal.project_id, id).await;
            panic!("{} {} is stuck: {view:?} {:?}", world.backend, scenario.agent, node.readiness())
        };
        let below = tokio::time::timeout(PATIENCE, self.all_end(id)).await;
        below.unwrap_or_else(|_| panic!("{} {}: not all below it end", world.backend, scenario.agent));
        if scenario.hand == Hand::Switches {
            // the next run may start
            let lifted = node.lift(&world.principal, Some(scenario.agent.as_str())).await;
            assert!(matches!(lifted, Ok(_) | Err(Error::NotHeld)), "{lifted:?}");
        }
        view
    }

    async fn finish(&self, id: ExecutionId) -> View {
        let mut poll = tokio::time::interval(Duration::from_millis(2));
        loop {
            poll.tick().await;
            let Ok(view) = self.node.get(self.world.principal.project_id, id).await else { continue };
            match view.state.as_str() {
                "completed" | "failed" | "cancelled" => return view,
                _ => self.act(&view, id).await,
            }
        }
    }

    /// Whatever it brought about ends as well.
    async fn all_end(&self, id: ExecutionId) {
        let (world, node) = (self.world, self.node);
        let project_id = world.principal.project_id;
        loop {
            let tree = node.tree(project_id, id).await.expect("there");
            let mut ended =
                tree.iter().all(|found| ["completed", "failed", "cancelled"].contains(&found.state.as_str()));
            if self.scenario.hand == Hand::Listens {
                let heard = super::check::heard(world, node, &self.notes.key).await;
                ended &= heard.iter().any(|view| view.state == "completed");
            }
            if ended && world.server.at_once("hang").0 == 0 {
                return;
            }
            // a real wait: the real server works meanwhile; this polls, within a limit
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn act(&self, view: &View, id: ExecutionId) {
        let (node, principal) = (self.node, &self.world.principal);
        let crashed = self.notes.crashed.load(Ordering::SeqCst);
        match self.scenario.hand {
            Hand::Helps | Hand::Forks => self.help(view, id).await,
            // whoever saw the node die does not wait for more
            Hand::Cancels if crashed || self.world.server.at_once("slow").0 > 0 => {
                let _ = node.cancel(principal, id, None).await;
            }
            Hand::Kills if crashed || self.world.server.at_once("hang").0 >= 3 => {
                let _ = node.kill(principal, id, None).await;
            }
            // what is durable is seen through by whoever comes after, without being asked
            Hand::Switches if crashed || self.world.server.at_once("hang").0 >= 3 => {
                if node.holds(principal.project_id).await.is_ok_and(|holds| holds.is_empty()) {
                    let _ = node.hold(principal, Some(self.scenario.agent.as_str()), HoldMode::Kill, None).await;
                }
            }
            Hand::Waits | Hand::Listens | Hand::Cancels | Hand::Kills | Hand::Switches => {}
            Hand::Pauses | Hand::Holds => self.hold(view, id).await,
        }
    }

    /// Holds it, sends what it waits for, and lets it go on: one after the other, each until it was acknowledged.
    async fn hold(&self, view: &View, id: ExecutionId) {
        let (node, principal, agent) = (self.node, &self.world.principal, Some(self.scenario.agent.as_str()));
        let pauses = self.scenario.hand == Hand::Pauses;
        let done = match self.notes.done.load(Ordering::SeqCst) {
            0 if view.state != "suspended" && view.state != "paused" => false,
            0 if pauses => node.pause(principal, id, None).await.is_ok(),
            0 => node.hold(principal, agent, HoldMode::Pause, None).await.is_ok(),
            1 => node.signal(principal, id, "go".to_owned(), json!(1), Some("go".to_owned())).await.is_ok(),
            2 if view.state != "paused" => {
                assert_ne!(view.state, "running", "it is held");
                // an acknowledged resume or lift is behind it when it is anything else
                false
            }
            2 => true,
            3 if pauses => matches!(node.resume(principal, id, None).await, Ok(_) | Err(Error::ExecutionNotPaused(_))),
            3 => matches!(node.lift(principal, agent).await, Ok(_) | Err(Error::NotHeld)),
            _ => false,
        };
        self.notes.done.fetch_add(u32::from(done), Ordering::SeqCst);
    }

    /// Sends the signal that is waited for, approves, and decides as one would who can look at the other side.
    async fn help(&self, view: &View, id: ExecutionId) {
        let (world, node) = (self.world, self.node);
        match view.state.as_str() {
            "suspended" => {
                self.approve(id).await;
                if let Some(name) = awaited_signal(view) {
                    let key = Some("answer".to_owned());
                    let _ = node.signal(&world.principal, id, name, json!({"answer": "yes"}), key).await;
                }
            }
            "paused" => {
                assert_eq!(view.reason.as_deref(), Some("effect_unknown"), "{view:?}");
                let keys = unanswered_keys(&world.journal_of(id).await);
                let arrived = keys.iter().any(|key| world.server.calls_of(key) > 0);
                let decision = if arrived { "fail" } else { "retry" };
                let _ = node.resume(&world.principal, id, Some(decision)).await;
            }
            _ => {}
        }
    }

    /// Approves what waits. An answer that a crash swallowed is given again.
    async fn approve(&self, id: ExecutionId) {
        let (world, node) = (self.world, self.node);
        let query = ListApprovals {
            state: Some("pending".to_owned()),
            execution: Some(id.to_string()),
            ..ListApprovals::default()
        };
        let Ok(page) = node.approvals(world.principal.project_id, &query, None, 10).await else { return };
        for approval in page.items {
            let decision = DecideApproval {
                decision: "approve".to_owned(),
                call_sha256: approval.call_sha256,
                arguments: None,
                answer: None,
                note: None,
            };
            let approval_id = approval.approval_id.parse().expect("an id");
            let _ = node.decide_approval(&world.principal, approval_id, decision).await;
        }
    }
}

fn awaited_signal(view: &View) -> Option<String> {
    let text = view.waiting_for.as_deref()?;
    text.split("the signal \"").nth(1)?.split('"').next().map(str::to_owned)
}
