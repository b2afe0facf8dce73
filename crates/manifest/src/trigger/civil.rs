//! From times of day to instants: what a schedule means on the days on which clocks are changed.
//!
//! A time of day that is skipped runs once, at the moment at which the clocks have moved; one that comes twice runs the
//! first time. A schedule whose hour begins with `*` runs by the time that passes instead: nothing for an hour that there
//! is not, both times for one that comes twice. Every known cron with daylight saving does it like this.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::cron::Cron;

/// How far ahead is looked: the longest gap of a schedule that comes at all is that of a 29 February, eight years.
const DAYS: usize = 9 * 366;

/// The first instant after `after`.
pub(super) fn next(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    // a day earlier: clocks may have been set back over midnight
    let mut day = zone.to_datetime(after).date().yesterday().ok()?;
    for _ in 0..DAYS {
        if cron.on(day.day(), day.month(), day.weekday().to_sunday_zero_offset())
            && let Some(found) = first_on(cron, zone, day, after)
        {
            // the next day begins before this one ends when clocks are set back over midnight
            let tomorrow = day.tomorrow().ok()?;
            let also = cron
                .on(tomorrow.day(), tomorrow.month(), tomorrow.weekday().to_sunday_zero_offset())
                .then(|| first_on(cron, zone, tomorrow, after))
                .flatten();
            return Some(also.map_or(found, |also| also.min(found)));
        }
        day = day.tomorrow().ok()?;
    }
    None
}

/// The first instant of a day after `after`.
fn first_on(cron: &Cron, zone: &TimeZone, day: Date, after: Timestamp) -> Option<Timestamp> {
    let even = is_even(zone, day);
    let mut first: Option<Timestamp> = None;
    for (hour, minute) in times(cron) {
        let at = day.at(hour, minute, 0, 0);
        for instant in instants(cron, zone, at).into_iter().flatten() {
            if instant > after && first.is_none_or(|first| instant < first) {
                first = Some(instant);
            }
        }
        if even && first.is_some() {
            break;
        }
    }
    first
}

/// Clocks are not changed on this day nor around it: its times follow each other.
fn is_even(zone: &TimeZone, day: Date) -> bool {
    let Ok(begin) = day.to_zoned(zone.clone()) else { return false };
    let from = begin.timestamp() - SignedDuration::from_hours(25);
    let change = zone.following(from).next();
    change.is_none_or(|change| change.timestamp() > begin.timestamp() + SignedDuration::from_hours(50))
}

fn times(cron: &Cron) -> impl Iterator<Item = (i8, i8)> {
    let members = |set: u64, most: i8| (0..most).filter(move |number| set >> number & 1 == 1);
    let minutes = cron.minutes;
    members(cron.hours, 24).flat_map(move |hour| members(minutes, 60).map(move |minute| (hour, minute)))
}

/// The shortest time between two runs of a schedule, where that is at most `most` and no clocks are changed.
pub(super) fn shortest_period(cron: &Cron, most: Duration) -> Option<Duration> {
    let minutes: Vec<u64> = times(cron).filter_map(|(hour, minute)| minute_of_day(hour, minute)).collect();
    let mut shortest = minutes.windows(2).map(|pair| pair[1] - pair[0]).min();
    if let (Some(first), Some(last)) = (minutes.first(), minutes.last()) {
        let over_midnight = first + 24 * 60 - last;
        if Duration::from_secs(over_midnight * 60) <= most && days_follow(cron) {
            shortest = Some(shortest.map_or(over_midnight, |shortest| shortest.min(over_midnight)));
        }
    }
    shortest.map(|minutes| Duration::from_secs(minutes * 60)).filter(|period| *period <= most)
}

fn minute_of_day(hour: i8, minute: i8) -> Option<u64> {
    Some(u64::try_from(hour).ok()? * 60 + u64::try_from(minute).ok()?)
}

/// Whether it runs on two days one after the other, ever.
fn days_follow(cron: &Cron) -> bool {
    let mut day = Date::constant(2024, 1, 1);
    let mut before = false;
    for _ in 0..DAYS {
        let on = cron.on(day.day(), day.month(), day.weekday().to_sunday_zero_offset());
        if on && before {
            return true;
        }
        before = on;
        let Ok(tomorrow) = day.tomorrow() else { return false };
        day = tomorrow;
    }
    false
}

/// The instants that a time of day stands for: one, none or two.
fn instants(cron: &Cron, zone: &TimeZone, at: DateTime) -> [Option<Timestamp>; 2] {
    let by = |offset: jiff::tz::Offset| offset.to_timestamp(at).ok();
    match zone.to_ambiguous_timestamp(at).offset() {
        AmbiguousOffset::Unambiguous { offset } => [by(offset), None],
        AmbiguousOffset::Gap { .. } if cron.every_hour => [None, None],
        // what the old offset makes of it lies behind the change, which is what we want
        AmbiguousOffset::Gap { before, .. } => {
            let behind = by(before).and_then(|instant| instant.checked_add(SignedDuration::from_nanos(1)).ok());
            [behind.and_then(|behind| zone.preceding(behind).next()).map(|change| change.timestamp()), None]
        }
        AmbiguousOffset::Fold { before, after } => [by(before), by(after).filter(|_| cron.every_hour)],
    }
}
