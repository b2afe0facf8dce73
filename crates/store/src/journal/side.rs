//! Rows beside the journal that commit with it, fenced as it is: messages between executions, approvals.
//!
//! Each kind is one statement for both databases, its parameters numbered in order of appearance. They are rare; a batch
//! with none costs nothing.

use moltforge_types::{ApprovalId, ExecutionId, MessageId, ProjectId, Timestamp};

use super::approval_rows;
use super::batch::no_nul;
use crate::approvals::{ApprovalChange, ApprovalRow};
use crate::error::Error;
use crate::fires::NewFire;
use crate::sql::{Db, Sql, Value};

/// What an execution tells another one, or a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The recipient's shard: its owner delivers.
    pub shard: u16,
    /// Unique, ordered by time.
    pub message_id: MessageId,
    /// The project of both.
    pub project_id: ProjectId,
    /// An execution's or a trigger's id.
    pub recipient: String,
    /// What it is.
    pub kind: String,
    /// What it says, JSON.
    pub body: String,
    /// When it was sent.
    pub created_at: Timestamp,
}

/// One row beside the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// Sends a message. A second one with its id changes nothing.
    Message(Message),
    /// An event that a trigger waits for: a fire, written once.
    Fire(NewFire),
    /// A message was taken: what it says is in the journal, or is void.
    MessageTaken {
        /// The shard that it was sent to.
        shard: u16,
        /// Which.
        message_id: MessageId,
    },
    /// A call waits for a person. A second one with its id changes nothing.
    Approval(Box<ApprovalRow>),
    /// What became of an approval.
    ApprovalMoved {
        /// Its project.
        project_id: ProjectId,
        /// Which.
        approval_id: ApprovalId,
        /// Its execution.
        execution_id: ExecutionId,
        /// What is new.
        change: Box<ApprovalChange>,
    },
    /// The consequence of a decided approval has begun, if the step had one.
    ApprovalCarriedOut {
        /// Its project.
        project_id: ProjectId,
        /// Its execution.
        execution_id: ExecutionId,
        /// The step.
        step: u32,
        /// When.
        at: Timestamp,
    },
}

impl Side {
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Message(message) => {
                no_nul(&message.recipient)?;
                no_nul(&message.kind)?;
                no_nul(&message.body)
            }
            Self::Fire(fire) => {
                no_nul(&fire.fire_key)?;
                no_nul(&fire.context)
            }
            Self::Approval(row) => approval_rows::check(row),
            Self::ApprovalMoved { change, .. } => approval_rows::check_change(change),
            Self::MessageTaken { .. } | Self::ApprovalCarriedOut { .. } => Ok(()),
        }
    }

    /// The statement, and its parameters in order.
    pub(super) fn statement(&self) -> (&'static str, Vec<Value>) {
        match self {
            Self::Message(message) => (
                "INSERT INTO message(shard, message_id, project_id, recipient, kind, body, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (shard, message_id) DO NOTHING",
                vec![
                    integer(message.shard),
                    text(message.message_id),
                    text(message.project_id),
                    text(&message.recipient),
                    text(&message.kind),
                    text(&message.body),
                    integer(message.created_at.as_micros()),
                ],
            ),
            Self::Fire(fire) => (
                crate::fires::INSERT,
                vec![
                    text(fire.project_id),
                    text(fire.trigger_id),
                    text(&fire.fire_key),
                    integer(fire.shard),
                    integer(fire.planned_at.as_micros()),
                    integer(fire.chain_depth),
                    text(&fire.context),
                    integer(fire.created_at.as_micros()),
                ],
            ),
            Self::MessageTaken { shard, message_id } => {
                ("DELETE FROM message WHERE shard = $1 AND message_id = $2", vec![integer(*shard), text(message_id)])
            }
            Self::Approval(row) => approval_rows::put(row),
            Self::ApprovalMoved { project_id, approval_id, execution_id, change } => {
                approval_rows::change(*project_id, *approval_id, *execution_id, change)
            }
            Self::ApprovalCarriedOut { project_id, execution_id, step, at } => {
                approval_rows::carried_out(*project_id, *execution_id, *step, *at)
            }
        }
    }
}

fn integer(number: impl Into<i64>) -> Value {
    Value::Integer(Some(number.into()))
}

fn text(text: impl std::fmt::Display) -> Value {
    Value::Text(Some(format!("{text}")))
}

/// Each database reads a list of numbers from JSON in its own way.
const MESSAGES: Sql = Sql::pair(
    "SELECT shard, message_id, project_id, recipient, kind, body, created_at FROM message \
     WHERE shard IN (SELECT value FROM json_each($1)) AND message_id > $2 ORDER BY message_id LIMIT $3",
    "SELECT shard, message_id, project_id, recipient, kind, body, created_at FROM message \
     WHERE shard = ANY (ARRAY(SELECT value::int8 FROM jsonb_array_elements_text($1::jsonb))) AND message_id > $2 \
     ORDER BY message_id LIMIT $3",
);

pub(super) async fn messages(
    db: &Db,
    shards: &[u16],
    after: Option<MessageId>,
    limit: u32,
) -> Result<Vec<Message>, Error> {
    db.query(MESSAGES)
        .bind(serde_json::Value::from(shards.to_vec()).to_string())
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(limit)
        .all(|row| {
            Ok(Message {
                shard: row.get("shard")?,
                message_id: row.get("message_id")?,
                project_id: row.get("project_id")?,
                recipient: row.get("recipient")?,
                kind: row.get("kind")?,
                body: row.get("body")?,
                created_at: row.get("created_at")?,
            })
        })
        .await
}
