//! Whose fires are dispatched when: projects take turns, so that a flood in one does not delay the others.
//!
//! A round is about the fires that were there when it began. In each cycle every project has one turn, of a few fires,
//! its oldest first. As many fires of a project wait as may: then published events and webhooks are refused, and what
//! its executions do fires nothing, which its triggers count.

use std::collections::HashSet;

use futures::StreamExt as _;
use moltforge_store::{PendingFire, Trigger};
use moltforge_types::{Fault as _, ProjectId, TriggerId};

use super::{MAX_PENDING, MAX_WAITING, Triggers, dispatch};
use crate::error::Error;

/// Fires of a turn.
const TURN: u32 = 100;
/// Projects whose turn it is at a time, and triggers of each that are worked on at a time.
const PROJECTS: usize = 8;
const TRIGGERS: usize = 8;

/// A project in a round.
struct Line {
    /// The fire that came last before the round began: later ones are for the next round.
    until: PendingFire,
    /// Those up to here have been looked at.
    after: Option<PendingFire>,
    /// A trigger whose fires have to wait is not looked at again in this round: order holds.
    waiting: HashSet<TriggerId>,
}

impl Triggers {
    /// Starts what may be started, of what is there now.
    pub(super) async fn dispatch(&self, shards: &[u16]) -> Result<(), Error> {
        let latest = self.inner.store.live_fires().latest().await?;
        let projects: HashSet<ProjectId> = latest.iter().map(|fire| fire.project_id).collect();
        self.inner.executions.listeners().only_full_of(&projects);
        let line = |until| Line { until, after: None, waiting: HashSet::new() };
        let mut lines: Vec<Line> = latest.into_iter().map(line).collect();
        loop {
            self.note_left_out().await?;
            if lines.is_empty() {
                return Ok(());
            }
            let turns = lines.drain(..).map(|line| self.turn(shards, line)).collect::<Vec<_>>();
            let mut turns = futures::stream::iter(turns).buffered(PROJECTS);
            let mut next = Vec::new();
            while let Some(line) = turns.next().await {
                next.extend(line?);
            }
            drop(turns);
            lines = next;
        }
    }

    /// A project's turn. The line, when it has another one in this round.
    async fn turn(&self, shards: &[u16], mut line: Line) -> Result<Option<Line>, Error> {
        let full = self.is_full(line.until.project_id).await?;
        self.inner.executions.listeners().set_full(line.until.project_id, full);
        let page = self.inner.store.live_fires().pending(shards, line.after.as_ref(), &line.until, TURN).await?;
        let last = page.len() < TURN as usize;
        line.after = page.last().cloned();
        let mut groups: Vec<Vec<PendingFire>> = Vec::new();
        for fire in page.into_iter().filter(|fire| !line.waiting.contains(&fire.trigger_id)) {
            match groups.iter_mut().find(|group| group.first().is_some_and(|f| f.trigger_id == fire.trigger_id)) {
                Some(group) => group.push(fire),
                None => groups.push(vec![fire]),
            }
        }
        let groups = groups.into_iter().map(|group| self.group(group)).collect::<Vec<_>>();
        let mut worked = futures::stream::iter(groups).buffer_unordered(TRIGGERS);
        while let Some(result) = worked.next().await {
            line.waiting.extend(result?);
        }
        drop(worked);
        Ok((!last).then_some(line))
    }

    /// Refuses what would wait when too many fires of the trigger do, or of its project.
    pub(super) async fn room_of(&self, trigger: &Trigger) -> Result<(), Error> {
        let mut fires = self.inner.store.fires(trigger.project_id);
        if fires.count_pending(trigger.trigger_id, MAX_PENDING).await? >= u64::from(MAX_PENDING) {
            return Err(Error::TriggerQueueFull);
        }
        self.room(trigger.project_id).await
    }

    /// Refuses what would wait when too many fires of the project do.
    pub(super) async fn room(&self, project_id: ProjectId) -> Result<(), Error> {
        if self.is_full(project_id).await? { Err(Error::TriggerQueueFull) } else { Ok(()) }
    }

    async fn is_full(&self, project_id: ProjectId) -> Result<bool, Error> {
        let waiting = self.inner.store.fires(project_id).count_waiting(MAX_WAITING).await?;
        Ok(waiting >= u64::from(MAX_WAITING))
    }

    /// Triggers say how often they did not fire because too many fires waited.
    async fn note_left_out(&self) -> Result<(), Error> {
        for (project_id, trigger_id, times) in self.inner.executions.listeners().take_left_out() {
            let error = Error::TriggerQueueFull;
            tracing::warn!(%project_id, %trigger_id, times, code = error.code(), "events fired nothing");
            let text = dispatch::as_json(&error);
            let mut tx = self.inner.store.begin().await?;
            tx.triggers(project_id).refused(trigger_id, times, &text).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}
