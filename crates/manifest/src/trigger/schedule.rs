//! When a schedule runs. Pure: the time comes in as a value, time zones from the database in the program.

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
        let (mut runs, mut left_out) = (std::collections::VecDeque::new(), 0);
        let mut next = Some(planned);
        let keep = match self.missed {
            Missed::Skip | Missed::Once => 1,
            Missed::All => MAX_MISSED,
        };
        let mut counted = 0;
        while let Some(run) = next.filter(|run| run.due <= now) {
            runs.push_back(run);
            if runs.len() > keep {
                runs.pop_front();
                left_out += 1;
            }
            counted += 1;
            if counted == MAX_COUNTED {
                // after a very long time: the rest is left out, uncounted
                next = self.next(trigger, Timestamp::from_micros(now.as_micros().saturating_sub(1_000_000)));
                break;
            }
            next = self.next(trigger, run.planned);
        }
        // a run that is late only a moment is not missed
        if self.missed == Missed::Skip {
            let before = runs.len();
            runs.retain(|run| now.since(run.due) <= GRACE);
            left_out += (before - runs.len()) as u64;
        }
        Due { runs: runs.into_iter().map(|run| run.planned).collect(), left_out, next }
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
