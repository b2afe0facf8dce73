//! Executions that want attention without being asked: after a start of the node, and when their time comes.

use moltforge_store::LiveExecution;
use moltforge_types::execution::State;

use super::Owner;
use crate::engine::Command;
use crate::shard::message::Event;
use crate::shard::timers::{HORIZON, REFILL};

/// Rows read at a time.
const PAGE: u32 = 1_000;

impl Owner {
    /// Looks for everything that an owner before left behind. Suspended executions without a near wake-up stay rows.
    pub(super) fn recover(&self) {
        let (shared, events, shards) = (self.shared.clone(), self.events_in.clone(), self.shards.clone());
        tokio::spawn(async move {
            for shard in shards {
                let mut after = None;
                loop {
                    match shared.journal.reads().runnable(shard, after, PAGE).await {
                        Ok(rows) => {
                            let last = rows.len() < PAGE as usize;
                            after = rows.last().map(|row| row.execution_id);
                            if !rows.is_empty() && events.send(Event::Due { rows, recovery: true }).is_err() {
                                return;
                            }
                            if last {
                                break;
                            }
                        }
                        Err(error) => {
                            // nothing may be left behind: the same page again
                            tracing::warn!(%error, "cannot look for executions to recover, trying again");
                            tokio::time::sleep(super::MAX_SLEEP).await;
                        }
                    }
                }
            }
        });
        self.look_ahead();
    }

    /// Wakes what is due, and looks ahead from time to time.
    pub(super) fn wake_due(&mut self) {
        if self.draining.is_some() {
            return;
        }
        let now = self.shared.ambient.now();
        while !self.forming.is_full()
            && let Some((project_id, id)) = self.timers.take_due(now)
        {
            self.apply_or_load(project_id, id, Command::Wake, None);
        }
        if self.refill_at <= now {
            self.refill_at = now.plus(REFILL);
            self.look_ahead();
        }
    }

    fn look_ahead(&self) {
        let (shared, events, shards) = (self.shared.clone(), self.events_in.clone(), self.shards.clone());
        let until = shared.ambient.now().plus(HORIZON);
        tokio::spawn(async move {
            let event = match shared.journal.reads().due(&shards, until, PAGE).await {
                Ok(rows) => Event::Due { rows, recovery: false },
                Err(error) => {
                    tracing::warn!(%error, "cannot look for due executions, trying again");
                    Event::DueFailed
                }
            };
            // an owner that has ended needs no answer
            let _ = events.send(event);
        });
    }

    pub(super) fn due_rows(&mut self, rows: Vec<LiveExecution>, recovery: bool) {
        let now = self.shared.ambient.now();
        if !recovery && rows.len() == PAGE as usize {
            // more than a page is due soon: look again when the last of these has come
            let next = rows.last().and_then(|row| row.columns.wake_at).unwrap_or(now);
            self.refill_at = next.max(now.plus(super::MAX_SLEEP));
        }
        for row in rows {
            // what is in memory knows better than its row
            if self.hot.contains_key(&row.execution_id) {
                continue;
            }
            let (project_id, id) = (row.project_id, row.execution_id);
            match row.columns.state {
                State::Scheduled if recovery && self.slots_taken() >= self.shared.config.max_running => {
                    self.ready.push_back((project_id, id));
                }
                State::Scheduled | State::Running if recovery => {
                    self.apply_or_load(project_id, id, Command::Claim { recovered: true }, None);
                }
                _ => match row.columns.wake_at {
                    Some(at) if at <= now => self.apply_or_load(project_id, id, Command::Wake, None),
                    at => self.timers.set(project_id, id, at, now),
                },
            }
        }
    }
}
