//! A batch in the making: what many executions wrote since the last commit, and what waits for its commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use moltforge_api::executions::Execution as View;
use moltforge_bus::Committed;
use moltforge_store::{
    Batch, Fold, LaneToken, MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, Message, NewEntry, NewExecution, NewFire, Side,
    StateRow,
};
use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, Timestamp};

use super::hot::Hot;
use super::message::Reply;
use crate::engine::fork;
use crate::engine::{Action, Recorded};
use crate::error::Error;
use crate::{codec, views};

/// What is let out once the batch is durable, in the order in which it was staged.
pub(crate) struct Gated {
    pub(crate) execution_id: ExecutionId,
    pub(crate) actions: Vec<Action>,
    pub(crate) committed: Vec<Committed>,
    pub(crate) replies: Vec<(Reply, Result<View, Error>)>,
    /// Messages to hand on.
    pub(crate) messages: Vec<Message>,
}

/// The batch that forms while another is being committed.
#[derive(Default)]
pub(crate) struct Forming {
    pub(crate) number: u64,
    starts: BTreeMap<ExecutionId, NewExecution>,
    folds: BTreeMap<ExecutionId, Fold>,
    entries: Vec<NewEntry>,
    bytes: usize,
    writes: Vec<StateRow>,
    /// Rows beside the journal.
    pub(crate) rows: Vec<Side>,
    pub(crate) gated: Vec<Gated>,
}

impl Forming {
    pub(crate) fn new(number: u64) -> Self {
        Self { number, ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.rows.is_empty()
    }

    /// Full (DESIGN 6.3): what one command writes is never torn apart, so it may hold a little more.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= MAX_BATCH_ENTRIES || self.rows.len() >= MAX_BATCH_ENTRIES || self.bytes >= MAX_BATCH_BYTES
    }

    /// Adds an execution that is not in the store yet. Its entries follow with [`add`](Self::add).
    pub(crate) fn start(&mut self, new: NewExecution) {
        self.starts.insert(new.execution_id, new);
    }

    /// Adds what one command wrote. `hot` is the execution after it.
    pub(crate) fn add(&mut self, hot: &mut Hot, recorded: &[Recorded]) {
        let (Some(first), Some(last)) = (recorded.first(), recorded.last()) else { return };
        let id = hot.execution.id;
        hot.batch = self.number;
        for entry in recorded {
            let encoded = codec::encode(hot.shard, id, entry);
            hot.execution.bytes += encoded.payload.len() as u64;
            self.bytes += encoded.payload.len();
            self.entries.push(encoded);
        }
        for entry in fork::own(recorded) {
            self.add_writes(hot, entry);
        }
        self.rows.extend(super::approvals::rows(hot, fork::own(recorded)));
        let columns = views::columns(&hot.execution);
        if let Some(start) = self.starts.get_mut(&id) {
            (start.last_seq, start.columns) = (last.seq, columns);
        } else if let Some(fold) = self.folds.get_mut(&id) {
            (fold.last_seq, fold.columns) = (last.seq, columns);
        } else {
            let project_id = hot.execution.spec.project_id;
            let fold = Fold { project_id, execution_id: id, prev_seq: first.seq - 1, last_seq: last.seq, columns };
            self.folds.insert(id, fold);
        }
    }

    /// Adds the fires that what one command wrote is.
    pub(crate) fn add_fires(&mut self, fires: Vec<NewFire>) {
        for fire in fires {
            self.bytes += fire.context.len();
            self.rows.push(Side::Fire(fire));
        }
    }

    fn add_writes(&mut self, hot: &Hot, recorded: &Recorded) {
        let Entry::ToolSucceeded { writes, .. } = &recorded.entry else { return };
        for write in writes {
            let row = StateRow {
                project_id: hot.execution.spec.project_id,
                agent_id: hot.execution.spec.agent_id,
                key: write.key.clone(),
                value: write.value.as_ref().map(ToString::to_string),
                execution_id: hot.execution.id,
                at: recorded.at,
            };
            // of several writes of one key in a batch the last one stands
            self.writes.retain(|known| {
                (known.project_id, known.agent_id, &known.key) != (row.project_id, row.agent_id, &row.key)
            });
            self.writes.push(row);
        }
    }

    /// Closes the batch.
    pub(crate) fn close(self, token: LaneToken, at: Timestamp) -> InFlight {
        let batch = Batch {
            token,
            at,
            starts: self.starts.into_values().collect(),
            folds: self.folds.into_values().collect(),
            entries: self.entries,
            writes: self.writes,
            rows: self.rows,
        };
        InFlight { number: self.number, batch: Arc::new(batch), gated: self.gated, failures: 0 }
    }
}

/// The batch that is being committed.
pub(crate) struct InFlight {
    pub(crate) number: u64,
    pub(crate) batch: Arc<Batch>,
    pub(crate) gated: Vec<Gated>,
    /// Failed tries of this commit.
    pub(crate) failures: u32,
}
