//! Messages between executions: sent with the sender's commit, taken with the receiver's, found again when lost.

use std::time::Duration;

use moltforge_store::{Message as Row, Side};
use moltforge_types::{ExecutionId, MessageId, ProjectId, Timestamp};

use super::Owner;
use crate::engine::{Message, Sent};
use crate::mutation::{Mutation, mutated};
use crate::shard::message::{Asker, Event};

/// How often the rows are asked for messages whose poke was lost.
pub(super) const SWEEP: Duration = Duration::from_secs(1);
/// Rows read at a time.
const PAGE: u32 = 500;
/// How long a message waits for a receiver that does not exist yet: a child's start is given up before.
const UNDELIVERABLE: Duration = Duration::from_mins(2);

impl Owner {
    /// Stages messages with the sender's entries; they are handed on after the commit.
    pub(super) fn send_messages(&mut self, project_id: ProjectId, messages: Vec<Sent>) -> Vec<Row> {
        let now = self.shared.ambient.now();
        let mut rows = Vec::with_capacity(messages.len());
        for Sent { to, shard, message } in messages {
            let Ok(body) = serde_json::to_string(&message) else { continue };
            let row = Row {
                shard,
                message_id: self.shared.ambient.id(),
                project_id,
                recipient: to.to_string(),
                kind: message.kind().to_owned(),
                body,
                created_at: now,
            };
            self.forming.rows.push(Side::Message(row.clone()));
            rows.push(row);
        }
        rows
    }

    /// A message came in: from an owner of this node, or from the rows.
    pub(super) fn deliver(&mut self, row: &Row) {
        if self.draining.is_some() || !self.delivering.insert(row.message_id) {
            return;
        }
        let asker = Asker::Message { shard: row.shard, message_id: row.message_id, sent_at: row.created_at };
        let receiver: Result<ExecutionId, _> = row.recipient.parse();
        if let (Ok(id), Ok(message)) = (receiver, serde_json::from_str::<Message>(&row.body)) {
            self.apply_or_load(row.project_id, id, message.command(), asker);
        } else {
            tracing::error!(message_id = %row.message_id, kind = row.kind, "a message cannot be read");
            self.forming.rows.push(Side::MessageTaken { shard: row.shard, message_id: row.message_id });
        }
    }

    /// What a message says is in the journal's next batch, or void.
    pub(super) fn taken(&mut self, shard: u16, message_id: MessageId) {
        self.forming.rows.push(Side::MessageTaken { shard, message_id });
    }

    /// Messages that were taken durably are gone from the rows: they cannot come again.
    pub(super) fn forget_taken(&mut self, rows: &[Side]) {
        for row in rows {
            if let Side::MessageTaken { message_id, .. } = row {
                self.delivering.remove(message_id);
            }
        }
    }

    /// Its receiver does not exist: perhaps not yet.
    pub(super) fn undeliverable(&mut self, shard: u16, id: MessageId, sent_at: Timestamp) {
        if self.shared.ambient.now().since(sent_at) > UNDELIVERABLE {
            self.taken(shard, id);
        } else {
            self.delivering.remove(&id);
        }
    }

    /// Looks for messages that nobody delivered: a page after the one before, so that those that cannot be taken yet do
    /// not hide those behind them.
    pub(super) fn sweep_messages(&mut self) {
        let now = self.shared.ambient.now();
        if self.draining.is_some() || self.sweeping || self.sweep_at > now || mutated(Mutation::NoSweep) {
            return;
        }
        self.sweeping = true;
        self.sweep_at = now.plus(SWEEP);
        let (shared, events, shards) = (self.shared.clone(), self.events_in.clone(), self.shards.clone());
        let after = self.swept_to;
        tokio::spawn(async move {
            let (rows, to) = match shared.journal.reads().messages(&shards, after, PAGE).await {
                // behind the last page is the first one
                Ok(rows) if rows.len() < PAGE as usize => (rows, None),
                Ok(rows) => {
                    let last = rows.last().map(|row| row.message_id);
                    (rows, last)
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot look for messages, trying again");
                    (Vec::new(), after)
                }
            };
            // an owner that has ended needs none
            let _ = events.send(Event::Swept { rows, to });
        });
    }

    pub(super) fn swept(&mut self, rows: Vec<Row>, to: Option<MessageId>) {
        self.sweeping = false;
        self.swept_to = to;
        let mut rows = rows.into_iter();
        while !self.forming.is_full()
            && let Some(row) = rows.next()
        {
            self.deliver(&row);
        }
        let rest: Vec<Row> = rows.collect();
        if !rest.is_empty() {
            // a full batch takes nothing more
            self.sweeping = true;
            let _ = self.events_in.send(Event::Swept { rows: rest, to });
        }
    }
}
