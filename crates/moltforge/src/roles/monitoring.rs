//! The monitoring role.

use moltforge_execution::Executions;
use moltforge_monitoring::{AUDIENCE, Gauge, Monitoring};

use super::{Ground, Service};

/// Counts what the store knows, and what the executions of this process do at the moment.
pub(super) fn service(ground: &Ground, executions: &Executions) -> Service {
    let executions = executions.clone();
    let gauges = move |project_id| {
        let now = executions.gauges_of(project_id);
        let gauge = |name, help, value| Gauge { name, help, value };
        let count = |number| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        vec![
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
