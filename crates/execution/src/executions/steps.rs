//! The timeline, a page at a time: a page reads the entries of its own turns, however long the journal is.

use moltforge_api::executions::Step;
use moltforge_http::cursor::MAX_LIMIT;
use moltforge_store::ExecutionRow;
use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, ProjectId};
use serde::{Deserialize, Serialize};

use super::Executions;
use crate::error::Error;
use crate::shard::load;
use crate::shard::specs::VersionRef;
use crate::steps::Timeline;

/// Entries read at a time for each step of a page, about what a step has.
const ENTRIES_OF_A_STEP: u32 = 3;
/// The most entries read at a time, and the fewest.
const MOST: u32 = 1_000;
const FEWEST: u32 = 32;

/// The end of a page, and so the beginning of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepPlace {
    /// The last step that was given out.
    step: u32,
    /// The entry of its turn's model call.
    seq: u64,
}

/// Which page of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepPage {
    /// The oldest first, from this place on.
    After(Option<StepPlace>),
    /// The newest first, from this place on.
    Before(Option<StepPlace>),
}

impl StepPage {
    /// As a query says it: `asc` or `desc`.
    pub(crate) fn new(order: Option<&str>, place: Option<StepPlace>) -> Result<Self, Error> {
        match order {
            None | Some("asc") => Ok(Self::After(place)),
            Some("desc") => Ok(Self::Before(place)),
            Some(_) => Err(Error::FieldInvalid { field: "order", message: "expected asc or desc".to_owned() }),
        }
    }
}

/// What is known of the execution before its entries are read.
struct Of<'a> {
    id: ExecutionId,
    row: &'a ExecutionRow,
    model: &'a str,
    /// A program runs it, whose calls overlap: there are no turns to begin at.
    is_code: bool,
    page: u32,
}

impl Executions {
    /// The whole timeline, in order.
    pub async fn steps(&self, project_id: ProjectId, id: ExecutionId) -> Result<Vec<Step>, Error> {
        let (mut all, mut from) = (Vec::new(), None);
        loop {
            let (steps, next) = self.steps_page(project_id, id, StepPage::After(from), MAX_LIMIT).await?;
            all.extend(steps);
            match next {
                Some(place) => from = Some(place),
                None => return Ok(all),
            }
        }
    }

    /// A page of the timeline with at most `limit` steps, and where the next one begins.
    pub async fn steps_page(
        &self,
        project_id: ProjectId,
        id: ExecutionId,
        wanted: StepPage,
        limit: u32,
    ) -> Result<(Vec<Step>, Option<StepPlace>), Error> {
        let row = self.store.executions(project_id).find(id).await?;
        let row = row.ok_or_else(|| Error::ExecutionNotFound(id.to_string()))?;
        let (StepPage::After(place) | StepPage::Before(place)) = wanted;
        let of = VersionRef { project_id, agent_id: row.agent_id, version_id: row.version_id, version: row.version };
        let spec = self.shared.specs.get(&self.store, of).await?;
        let is_code = spec.as_ref().is_ok_and(|spec| spec.is_code());
        match place {
            Some(StepPlace { seq: 1, .. }) if is_code => {}
            Some(place) => self.check_place(&row, place).await?,
            None => {}
        }
        let model = spec.as_ref().map_or("model", |spec| spec.config.model.as_str());
        let page = limit.saturating_mul(ENTRIES_OF_A_STEP).clamp(FEWEST, MOST);
        let of = Of { id, row: &row, model, is_code, page };
        let (mut steps, next) = match wanted {
            _ if is_code => self.steps_of_code(&of, wanted, limit).await?,
            StepPage::After(place) => self.steps_after(&of, place, limit).await?,
            StepPage::Before(place) => self.steps_before(&of, place, limit).await?,
        };
        for (number, what) in self.calls_waiting_of(id) {
            if let Some(step) = steps.iter_mut().find(|step| step.step == number) {
                step.waiting_for = Some(what);
            }
        }
        Ok((steps, next))
    }

    /// Whether a page may end there. A place that somebody made up could make the page read everything.
    async fn check_place(&self, row: &ExecutionRow, place: StepPlace) -> Result<(), Error> {
        let before = place.seq.checked_sub(1).filter(|before| *before < row.last_seq).ok_or(Error::CursorInvalid)?;
        let id = row.execution_id;
        let rows = self.shared.journal.reads().entries(id, before, 1).await?;
        let entry = rows.first().filter(|row| row.seq == place.seq).and_then(|row| crate::codec::decode(id, row).ok());
        match entry.map(|recorded| recorded.entry) {
            // a failed step of the next turn stands behind this one's calls
            Some(Entry::ModelCompleted { step, tool_calls, .. })
                if place.step.checked_sub(step).is_some_and(|after| after as usize <= tool_calls.len() + 1) =>
            {
                Ok(())
            }
            _ => Err(Error::CursorInvalid),
        }
    }

