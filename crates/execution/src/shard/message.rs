//! What an owner is told.

use std::sync::Arc;

use moltforge_api::executions::Execution as View;
use moltforge_store::{ExecutionRow, LiveExecution, Message};
use moltforge_types::journal::ErrorInfo;
use moltforge_types::{ExecutionId, MessageId, ProjectId, Timestamp};
use serde_json::Value;
use tokio::sync::oneshot;

use super::snapshot::Covered;
use crate::engine::{Command, Execution, GuestEvent, ModelAnswer, ModelFailure, ProbeReport, Start, ToolFailure};
use crate::error::Error;
use crate::fairness::calls::Slot;
use crate::fairness::{Claimant, Entry, Permit};

/// Where an answer goes. The answer is sent once what it says is durable.
pub(crate) type Reply = oneshot::Sender<Result<View, Error>>;

/// Who hears what became of a command.
pub(crate) enum Asker {
    /// Nobody: the owner asks itself.
    Nobody,
    /// A request of the API.
    Api(Reply),
    /// A message, which is taken in the commit of what it does.
    Message { shard: u16, message_id: MessageId, sent_at: Timestamp },
}

impl Asker {
    /// Answers a request of the API, if one asks.
    pub(crate) fn refuse(self, error: Error) {
        if let Self::Api(reply) = self {
            // whoever asked may have gone
            let _ = reply.send(Err(error));
        }
    }
}

/// From the API: bounded, so that a slow disk pushes back.
pub(crate) enum Request {
    /// Accept an execution.
    Start {
        start: Box<Start>,
        /// Scoped by project and principal already.
        idempotency_key: Option<String>,
        shard: u16,
        /// Answer only when it has ended or waits.
        wait: bool,
        reply: Reply,
    },
    /// Apply a command to an execution. `known` is its row as the asker read it: it saves reading it again.
    Apply {
        project_id: ProjectId,
        execution_id: ExecutionId,
        command: Command,
        known: Option<Box<ExecutionRow>>,
        reply: Reply,
    },
    /// A message from another owner of this node.
    Message(Message),
    /// Answered when all that is staged by now is durable.
    Barrier { done: oneshot::Sender<()> },
    /// Stop taking requests, end what can end, commit, and end the loop.
    Drain { done: oneshot::Sender<()> },
}

/// From the node itself: bounded by what is in flight.
pub(crate) enum Event {
    /// A model call ended.
    ModelAnswered {
        execution_id: ExecutionId,
        step: u32,
        started_at: Timestamp,
        result: Result<ModelAnswer, ModelFailure>,
    },
    /// A tool call ended.
    ToolAnswered { execution_id: ExecutionId, step: u32, started_at: Timestamp, result: Result<Value, ToolFailure> },
    /// A guest did something.
    Guest { execution_id: ExecutionId, call: u64, event: GuestEvent },
    /// A slot of its tool came for a call in line.
    SlotTaken { execution_id: ExecutionId, step: u32, call: u64, slot: Slot },
    /// A probe ended.
    ProbeAnswered { execution_id: ExecutionId, step: u32, report: ProbeReport, by: Option<String> },
    /// A call that was aborted is gone.
    /// `call` is its number, or nothing when it never was on its way.
    CallGone { execution_id: ExecutionId, step: u32, call: Option<u64> },
    /// A child was accepted, or cannot be started.
    ChildStarted { execution_id: ExecutionId, step: u32, result: Result<(), ErrorInfo> },
    /// A message from this owner to itself.
    Message(Message),
    /// A page of the messages that wait for their receivers. The next one begins behind `to`.
    Swept { rows: Vec<Message>, to: Option<MessageId> },
    /// An execution was read from the journal.
    Loaded { project_id: ProjectId, execution_id: ExecutionId, result: Result<Box<Loaded>, Error> },
    /// The time to read an execution again after its read failed.
    Again { project_id: ProjectId, execution_id: ExecutionId, command: Command },
    /// Rows that were running when the owner before was lost: they keep their slots.
    Lost { rows: Vec<(LiveExecution, Arc<Claimant>)> },
    /// Rows that are ready and wait for a slot, after a start.
    Ready { rows: Vec<(LiveExecution, Arc<Claimant>)> },
    /// All of those have come: executions may begin.
    AllKnown,
    /// Rows that want attention because their time comes. With `more` there are further ones.
    Due { rows: Vec<LiveExecution>, more: bool },
    /// One of this lane may begin: another lane found that it is its turn.
    Admitted { entry: Box<Entry>, permit: Permit },
    /// The read for `Due` failed; it is tried again.
    DueFailed,
}

/// An execution with what the engine does not keep.
pub(crate) struct Loaded {
    pub(crate) execution: Execution,
    pub(crate) shard: u16,
    pub(crate) environment: Option<String>,
    /// What its latest snapshot covers.
    pub(crate) snapshot: Covered,
}

/// Requests that wait for an execution to be loaded.
pub(crate) type Waiting = super::Map<(ProjectId, ExecutionId), Vec<(Command, Asker)>>;
