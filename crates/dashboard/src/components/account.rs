//! Where the time of an execution went. Every moment is counted once, so the parts sum to the whole.

use maud::{Markup, html};
use moltforge_api::executions::{Execution, Step};
use moltforge_types::Timestamp;
use moltforge_types::event::CloudEvent;

use crate::time;

/// What a moment was spent on; of several at once, the first in this order counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spent {
    /// A model was writing.
    Model,
    /// A tool was at work.
    Tools,
    /// Held by somebody or by a rule.
    Paused,
    /// Waiting for a timer or a signal.
    Waiting,
    /// Accepted, and nobody at work on it yet.
    Queue,
    /// None of these: MoltForge itself, and waits between attempts.
    Engine,
}

impl Spent {
    const ALL: [Self; 6] = [Self::Model, Self::Tools, Self::Paused, Self::Waiting, Self::Queue, Self::Engine];

    const fn name(self) -> &'static str {
        match self {
            Self::Model => "Model",
            Self::Tools => "Tools",
            Self::Paused => "Paused",
            Self::Waiting => "Waiting",
            Self::Queue => "Queue",
            Self::Engine => "Engine",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Model => "spent-model",
            Self::Tools => "spent-tools",
            Self::Paused => "spent-paused",
            Self::Waiting => "spent-waiting",
            Self::Queue => "spent-queue",
            Self::Engine => "spent-engine",
        }
    }
}

type Interval = (Spent, i64, i64);

/// Microseconds per kind from acceptance to the end, or to now.
pub(crate) fn account(
    execution: &Execution,
    steps: &[Step],
    events: &[CloudEvent],
    now: Timestamp,
) -> Vec<(Spent, u64)> {
    let Some(from) = time::parse(&execution.created_at) else { return Vec::new() };
    let to = execution.finished_at.as_deref().and_then(time::parse).unwrap_or(now);
    let (from, to) = (from.as_micros(), to.as_micros());
    let mut intervals: Vec<Interval> = steps.iter().filter_map(|step| step_interval(step, to)).collect();
    intervals.extend(event_intervals(events, from, to));
    sweep(&intervals, from, to)
}

fn step_interval(step: &Step, end: i64) -> Option<Interval> {
    let (from, to) = super::scale::span(step, end)?;
    let spent = match step.kind.as_str() {
        "model" => Spent::Model,
        _ if step.state == "waiting" || is_wait(&step.name) => Spent::Waiting,
        _ => Spent::Tools,
    };
    Some((spent, from, to))
}

/// Whether a tool does nothing but wait.
pub(crate) fn is_wait(tool: &str) -> bool {
    matches!(tool, "time.sleep" | "signals.wait")
}

fn event_intervals(events: &[CloudEvent], from: i64, end: i64) -> Vec<Interval> {
    let mut intervals = Vec::new();
    let mut queued = Some(from);
    let mut paused = None;
    for event in events {
        let at = event.time.as_micros();
        let name = event.event_type.strip_prefix(moltforge_types::event::TYPE_PREFIX).unwrap_or_default();
        match name {
            "execution.running" => intervals.extend(queued.take().map(|since| (Spent::Queue, since, at))),
            "execution.paused" => paused = Some(at),
            "execution.resumed" => intervals.extend(paused.take().map(|since| (Spent::Paused, since, at))),
            _ => {}
        }
    }
    intervals.extend(paused.map(|since| (Spent::Paused, since, end)));
    intervals.extend(queued.map(|since| (Spent::Queue, since, end)));
    intervals
}

/// Cuts the span at every boundary and gives each piece to the first kind that covers it.
fn sweep(intervals: &[Interval], from: i64, to: i64) -> Vec<(Spent, u64)> {
    let inside = |at: i64| at.clamp(from, to.max(from));
    let mut cuts: Vec<(i64, Spent, i32)> = Vec::with_capacity(intervals.len() * 2);
    for (spent, start, end) in intervals {
        cuts.push((inside(*start), *spent, 1));
        cuts.push((inside((*end).max(*start)), *spent, -1));
    }
    cuts.sort_unstable_by_key(|(at, _, _)| *at);
    let mut open = [0_i32; Spent::ALL.len()];
    let mut sums = [0_u64; Spent::ALL.len()];
    let mut last = from;
    for (at, spent, change) in cuts.into_iter().chain([(to.max(from), Spent::Engine, 0)]) {
        let covering = open.iter().position(|n| *n > 0).unwrap_or(Spent::Engine as usize);
        sums[covering] += u64::try_from(at - last).unwrap_or(0);
        open[spent as usize] += change;
        last = at;
    }
    Spent::ALL.into_iter().zip(sums).filter(|(_, us)| *us > 0).collect()
}

/// The parts as one bar and as words.
pub(crate) fn bar(parts: &[(Spent, u64)]) -> Markup {
    let total: u64 = parts.iter().map(|(_, us)| us).sum();
    let lefts = parts.iter().scan(0, |left, (_, us)| {
        let here = *left;
        *left += us;
        Some(here)
    });
    html! {
        @if total > 0 {
            div class="account" {
                svg class="account-bar" width="100%" height="10" aria-hidden="true" focusable="false" {
                    @for ((spent, us), left) in parts.iter().zip(lefts) {
                        @let left = percent(left, total);
                        @let width = percent(*us, total);
                        rect class=(spent.class()) x={ (format!("{left:.3}")) "%" } width={ (format!("{width:.3}")) "%" } y="0" height="10" {}
                    }
                }
                ul class="legend" {
                    @for (spent, us) in parts {
                        li {
                            svg class="key" viewBox="0 0 10 10" width="10" height="10" aria-hidden="true" focusable="false" {
                                rect class=(spent.class()) width="10" height="10" rx="2" {}
                            }
                            span { (spent.name()) " " b { (time::duration(*us)) } " " span class="dim" { (format!("{:.0}", percent(*us, total))) " %" } }
                        }
                    }
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of a bar")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_sum_to_the_whole() {
        let intervals = [
            (Spent::Queue, -5, 10),
            (Spent::Model, 10, 40),
            (Spent::Tools, 30, 60),
            (Spent::Tools, 35, 70),
            (Spent::Waiting, 70, 1_000),
            (Spent::Paused, 80, 90),
        ];
        let parts = sweep(&intervals, 0, 100);
        assert_eq!(
            parts,
            [(Spent::Model, 30), (Spent::Tools, 30), (Spent::Paused, 10), (Spent::Waiting, 20), (Spent::Queue, 10)]
        );
        assert_eq!(parts.iter().map(|(_, us)| us).sum::<u64>(), 100);
    }

    #[test]
    fn nothing_known_is_the_engine() {
        assert_eq!(sweep(&[], 5, 9), [(Spent::Engine, 4)]);
        assert_eq!(sweep(&[], 9, 5), []);
    }
}
