//! Whose fires are dispatched when: projects take turns, so that a flood in one does not delay the others.
//!
//! In a turn a few fires of a project are looked at, its oldest first; some projects have theirs at the same time, and the
//! others stand in line. A round lasts while there is a line: who comes meanwhile joins it. As many fires of a project
//! wait as may: then published events and webhooks are refused, and what its executions do fires nothing, which its
//! triggers count.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::Either;
use futures::stream::FuturesUnordered;
use moltforge_store::{PendingFire, Trigger};
use moltforge_types::{Fault as _, ProjectId, Timestamp, TriggerId};
use tokio::time::{Instant, MissedTickBehavior};

use super::{MAX_PENDING, MAX_WAITING, POLL, Triggers, dispatch};
use crate::error::Error;

/// Fires of a turn.
const TURN: u32 = 100;
/// Projects whose turn it is at a time, and triggers of each that are worked on at a time.
const PROJECTS: usize = 8;
const TRIGGERS: usize = 8;
/// Between two looks at who joins the line.
const LOOK: Duration = Duration::from_millis(200);

/// A project in a round.
struct Line {
    /// The fire that came last before its first turn: later ones are for a line of their own.
    until: PendingFire,
    /// Those up to here have been looked at.
    after: Option<PendingFire>,
    /// A trigger whose fires have to wait is not looked at again in this line: order holds.
    waiting: HashSet<TriggerId>,
}

impl Line {
    fn new(until: PendingFire) -> Self {
        Self { until, after: None, waiting: HashSet::new() }
    }

    fn is_before(&self, fire: &PendingFire) -> bool {
        place(&self.until) < place(fire)
    }
}

/// Where a fire is in the order of its project.
fn place(fire: &PendingFire) -> (Timestamp, &str, TriggerId) {
    (fire.created_at, &fire.fire_key, fire.trigger_id)
}

/// Who stands in line, who has a turn, and who is through.
#[derive(Default)]
struct Round {
    line: VecDeque<Line>,
    /// Those in line and those that have a turn.
    busy: HashSet<ProjectId>,
    through: HashMap<ProjectId, (Line, Instant)>,
}

impl Round {
    /// Takes in those who have something to look at: `latest` is the last fire of each project in which one waits.
    fn join(&mut self, latest: Vec<PendingFire>, now: Instant) {
        let there: HashSet<ProjectId> = latest.iter().map(|fire| fire.project_id).collect();
        self.through.retain(|project_id, _| there.contains(project_id));
        for fire in latest {
            let project_id = fire.project_id;
            if self.busy.contains(&project_id) {
                continue;
            }
            let line = match self.through.remove(&project_id) {
                None => Line::new(fire),
                // what waits may go on by now
                Some((_, since)) if now.duration_since(since) >= POLL => Line::new(fire),
                Some((line, _)) if line.is_before(&fire) => Line { until: fire, ..line },
                Some(through) => {
                    self.through.insert(project_id, through);
                    continue;
                }
            };
            self.busy.insert(project_id);
            self.line.push_back(line);
        }
    }

    /// After its turn a project stands in line again, or is through.
    fn had_turn(&mut self, line: Line, more: bool, now: Instant) {
        if more {
            self.line.push_back(line);
        } else {
            self.busy.remove(&line.until.project_id);
            self.through.insert(line.until.project_id, (line, now));
        }
    }
}

/// What happened in a round.
enum Step {
    Looked(Vec<PendingFire>),
    HadTurn { line: Line, more: bool },
}

impl Triggers {
    /// Starts what may be started, of what is there, and of what comes while that lasts.
    pub(super) async fn dispatch(&self) -> Result<(), Error> {
        let mut round = Round::default();
        // looks and turns side by side: neither a long turn nor many of them keep anybody from joining
        let mut steps = FuturesUnordered::new();
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut turns, mut looking) = (0, false);
        loop {
            tokio::select! {
                _ = looks.tick(), if !looking => {
                    steps.push(Either::Left(self.look()));
                    looking = true;
                }
                Some(step) = steps.next() => match step? {
                    Step::Looked(latest) => {
                        looking = false;
                        round.join(latest, Instant::now());
                    }
                    Step::HadTurn { line, more } => {
                        turns -= 1;
                        round.had_turn(line, more, Instant::now());
                    }
                }
            }
            // as of now: a round may outlast what this node owns
            let shards: Arc<[u16]> = self.inner.executions.owned_shards().into();
            while turns < PROJECTS
                && !shards.is_empty()
                && let Some(line) = round.line.pop_front()
            {
                steps.push(Either::Right(self.turn(shards.clone(), line)));
                turns += 1;
            }
            if steps.is_empty() {
                return Ok(());
            }
        }
    }

    /// The last fire of each project in which one waits.
    async fn look(&self) -> Result<Step, Error> {
        self.note_left_out().await?;
        let latest = self.inner.store.live_fires().latest().await?;
        let projects: HashSet<ProjectId> = latest.iter().map(|fire| fire.project_id).collect();
        self.inner.executions.listeners().only_full_of(&projects);
        Ok(Step::Looked(latest))
    }

    /// A project's turn.
    async fn turn(&self, shards: Arc<[u16]>, mut line: Line) -> Result<Step, Error> {
        match self.look_through(&shards, &mut line).await {
            Ok(more) => Ok(Step::HadTurn { line, more }),
            Err(error) if dispatch::is_passing(&error) => Err(error),
            // of this project alone
            Err(error) => {
                tracing::error!(project_id = %line.until.project_id, %error, "fires cannot be looked at");
                Ok(Step::HadTurn { line, more: false })
            }
        }
    }

    /// The next fires of a line. Whether there may be more.
    async fn look_through(&self, shards: &[u16], line: &mut Line) -> Result<bool, Error> {
        let full = self.is_full(line.until.project_id).await?;
        self.inner.executions.listeners().set_full(line.until.project_id, full);
        let page = self.inner.store.live_fires().pending(shards, line.after.as_ref(), &line.until, TURN).await?;
        let more = page.len() == TURN as usize;
        if let Some(last) = page.last() {
            line.after = Some(last.clone());
        }
        let mut groups: Vec<(TriggerId, Vec<PendingFire>)> = Vec::new();
        for fire in page.into_iter().filter(|fire| !line.waiting.contains(&fire.trigger_id)) {
            match groups.iter_mut().find(|(trigger_id, _)| *trigger_id == fire.trigger_id) {
                Some((_, group)) => group.push(fire),
                None => groups.push((fire.trigger_id, vec![fire])),
            }
        }
        let groups = groups.into_iter().map(|(trigger_id, group)| async move { (trigger_id, self.group(group).await) });
        let mut worked = futures::stream::iter(groups.collect::<Vec<_>>()).buffer_unordered(TRIGGERS);
        while let Some((trigger_id, result)) = worked.next().await {
            let waits = match result {
                Ok(waits) => waits,
                Err(error) if dispatch::is_passing(&error) => return Err(error),
                // of this trigger alone: another look will not help, and the others go on
                Err(error) => {
                    tracing::error!(%trigger_id, %error, "the fires of a trigger cannot be decided about");
                    true
                }
            };
            if waits {
                line.waiting.insert(trigger_id);
            }
        }
        Ok(more)
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