    /// A page of what a program asked for. Each page reads all of it.
    async fn steps_of_code(
        &self,
        of: &Of<'_>,
        wanted: StepPage,
        limit: u32,
    ) -> Result<(Vec<Step>, Option<StepPlace>), Error> {
        let (mut steps, _, _) = self.read(of, 0, None).await?;
        match wanted {
            StepPage::After(place) => steps.retain(|known| place.is_none_or(|place| known.step > place.step)),
            StepPage::Before(place) => {
                steps.retain(|known| place.is_none_or(|place| known.step < place.step));
                steps.reverse();
            }
        }
        let more = steps.len() > limit as usize;
        steps.truncate(limit as usize);
        let next = steps.last().filter(|_| more).map(|last| StepPlace { step: last.step, seq: 1 });
        Ok((steps, next))
    }

    async fn steps_after(
        &self,
        of: &Of<'_>,
        place: Option<StepPlace>,
        limit: u32,
    ) -> Result<(Vec<Step>, Option<StepPlace>), Error> {
        let StepPlace { step, seq } = place.unwrap_or(StepPlace { step: 0, seq: 1 });
        // one more than the page has, to know whether there is a next one
        let end = step.saturating_add(limit).saturating_add(1);
        let (mut steps, turns, at_end) = self.read(of, seq.saturating_sub(1), Some(end)).await?;
        steps.retain(|known| known.step > step);
        let more = !at_end || steps.len() > limit as usize;
        steps.truncate(limit as usize);
        let next = steps.last().filter(|_| more).map(|last| {
            let turn = turns.iter().rev().find(|(turn, _)| *turn <= last.step);
            StepPlace { step: last.step, seq: turn.map_or(seq, |(_, seq)| *seq) }
        });
        Ok((steps, next))
    }

    async fn steps_before(
        &self,
        of: &Of<'_>,
        place: Option<StepPlace>,
        limit: u32,
    ) -> Result<(Vec<Step>, Option<StepPlace>), Error> {
        let end = place.map_or(of.row.last_seq, |place| place.seq.min(of.row.last_seq));
        let before = place.map(|place| place.step);
        let mut window = u64::from(of.page);
        loop {
            let from = end.saturating_sub(window);
            let (mut steps, turns, _) = self.read(of, from, before).await?;
            steps.retain(|known| before.is_none_or(|before| known.step < before));
            if from > 0 {
                // what stands before the second turn may have begun before the window
                let whole = turns.get(1).map_or(u32::MAX, |(turn, _)| *turn);
                steps.retain(|known| known.step >= whole);
                if steps.len() < limit as usize {
                    window = window.saturating_mul(2);
                    continue;
                }
            }
            steps.reverse();
            steps.truncate(limit as usize);
            let next = steps.last().filter(|first| first.step > 1).map(|first| {
                let turn = turns.iter().rev().find(|(turn, _)| *turn <= first.step);
                StepPlace { step: first.step, seq: turn.map_or(end, |(_, seq)| *seq) }
            });
            return Ok((steps, next));
        }
    }

    /// The steps that the entries after `from` tell of, up to the model call that is step `until` or later, with the
    /// model calls among them and whether there was no such call.
    async fn read(
        &self,
        of: &Of<'_>,
        from: u64,
        until: Option<u32>,
    ) -> Result<(Vec<Step>, Vec<(u32, u64)>, bool), Error> {
        let mut timeline = Timeline::default();
        let read = load::while_entries(&self.shared, of.id, from, of.page, |recorded, _| {
            if let (Entry::ModelCompleted { step, .. }, Some(until)) = (&recorded.entry, until)
                && *step >= until
            {
                return Ok(false);
            }
            timeline.add(recorded, of.model);
            Ok(true)
        });
        let at_end = match read.await {
            Ok(at_end) => at_end,
            // what stands before a damage can be read
            Err(Error::JournalUnreadable { .. }) => true,
            Err(error) => return Err(error),
        };
        let turns = timeline.turns().to_vec();
        let columns = &of.row.columns;
        let model = (!of.is_code).then_some(of.model);
        let steps = if at_end { timeline.steps_at_end(columns.state, columns.reason, model) } else { timeline.steps() };
        Ok((steps, turns, at_end))
    }
}
