//! What must hold in every turn of an owner. Only in tests: it walks over everything.

use moltforge_types::execution::State;

use super::Owner;
use crate::shard::hot::Hot;

impl Owner {
    /// I13: a guest that is suspended can be rebuilt, and is then where it was. I8: the slots that count as taken are those of the running executions. I12: what rests is not kept.
    pub(super) fn audit(&self) {
        let suspended = |hot: &&Hot| hot.execution.state == State::Suspended && hot.execution.spec.is_code();
        for hot in self.hot.values().filter(suspended) {
            self.shared.calls.suspended(hot.execution.guest_start());
        }
        let wrong = self.hot.values().filter(|hot| hot.is_running() != hot.permit.is_some()).count();
        assert_eq!(wrong, 0, "I8: executions that hold a slot and do not run, or the other way round");
        let kept = |hot: &&Hot| {
            hot.is_evictable()
                && hot.execution.state.is_terminal()
                && hot.batch <= self.committed
                && hot.watchers.is_empty()
        };
        let kept = self.hot.values().filter(kept).count();
        assert_eq!(kept, 0, "I12: executions that have ended and are kept");
    }
}
