//! How calls leave: a node whose time is over begins none, however long that has waited for its turn, and one that is
//! given up says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use moltforge_bus::Bus;
use moltforge_capabilities::llm::{ChunkSink, ModelError, ModelReply, ModelRequest};
use moltforge_capabilities::tools::{CallRequest, ProbeAnswer, ToolError};
use moltforge_store::journal::Memory;
use moltforge_types::conversation::Usage;
use moltforge_types::execution::ProbeOutcome;
use moltforge_types::{Ambient, ExecutionId, SeededRandom};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::agents::{Agents, effect_keys, specs};
use super::clock::SimClock;
use crate::config::Config;
use crate::fairness::Fairness;
use crate::fairness::calls::Gates;
use crate::holds::Holds;
use crate::shard::authority::Authority;
use crate::shard::calls::Calls;
use crate::shard::effects::{self, Outlet};
use crate::shard::message::Event;
use crate::shard::shared::Shared;
use crate::shard::specs::Specs;
use crate::shard::streams::Streams;
use crate::triggers::Listeners;

const LENGTH: Duration = Duration::from_secs(4);
/// How long a model takes.
const SLOW: Duration = Duration::from_secs(3);

/// Counts what arrives. Its provider takes one call at a time.
#[derive(Default)]
struct Counted(AtomicU32);

impl Counted {
    fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Calls for Counted {
    async fn model(&self, _: ModelRequest, _: ChunkSink) -> Result<ModelReply, ModelError> {
        self.count();
        tokio::time::sleep(SLOW).await;
        let usage = Usage { input_tokens: 1, cached_tokens: 0, output_tokens: 1 };
        Ok(ModelReply { text: "done".to_owned(), tool_calls: Vec::new(), usage })
    }

    fn model_limit(&self, _: &str) -> Option<(Arc<str>, u32)> {
        Some(("provider".into(), 1))
    }

    async fn tool(&self, _: CallRequest) -> Result<Value, ToolError> {
        self.count();
        Ok(Value::Null)
    }

    async fn probe(&self, _: CallRequest) -> ProbeAnswer {
        self.count();
        ProbeAnswer { outcome: ProbeOutcome::Unknown, output: Value::Null, detail: None }
    }
}

struct Bench {
    calls: Arc<Counted>,
    shared: Arc<Shared>,
    authority: Arc<Authority>,
    events_in: mpsc::UnboundedSender<Event>,
    events: mpsc::UnboundedReceiver<Event>,
    execution_id: ExecutionId,
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(SimClock::new(Instant::now()));
        let ambient = Ambient::new(clock, Arc::new(SeededRandom::new(1)));
        let (config, calls) = (Config::default(), Arc::new(Counted::default()));
        let shared = Arc::new(Shared {
            fairness: Fairness::new(&config, ambient.clone()),
            gates: Gates::default(),
            streams: Streams::default(),
            holds: Holds::default(),
            listeners: Listeners::default(),
            handed_over: AtomicBool::default(),
            config,
            journal: Arc::new(Memory::with(ambient.clone())),
            bus: Bus::new(),
            directory: Arc::new(Agents),
            calls: calls.clone(),
            specs: Specs::new(effect_keys()),
            ambient,
        });
        let (events_in, events) = mpsc::unbounded_channel();
        let authority = Arc::new(Authority::new(Instant::now(), LENGTH));
        let execution_id = shared.ambient.id();
        Self { calls, shared, authority, events_in, events, execution_id }
    }

    fn outlet(&self) -> Outlet {
        let (shared, events) = (self.shared.clone(), self.events_in.clone());
        Outlet { shared, events, authority: self.authority.clone(), call: 1 }
    }

    fn model(&self, step: u32) -> AbortHandle {
        let spec = specs().remove(0);
        let request = ModelRequest {
            project_id: spec.project_id,
            execution_id: self.execution_id,
            step,
            turn: 0,
            config: spec.config.clone(),
            input: Arc::default(),
            messages: Vec::new(),
            tools: spec.tools.clone(),
        };
        effects::call_model(self.outlet(), request, spec.agent_id, 1)
    }

    fn request(&self, step: u32) -> CallRequest {
        let spec = specs().remove(0);
        CallRequest {
            project_id: spec.project_id,
            agent_id: spec.agent_id,
            execution_id: self.execution_id,
            step,
            tool: "pay".to_owned(),
            arguments: Value::Null,
            idempotency_key: Some("key".to_owned()),
            chain_depth: 1,
            tools: spec.tools.clone(),
            config: spec.config.clone(),
        }
    }

    /// How many calls have arrived once `events` have come back.
    async fn arrived(&mut self, events: usize) -> u32 {
        for _ in 0..events {
            self.events.recv().await.expect("every call says how it went");
        }
        self.calls.0.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn calls_leave_while_the_time_lasts() {
    let mut bench = Bench::new();
    bench.model(1);
    effects::call_tool(bench.outlet(), bench.request(2), None);
    effects::probe_tool(bench.outlet(), bench.request(3), None);
    assert_eq!(bench.arrived(3).await, 3);
}

#[tokio::test(start_paused = true)]
async fn none_leaves_after_it() {
    let mut bench = Bench::new();
    // as a process that was stopped between the commit and the call
    tokio::time::advance(LENGTH).await;
    bench.model(1);
    effects::call_tool(bench.outlet(), bench.request(2), None);
    effects::probe_tool(bench.outlet(), bench.request(3), None);
    assert_eq!(bench.arrived(3).await, 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_waited_for_a_slot_does_not_leave_when_its_turn_comes_too_late() {
    let mut bench = Bench::new();
    bench.model(1);
    bench.model(2);
    // the second one's turn comes in time, that of the third one does not
    bench.model(3);
    assert_eq!(bench.arrived(3).await, 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_given_up_before_it_has_begun_is_gone() {
    let mut bench = Bench::new();
    // its task has not run yet: there was no await since
    bench.model(1).abort();
    let gone = bench.events.recv().await;
    assert!(matches!(gone, Some(Event::CallGone { step: 1, .. })), "a stop would wait for it for ever");
    assert_eq!(bench.calls.0.load(Ordering::Relaxed), 0);
}
