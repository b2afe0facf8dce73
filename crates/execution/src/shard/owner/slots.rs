//! Running slots: who gets one, who waits, and what an execution that no longer runs gives back.

use std::time::Duration;

use moltforge_types::ExecutionId;
use moltforge_types::execution::State;

use super::Owner;
use crate::engine::{Command, GUEST_STEP};
use crate::fairness::{Entry, Permit};
use crate::mutation::{Mutation, mutated};
use crate::shard::message::Asker;

/// How often slots are compared with what runs.
pub(super) const WATCH: Duration = Duration::from_secs(10);

impl Owner {
    /// Lets in whoever comes next, of whichever lane, while there are slots and room in the batch.
    pub(super) fn pump(&mut self) {
        if self.draining.is_some() {
            return;
        }
        while !self.forming.is_full()
            && let Some((entry, permit)) = self.shared.fairness.admit(self.token.lane)
        {
            self.admitted(&entry, permit);
        }
    }

    /// One of this lane may begin.
    pub(super) fn admitted(&mut self, entry: &Entry, permit: Permit) {
        if self.draining.is_some() {
            // the next owner finds it among the rows
            return;
        }
        let (project_id, id) = (entry.claimant.project_id, entry.claimant.execution_id);
        self.admitted.insert(id, permit);
        self.apply_or_load(project_id, id, Command::Claim { recovered: false }, Asker::Nobody);
    }

    /// Gets the slot that a command may need, and says whether there is one.
    pub(super) fn take_slot(&mut self, id: ExecutionId, command: &Command) -> bool {
        let admitted = self.admitted.remove(&id);
        let Some(hot) = self.hot.get_mut(&id) else { return false };
        if hot.permit.is_none() {
            hot.permit = admitted;
        }
        // what is scheduled waits for its turn; what goes on after a wait need not when nobody else waits
        let may_go_on = matches!(hot.execution.state, State::Suspended | State::BackingOff | State::Paused);
        let stops = matches!(command, Command::Pause { .. } | Command::Stop { .. } | Command::Hold);
        // what ran when its owner was lost keeps its slot, also when its journal could not be read at the first try
        let was_lost = matches!(command, Command::Claim { recovered: true }) && hot.execution.state == State::Running;
        if hot.permit.is_none() && was_lost {
            hot.permit = Some(self.shared.fairness.run(&hot.claimant));
        }
        if hot.permit.is_none() && may_go_on && !stops && self.draining.is_none() {
            hot.permit = self.shared.fairness.try_run(&hot.claimant);
        }
        hot.permit.is_some()
    }

    /// Brings slot and queue in line with the state that a command left: a slot exactly while it runs, a place in the
    /// queue exactly while it is scheduled.
    pub(super) fn settle_slot(&mut self, id: ExecutionId, was: State) {
        let Some(hot) = self.hot.get_mut(&id) else { return };
        let state = hot.execution.state;
        if state == State::Running {
            // what is being stopped is seen through, whether there is a free slot or not
            let stopping = hot.execution.stopping.is_some();
            debug_assert!(stopping || hot.permit.is_some(), "{id} runs without a slot");
            let permit = hot.permit.get_or_insert_with(|| {
                if !stopping {
                    self.shared.fairness.was_healed();
                }
                self.shared.fairness.run(&hot.claimant)
            });
            permit.set_bytes(hot.execution.bytes);
        } else if !mutated(Mutation::SlotLeak) {
            hot.permit = None;
        }
        if state == State::Scheduled {
            if !self.admitted.contains_key(&id) {
                let entry = Entry {
                    claimant: hot.claimant.clone(),
                    priority: hot.priority(),
                    begun: hot.execution.attempt > 0,
                    lane: self.token.lane,
                    since: hot.execution.updated_at,
                };
                self.shared.fairness.push(entry);
            }
        } else if was == State::Scheduled {
            self.shared.fairness.remove(id);
        }
    }

    /// Compares slots with what runs, and looks for executions that are held back without a reason.
    pub(super) fn watch(&mut self) {
        let now = self.shared.ambient.now();
        if self.watch_at > now {
            return;
        }
        self.watch_at = now.plus(WATCH);
        let mut wrong = 0;
        for hot in self.hot.values_mut() {
            if hot.is_running() == hot.permit.is_some() {
                continue;
            }
            wrong += 1;
            self.shared.fairness.was_healed();
            hot.permit = if hot.is_running() { Some(self.shared.fairness.run(&hot.claimant)) } else { None };
        }
        debug_assert!(wrong == 0, "{wrong} executions hold a slot and do not run, or the other way round");
        if wrong > 0 {
            tracing::error!(wrong, "slots did not match what runs: put right");
        }
        self.shared.fairness.watch();
    }

    /// Calls that wait for a slot of their provider or tool are not begun by a node that stops, and a guest is rebuilt
    /// wherever it goes on.
    pub(super) fn drop_waiting_calls(&mut self) {
        let gates = &self.shared.gates;
        for (id, hot) in &mut self.hot {
            hot.calls.retain(|step, call| {
                let waits = *step == GUEST_STEP || gates.is_waiting(*id, *step);
                if waits {
                    call.abort();
                }
                !waits
            });
        }
    }
}
