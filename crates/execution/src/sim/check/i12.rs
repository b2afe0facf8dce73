//! I12: when everything has ended nothing of it is left in the node: no slot, no place in a queue, no call at a gate. What
//! has ended is not kept meanwhile either (`shard/owner/audit.rs`, in each turn).

use crate::sim::node::Node;
use crate::sim::state::State;

pub(in crate::sim) fn check(state: &State, nodes: &[Node]) {
    for node in nodes {
        let (running, ready, _) = node.shared.fairness.gauges();
        let gates = node.shared.gates.len();
        if (running, ready, gates) != (0, 0, 0) {
            let what = format!("{running} slots are taken, {ready} executions and {gates} calls wait");
            state.violated("I12", format!("all has ended, and on node {} {what}", node.process.slot));
        }
    }
}
