//! Where a moment stands on the lanes. Linear, except that a long wait in which nothing works is drawn shorter: an
//! agent that waits for a day would otherwise show its minutes of work as a hair.

use moltforge_api::executions::{Execution, Step};
use moltforge_types::Timestamp;

use super::account::is_wait;
use crate::time;

/// A wait is long from here on, microseconds...
const LONG_US: i64 = 5_000_000;
/// ...and when it is more than this share of the whole. Then it may be shortened...
const LONG: f64 = 0.3;
/// ...when the long waits together are more than this share.
const MOSTLY: f64 = 0.6;
/// Percent of the lane that a shortened wait gets.
const SHORTENED: f64 = 18.0;

/// Maps moments to percent of a lane.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    from: i64,
    to: i64,
    left: f64,
    right: f64,
    shortened: bool,
}

impl Scale {
    /// From the first step's beginning to the end: what came before, the queue, is told in words.
    pub(crate) fn of(execution: &Execution, steps: &[Step], now: Timestamp) -> Self {
        let end = execution.finished_at.as_deref().and_then(time::parse).unwrap_or(now).as_micros();
        let spans: Vec<_> = steps
            .iter()
            .filter_map(|step| Some((span(step, end)?, is_wait(&step.name) || step.state == "waiting")))
            .collect();
        let first = spans.iter().map(|((from, _), _)| *from).min();
        let from = first.or_else(|| time::parse(&execution.created_at).map(Timestamp::as_micros)).unwrap_or(end);
        let busy = spans.iter().filter(|(_, wait)| !wait).map(|(span, _)| *span).collect();
        Self::new(from, end.max(from.saturating_add(1)), busy)
    }

    fn new(from: i64, to: i64, mut busy: Vec<(i64, i64)>) -> Self {
        busy.sort_unstable();
        let mut gaps = Vec::new();
        let mut reached = from;
        for (start, end) in busy.into_iter().chain([(to, to)]) {
            if start.saturating_sub(reached) >= LONG_US && share(reached, start, from, to) > LONG {
                gaps.push((reached, start));
            }
            reached = reached.max(end).clamp(from, to);
        }
        let waited: f64 = gaps.iter().map(|(start, end)| share(*start, *end, from, to)).sum();
        // without any work there is nothing to make room for
        if !(MOSTLY..0.999_999).contains(&waited) {
            gaps.clear();
        }
        Self { pieces: pieces(from, to, &gaps, waited) }
    }

    /// Percent of the lane, 0 to 100.
    pub(crate) fn percent(&self, at: i64) -> f64 {
        let piece = self.pieces.iter().find(|piece| at < piece.to).or(self.pieces.last());
        piece.map_or(0.0, |piece| {
            let within = share(piece.from, at, piece.from, piece.to).clamp(0.0, 1.0);
            piece.left + within * (piece.right - piece.left)
        })
    }

    /// The time since the beginning at a percentage of the lane, microseconds.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a label on an axis"
    )]
    pub(crate) fn at(&self, percent: f64) -> u64 {
        let Some(first) = self.pieces.first() else { return 0 };
        let piece = self.pieces.iter().find(|piece| percent <= piece.right).or(self.pieces.last()).unwrap_or(first);
        let within = (percent - piece.left) / (piece.right - piece.left).max(f64::EPSILON);
        ((piece.from - first.from) as f64 + within * (piece.to - piece.from) as f64).max(0.0) as u64
    }

    /// The shortened parts, percent of the lane.
    pub(crate) fn shortened(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.pieces.iter().filter(|piece| piece.shortened).map(|piece| (piece.left, piece.right))
    }
}

/// Where a step began and ended; an unfinished one reaches to `end`.
pub(crate) fn span(step: &Step, end: i64) -> Option<(i64, i64)> {
    let from = time::parse(step.started_at.as_deref()?)?.as_micros();
    let to = step.duration_us.map_or(end, |us| from.saturating_add(i64::try_from(us).unwrap_or(i64::MAX)));
    Some((from, to.max(from)))
}

fn pieces(from: i64, to: i64, gaps: &[(i64, i64)], waited: f64) -> Vec<Piece> {
    #[expect(clippy::cast_precision_loss, reason = "at most three gaps are longer than 30 %")]
    let room = 100.0 - SHORTENED * gaps.len() as f64;
    let scale = if gaps.is_empty() { 100.0 } else { room / (1.0 - waited) };
    let mut list = Vec::new();
    let (mut at, mut left) = (from, 0.0);
    let mut push = |start: i64, end: i64, width: f64, shortened: bool| {
        list.push(Piece { from: start, to: end, left, right: left + width, shortened });
        left += width;
    };
    for (start, end) in gaps {
        push(at, *start, share(at, *start, from, to) * scale, false);
        push(*start, *end, SHORTENED, true);
        at = *end;
    }
    push(at, to, share(at, to, from, to) * scale, false);
    list.retain(|piece| piece.to > piece.from);
    list
}

#[expect(clippy::cast_precision_loss, reason = "a share of a lane")]
fn share(start: i64, end: i64, from: i64, to: i64) -> f64 {
    end.saturating_sub(start) as f64 / to.saturating_sub(from).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() < 0.01
    }

    const S: i64 = 1_000_000;

    #[test]
    fn short_runs_are_linear() {
        let scale = Scale::new(100, 200, vec![(100, 130), (180, 200)]);
        assert!(near(scale.percent(150), 50.0) && near(scale.percent(90), 0.0) && near(scale.percent(900), 100.0));
        assert_eq!((scale.at(50.0), scale.shortened().count()), (50, 0));
    }

    #[test]
    fn a_long_wait_leaves_room_for_the_work() {
        let scale = Scale::new(0, 1000 * S, vec![(0, 10 * S), (990 * S, 1000 * S)]);
        assert!(
            near(scale.percent(10 * S), 41.0)
                && near(scale.percent(990 * S), 59.0)
                && near(scale.percent(1000 * S), 100.0)
        );
        assert_eq!((scale.at(0.0), scale.at(41.0), scale.at(100.0)), (0, 10_000_000, 1_000_000_000));
        assert_eq!(scale.shortened().count(), 1);
    }

    #[test]
    fn nothing_but_waiting_is_linear() {
        assert_eq!(Scale::new(0, 1000 * S, Vec::new()).shortened().count(), 0);
        assert!(near(Scale::new(5, 6, Vec::new()).percent(6), 100.0));
    }

    #[test]
    fn the_wait_at_the_end_counts() {
        let scale = Scale::new(0, 1000 * S, vec![(0, 100 * S)]);
        assert!(near(scale.percent(100 * S), 82.0), "{}", scale.percent(100 * S));
    }
}
