//! The monitoring role.

use moltforge_execution::Executions;
use moltforge_monitoring::{AUDIENCE, Gauge, Monitoring};
use moltforge_sandbox::Sandbox;

use super::{Ground, Service};
use crate::guests::{CodeAgents, Used};

/// Counts what the store knows, and what the executions of this process do at the moment.
pub(super) fn service(ground: &Ground, executions: &Executions, code: &CodeAgents) -> Service {
    let (executions, code) = (executions.clone(), code.clone());
    let gauges = move |project_id| {
        let now = executions.gauges_of(project_id);
        let gauge = |name, help, value| Gauge { name, help, values: vec![(None, value)] };
        let count = |number| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        let used = code.meters().of(project_id);
        let load = code.sandbox().map(Sandbox::load).unwrap_or_default();
        let by_agent = |name, help, value: fn(&Used) -> f64| {
            let values = used.iter().map(|used| (Some(used.agent.clone()), value(used))).collect();
            Gauge { name, help, values }
        };
        vec![
            by_agent(
                "agent_memory_usage_bytes",
                "Memory of the programs of code agents that are in memory on this node.",
                |used| bytes(used.memory),
            ),
            by_agent(
                "agent_cpu_usage_percent",
                "Processor time of the programs of code agents on this node since the last look, of one processor.",
                |used| used.cpu_percent,
            ),
            gauge(
                "node_program_memory_bytes",
                "Memory that is taken for the programs of all code agents on this node.",
                bytes(load.memory),
            ),
            gauge(
                "node_program_memory_limit_bytes",
                "Memory that this node has for the programs of code agents.",
                bytes(load.memory_total),
            ),
            gauge("node_programs_count", "Programs of all code agents in memory on this node.", count(load.guests)),
            gauge(
                "node_waiting_programs_count",
                "Programs of all code agents that wait for room on this node, to start or to grow.",
                count(load.waiting),
            ),
            gauge("running_executions_count", "Executions that hold a running slot of this node.", count(now.running)),
            gauge("ready_executions_count", "Executions that wait for a running slot of this node.", count(now.ready)),
            gauge(
                "queue_age_seconds",
                "How long the oldest of them has waited for this node; not for its own agent's limit or key.",
                now.age.as_secs_f64(),
            ),
        ]
    };
    let routes = moltforge_monitoring::router(Monitoring::new(ground.store.clone()).with_gauges(gauges));
    super::service(ground, &["/v1/changes", "/v1/metrics"], AUDIENCE, routes)
}

#[expect(clippy::cast_precision_loss, reason = "memory has far less than 2^53 bytes")]
fn bytes(bytes: u64) -> f64 {
    bytes as f64
}
