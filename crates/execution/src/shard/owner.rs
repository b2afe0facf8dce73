//! The owner of a lane's shards: one loop that applies commands, commits batches, and lets out what they gate.

#[cfg(test)]
mod audit;
mod commit;
mod due;
mod keys;
mod messages;
mod release;
mod requests;
mod slots;
mod snapshots;

use std::collections::{BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use moltforge_store::{CommitError, LaneToken, Side};
use moltforge_types::execution::State;
use moltforge_types::{ExecutionId, MessageId, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::requests::Deferred;
use super::Map;
use super::authority::Authority;
use super::batch::{Forming, InFlight};
use super::health::{Health, HealthSender};
use super::hot::Hot;
use super::inbox::Letter;
use super::message::{Asker, Event, Waiting};
use super::router::Router;
use super::shared::Shared;
use super::timers::{REFILL, Timers};
use crate::engine::{self, Action, Command, GUEST_STEP, Outcome, Refusal};
use crate::fairness::Permit;

/// Requests taken in before a waiting batch is committed: enough to fill a batch, few enough to stay prompt.
const DRAIN: usize = 512;
/// The longest sleep: a guarantee against a clock that jumps and a hint that is lost.
const MAX_SLEEP: Duration = Duration::from_secs(1);

type Commit = Pin<Box<dyn Future<Output = Result<(), CommitError>> + Send>>;

/// Why the loop ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Asked to, everything committed.
    Drained,
    /// Somebody else owns the shards now: nothing of the last batch was written.
    Fenced,
    /// Its time was over before something could leave: it begins nothing any more.
    Expired,
    /// A commit did not fit the store. A bug; the state is read anew.
    Mismatch,
}

pub(crate) struct Owner {
    shared: Arc<Shared>,
    router: Router,
    authority: Arc<Authority>,
    token: LaneToken,
    shards: Vec<u16>,
    health: HealthSender,
    requests: mpsc::Receiver<Letter>,
    events: mpsc::UnboundedReceiver<Event>,
    events_in: mpsc::UnboundedSender<Event>,

    hot: Map<ExecutionId, Hot>,
    /// Slots of executions that are about to begin: they are being read, or the command that begins them comes next.
    admitted: Map<ExecutionId, Permit>,
    watch_at: Timestamp,
    waiting: Waiting,
    /// Commands that came when the batch was full, in order.
    deferred: VecDeque<Deferred>,
    timers: Timers,
    /// Those whose time has come and that are being read.
    waking: BTreeSet<ExecutionId>,
    refill_at: Timestamp,
    /// Messages that were handed to an execution and are not taken yet.
    delivering: BTreeSet<MessageId>,
    sweep_at: Timestamp,
    sweeping: bool,
    /// Messages up to here were looked at.
    swept_to: Option<MessageId>,
    recent_keys: keys::RecentKeys,

    forming: Forming,
    in_flight: Option<InFlight>,
    commit: Option<Commit>,
    retry_at: Option<Instant>,
    /// Calls of models, tools and children so far.
    calls_made: u64,
    /// The number of the latest batch that is durable.
    committed: u64,
    /// Who waits for a batch to be durable.
    barriers: Vec<(u64, oneshot::Sender<()>)>,
    draining: Option<Drain>,
}

struct Drain {
    done: oneshot::Sender<()>,
    deadline: Instant,
}

impl Owner {
    pub(crate) fn new(
        shared: Arc<Shared>,
        router: Router,
        authority: Arc<Authority>,
        token: LaneToken,
        shards: Vec<u16>,
        health: HealthSender,
        requests: mpsc::Receiver<Letter>,
    ) -> Self {
        let (events_in, events) = mpsc::unbounded_channel();
        let refill_at = shared.ambient.now().plus(REFILL);
        let watch_at = shared.ambient.now().plus(slots::WATCH);
        Self {
            shared,
            router,
            authority,
            token,
            shards,
            health,
            requests,
            events,
            events_in,
            hot: Map::default(),
            admitted: Map::default(),
            watch_at,
            waiting: Map::default(),
            deferred: VecDeque::new(),
            timers: Timers::default(),
            waking: BTreeSet::new(),
            refill_at,
            delivering: BTreeSet::new(),
            sweep_at: Timestamp::default(),
            sweeping: false,
            swept_to: None,
            recent_keys: keys::RecentKeys::default(),
            forming: Forming::new(1),
            in_flight: None,
            commit: None,
            retry_at: None,
            calls_made: 0,
            committed: 0,
            barriers: Vec::new(),
            draining: None,
        }
    }

    /// Runs until it is drained or has lost its shards.
    pub(crate) async fn run(mut self) -> Ended {
        self.recover();
        self.health.send_replace(Health::Ready);
        let ended = loop {
            match self.turn().await {
                Ok(()) => {}
                Err(ended) => break ended,
            }
            if self.is_drained() {
                break Ended::Drained;
            }
        };
        self.health.send_replace(Health::Ended);
        if let Some(drain) = self.draining.take() {
            // the asker may have given up waiting
            let _ = drain.done.send(());
        }
        ended
    }

    /// One round: wait for something, take what else is there, commit what was written.
    async fn turn(&mut self) -> Result<(), Ended> {
        self.take_deferred();
        let open = !self.forming.is_full();
        let wake = self.next_wake();
        tokio::select! {
            biased;
            result = poll_commit(&mut self.commit), if self.commit.is_some() => self.committed(result)?,
            // a full batch takes nothing more: what is on its way waits in its channel
            Some(event) = self.events.recv(), if open => self.event(event),
            Some(letter) = self.requests.recv(), if open => self.request(letter.request),
            // a real wait: the guarantee against a lost hint
            () = tokio::time::sleep(wake) => {}
        }
        for _ in 0..DRAIN {
            if self.forming.is_full() {
                break;
            }
            if let Ok(event) = self.events.try_recv() {
                self.event(event);
            } else if let Ok(letter) = self.requests.try_recv() {
                self.request(letter.request);
            } else {
                break;
            }
        }
        self.wake_due();
        self.sweep_messages();
        self.pump();
        self.watch();
        self.abort_when_draining();
        self.begin_commit();
        #[cfg(test)]
        self.audit();
        if self.authority.holds() { Ok(()) } else { Err(Ended::Expired) }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::ModelAnswered { execution_id, step, started_at, result } => {
                self.forget_call(execution_id, step);
                self.apply(execution_id, Command::ModelAnswered { step, started_at, result }, Asker::Nobody);
                self.ended(execution_id, step);
            }
            Event::ToolAnswered { execution_id, step, started_at, result } => {
                self.forget_call(execution_id, step);
                self.apply(execution_id, Command::ToolAnswered { step, started_at, result }, Asker::Nobody);
                self.ended(execution_id, step);
            }
            Event::Guest { execution_id, call, event } => self.guest_did(execution_id, call, event),
            Event::SlotTaken { execution_id, step, call, slot } => self.slot_taken(execution_id, step, call, slot),
            Event::ProbeAnswered { execution_id, step, report, by } => {
                self.forget_call(execution_id, step);
                self.apply(execution_id, Command::ProbeAnswered { step, report, by }, Asker::Nobody);
                self.ended(execution_id, step);
            }
            Event::CallGone { execution_id, step, call } => {
                // what has taken its place is on its way, and can still be aborted
                let place = self.hot.get(&execution_id).and_then(|hot| hot.calls.get(&step));
                if place.is_none_or(|current| Some(current.number) == call) {
                    self.forget_call(execution_id, step);
                    self.apply(execution_id, Command::CallGone { step }, Asker::Nobody);
                }
            }
            Event::ChildStarted { execution_id, step, result } => {
                self.forget_call(execution_id, step);
                self.apply(execution_id, Command::ChildStarted { step, result }, Asker::Nobody);
                self.ended(execution_id, step);
            }
            Event::Message(row) => self.deliver(&row),
            Event::Swept { rows, to } => self.swept(rows, to),
            Event::Loaded { project_id, execution_id, result } => self.loaded(project_id, execution_id, result),
            // the next owner finds it among the rows
            Event::Again { .. } if self.draining.is_some() => {}
            // somebody else had it read in the meantime
            Event::Again { execution_id, command, .. }
                if requests::is_lost(&command) && self.hot.contains_key(&execution_id) => {}
            Event::Again { project_id, execution_id, command } => {
                if self.waiting.len() < self.shared.config.max_running {
                    self.apply_or_load(project_id, execution_id, command, Asker::Nobody);
                } else {
                    self.again(project_id, execution_id, command);
                }
            }
            Event::Lost { rows } => self.lost_rows(rows),
            Event::AllKnown => self.shared.fairness.recovered(),
            Event::Ready { rows } => self.ready_rows(rows),
            Event::Admitted { entry, permit } => self.admitted(&entry, permit),
            Event::Due { rows, more } => self.due_rows(&rows, more),
            Event::DueFailed => self.refill_at = self.shared.ambient.now().plus(MAX_SLEEP),
        }
    }

    /// A call that ended while its abort was on the way is gone all the same.
    fn ended(&mut self, id: ExecutionId, step: u32) {
        if self.hot.get(&id).is_some_and(|hot| hot.execution.is_aborting(step)) {
            self.apply(id, Command::CallGone { step }, Asker::Nobody);
        }
    }

    /// A call has answered. The answer may be that of one that was aborted a moment ago: then it stands for the one that
    /// took its place, which nobody needs any more.
    fn forget_call(&mut self, id: ExecutionId, step: u32) {
        if let Some(call) = self.hot.get_mut(&id).and_then(|hot| hot.calls.remove(&step)) {
            call.abort();
        }
    }

    /// Applies a command to a hot execution and stages what it did. Without a hot execution there is nothing to do: the
    /// command was an answer to a call that nobody waits for.
    fn apply(&mut self, id: ExecutionId, command: Command, asker: Asker) {
        let slot = self.take_slot(id, &command);
        let Some(hot) = self.hot.get_mut(&id) else { return };
        let context = self.shared.context(slot, &hot.execution.spec);
        let was = hot.execution.state;
        let may_stop = matches!(command, Command::Stop { .. } | Command::Hold);
        match engine::apply(&mut hot.execution, command, context) {
            // a stop is answered when everything is gone, but for calls that it lets end
            Ok(outcome)
                if may_stop
                    && hot.execution.stopping.is_some()
                    && !hot.execution.state.is_terminal()
                    && !hot.execution.has_calls_in_flight() =>
            {
                let asker = match asker {
                    Asker::Api(reply) => {
                        hot.watchers.push(reply);
                        Asker::Nobody
                    }
                    other => other,
                };
                self.stage(id, was, outcome, asker);
            }
            Ok(outcome) => self.stage(id, was, outcome, asker),
            Err(refusal) => {
                self.settle_slot(id, was);
                self.refuse(id, refusal, asker);
            }
        }
    }

    fn refuse(&mut self, id: ExecutionId, refusal: Refusal, asker: Asker) {
        match asker {
            Asker::Nobody => {}
            Asker::Api(reply) => {
                // what the refusal is based on may still be on its way to the disk: the answer follows it
                let error = crate::error::Error::refused(id, refusal);
                self.gate(id, Outcome::default(), vec![(reply, Err(error))]);
            }
            // what a message asks of an execution that has ended is void
            Asker::Message { shard, message_id, .. } => self.taken(shard, message_id),
        }
        self.evict(id);
    }

    /// Takes what a command wrote into the forming batch and lets its consequences wait for the commit.
    fn stage(&mut self, id: ExecutionId, was: State, mut outcome: Outcome, asker: Asker) {
        let now = self.shared.ambient.now();
        let Some(hot) = self.hot.get_mut(&id) else { return };
        if outcome.actions.iter().any(|action| matches!(action, Action::Abort { steps } if steps.contains(&GUEST_STEP)))
        {
            hot.leave_guest();
        }
        hot.feed();
        self.forming.add(hot, &outcome.entries);
        // who waits for these events hears them with this commit, or not at all
        self.forming.add_fires(self.shared.listeners.heard(&hot.execution, engine::fork::own(&outcome.entries)));
        // a wake-up that changed nothing is not asked for in a hot loop
        let again = outcome.entries.is_empty().then(|| now.plus(MAX_SLEEP));
        let wake_at = hot.execution.wake_at().map(|at| if at > now { at } else { again.unwrap_or(at) });
        self.timers.set(hot.execution.spec.project_id, id, wake_at, now);
        self.settle_slot(id, was);
        let Some(hot) = self.hot.get_mut(&id) else { return };
        let mut waiters: Vec<super::message::Reply> = Vec::new();
        match asker {
            Asker::Nobody => {}
            Asker::Api(reply) => waiters.push(reply),
            Asker::Message { shard, message_id, .. } => {
                self.forming.rows.push(Side::MessageTaken { shard, message_id });
            }
        }
        if hot.rests() {
            waiters.append(&mut hot.watchers);
        }
        let replies = if waiters.is_empty() {
            Vec::new()
        } else {
            let view = crate::views::of_hot(&hot.execution, hot.environment.as_deref());
            waiters.into_iter().map(|reply| (reply, Ok(view.clone()))).collect()
        };
        let project_id = hot.execution.spec.project_id;
        let messages = std::mem::take(&mut outcome.messages);
        let messages = self.send_messages(project_id, messages);
        self.gate_with(id, outcome, replies, messages);
    }

    /// What tells this lane that something happened.
    pub(crate) fn events_in(&self) -> mpsc::UnboundedSender<Event> {
        self.events_in.clone()
    }

    fn is_drained(&self) -> bool {
        self.draining.is_some()
            && self.forming.is_empty()
            && self.deferred.is_empty()
            && self.in_flight.is_none()
            && self.hot.values().all(|hot| hot.calls.is_empty())
    }

    /// Calls that did not end in the time that a stop allows are given up; their executions go on after the restart.
    fn abort_when_draining(&mut self) {
        let Some(drain) = &self.draining else { return };
        if drain.deadline > Instant::now() {
            return;
        }
        for hot in self.hot.values_mut() {
            for call in std::mem::take(&mut hot.calls).into_values() {
                call.abort();
            }
        }
    }

    fn next_wake(&self) -> Duration {
        let now = self.shared.ambient.now();
        let due = match &self.draining {
            // nothing wakes any more; once the time is over only a commit is waited for
            Some(drain) if drain.deadline > Instant::now() => drain.deadline - Instant::now(),
            Some(_) => MAX_SLEEP,
            // nothing can be taken in: what is due waits for a commit or a read, and must not be asked for in a hot loop
            None if !self.may_wake() => MAX_SLEEP,
            None => self.timers.next().map_or(MAX_SLEEP, |at| at.since(now)),
        };
        let retry = self.retry_at.map_or(MAX_SLEEP, |at| at.saturating_duration_since(Instant::now()));
        due.min(retry).min(MAX_SLEEP)
    }
}

async fn poll_commit(commit: &mut Option<Commit>) -> Result<(), CommitError> {
    match commit {
        Some(commit) => commit.await,
        None => std::future::pending().await,
    }
}
