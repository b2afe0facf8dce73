//! When a schedule runs. Pure: the time comes in as a value, time zones from the database in the program.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use moltforge_types::{ContentHash, Timestamp};

use super::civil;
use super::cron::Cron;
use crate::duration::parse_duration;

/// The longest jitter.
pub const MAX_JITTER: Duration = Duration::from_hours(1);
/// A run that is later than this was missed: the server was not there, or its clock jumped.
pub const GRACE: Duration = Duration::from_mins(1);
/// The most runs that `missed = "all"` makes up for; older ones are counted as skipped.
pub const MAX_MISSED: usize = 100;
/// Missed runs that are counted, at most.
const MAX_COUNTED: usize = 10_000;

/// The time zones of the program, so that every node knows the same ones.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// What becomes of runs whose time passed while nobody could start them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missed {
    /// They are left out.
    Skip,
    /// The latest of them is made up for.
    #[default]
    Once,
    /// All are, oldest first, up to [`MAX_MISSED`].
    All,
}

/// A schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
    jitter: Duration,
    missed: Missed,
}

/// A run to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// The time that the schedule says. It names the run.
    pub planned: Timestamp,
    /// When it is started: with jitter.
    pub due: Timestamp,
}

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The planned times to run now, in order.
    pub runs: Vec<Timestamp>,
    /// How many were left out (at least; very long times are not counted to their end).
    pub left_out: u64,
    /// The next one, if there is one.
    pub next: Option<Planned>,
}

impl Schedule {
    /// From its parts as an agent file has them.
    ///
    /// # Errors
    /// The field that is wrong, and why.
    pub fn parse(
        cron: &str,
        timezone: Option<&str>,
        missed: Option<&str>,
        jitter: Option<&str>,
    ) -> Result<Self, (&'static str, String)> {
        let cron = Cron::parse(cron).map_err(|message| ("schedule", message))?;
        let zone = zone(timezone.unwrap_or("UTC")).map_err(|message| ("timezone", message))?;
        let missed = match missed {
            None => Missed::default(),
            Some("skip") => Missed::Skip,
            Some("once") => Missed::Once,
            Some("all") => Missed::All,
            Some(other) => {
                let shown: String = other.chars().take(40).collect();
                return Err(("missed", format!("expected \"skip\", \"once\" or \"all\", got {shown:?}")));
            }
        };
        let jitter = jitter.map_or(Ok(Duration::ZERO), parse_duration).map_err(|message| ("jitter", message))?;
        if jitter > MAX_JITTER {
            return Err(("jitter", "expected a duration of at most \"1h\"".to_owned()));
        }
        // a run that is still to start would keep those planned meanwhile from being looked at
        if let Some(period) = civil::shortest_period(&cron, jitter) {
            let message = format!("expected less than the shortest time between two runs, {}s here", period.as_secs());
            return Err(("jitter", message));
        }
        Ok(Self { cron, zone, jitter, missed })
    }

    /// The first run that is planned after `after`. `None` at the end of time.
    pub fn next(&self, trigger: &str, after: Timestamp) -> Option<Planned> {
        // planned times are whole seconds, so what is cut off here cannot hide one
        let from = jiff::Timestamp::from_microsecond(after.as_micros()).ok()?;
        let found = civil::next(&self.cron, &self.zone, from)?;
        let planned = Timestamp::from_micros(found.as_microsecond());
        Some(Planned { planned, due: planned.plus(self.jitter_of(trigger, planned)) })
    }

    /// What to run at `now`, when `planned` is the run that comes next.
    pub fn due(&self, trigger: &str, planned: Planned, now: Timestamp) -> Due {
        if planned.due > now {
            return Due { runs: Vec::new(), left_out: 0, next: Some(planned) };
        }
        let (mut runs, mut left_out) = (VecDeque::new(), 0);
        let mut next = Some(planned);
        let keep = match self.missed {
            Missed::Skip | Missed::Once => 1,
            Missed::All => MAX_MISSED,
        };
        let mut counted = 0;
        while let Some(run) = next.filter(|run| run.due <= now) {
            runs.push_back(run);
            counted += 1;
            next = self.next(trigger, run.planned);
            if counted == MAX_COUNTED {
                // after a very long time: those between these and the latest are left out, uncounted
                runs.extend(self.latest_due(trigger, run.planned, now, keep));
                next = runs.back().and_then(|last| self.next(trigger, last.planned));
            }
            // two that are late only a moment each are not missed, though a jitter brought them together
            while runs.len() > keep && runs.front().is_some_and(|first| now.since(first.due) > GRACE) {
                runs.pop_front();
                left_out += 1;
            }
            if counted == MAX_COUNTED {
                break;
            }
        }
        // a run that is late only a moment is not missed
        if self.missed == Missed::Skip {
            let before = runs.len();
            runs.retain(|run| now.since(run.due) <= GRACE);
            left_out += (before - runs.len()) as u64;
        }
        Due { runs: runs.into_iter().map(|run| run.planned).collect(), left_out, next }
    }

    /// The latest runs planned after `after` that are due at `now`, in order: `most` of them, or all.
    fn latest_due(&self, trigger: &str, after: Timestamp, now: Timestamp, most: usize) -> VecDeque<Planned> {
        let (mut runs, mut until) = (VecDeque::new(), now);
        while runs.len() < most
            && let Some(run) = self.latest(trigger, after, until)
        {
            until = Timestamp::from_micros(run.planned.as_micros() - 1);
            if run.due <= now {
                runs.push_front(run);
            }
        }
        runs
    }

    /// The latest run planned after `after` and not after `until`: found by halves, as schedules know only what comes
    /// next.
    fn latest(&self, trigger: &str, after: Timestamp, until: Timestamp) -> Option<Planned> {
        let (mut low, mut high) = (after.as_micros(), until.as_micros());
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.next(trigger, Timestamp::from_micros(middle)).filter(|run| run.planned <= until) {
                Some(run) => {
                    low = run.planned.as_micros();
                    found = Some(run);
                }
                None => high = middle,
            }
        }
        found
    }

    /// The same for the same trigger and time, whoever asks: a restart does not move a run.
    fn jitter_of(&self, trigger: &str, planned: Timestamp) -> Duration {
        let span = u64::try_from(self.jitter.as_micros()).unwrap_or(0);
        if span == 0 {
            return Duration::ZERO;
        }
        let hash = ContentHash::of(format!("{trigger} {}", planned.as_micros()).as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hash.as_bytes()[..8]);
        Duration::from_micros(u64::from_be_bytes(first) % span)
    }
}

fn zone(name: &str) -> Result<TimeZone, String> {
    let shown: String = name.chars().take(60).collect();
    let wrong =
        || format!("expected a time zone of the IANA database such as \"Europe/Berlin\" or \"UTC\", got {shown:?}");
    if name.is_empty() || name.len() > 60 {
        return Err(wrong());
    }
    ZONES.get(name).map_err(|_| wrong())
}

#[cfg(test)]
mod tests;
