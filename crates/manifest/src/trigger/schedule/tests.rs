use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn schedule(cron: &str, zone: &str) -> Schedule {
    Schedule::parse(cron, Some(zone), None, None).unwrap()
}

/// The planned times after `from`, as UTC without fraction.
fn times(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
    let mut last = at(from);
    let next = || {
        last = schedule.next("trg_1", last)?.planned;
        Some(last.to_string().replace(":00.000000Z", "Z"))
    };
    std::iter::from_fn(next).take(count).collect()
}

#[test]
fn ordinary_days() {
    let office = schedule("0 9 * * MON-FRI", "Europe/Berlin");
    assert_eq!(
        times(&office, "2026-11-20T07:59:59Z", 3),
        ["2026-11-20T08:00Z", "2026-11-23T08:00Z", "2026-11-24T08:00Z"]
    );
    assert_eq!(times(&office, "2026-11-20T08:00:00Z", 1), ["2026-11-23T08:00Z"], "after, not at");
    let leap = schedule("0 0 29 2 *", "UTC");
    assert_eq!(times(&leap, "2096-03-01T00:00:00Z", 1), ["2104-02-29T00:00Z"], "2100 is no leap year");
    let either = schedule("0 0 13 * FRI", "UTC");
    assert_eq!(
        times(&either, "2026-11-11T00:00:00Z", 3),
        ["2026-11-13T00:00Z", "2026-11-20T00:00Z", "2026-11-27T00:00Z"]
    );
    let quarters = schedule("*/15 * * * *", "Asia/Kathmandu");
    assert_eq!(times(&quarters, "2026-11-20T07:50:00Z", 2), ["2026-11-20T08:00Z", "2026-11-20T08:15Z"]);
}

#[test]
fn clocks_go_forward_in_berlin() {
    // 2027-03-28: 02:00 becomes 03:00, which is 01:00 UTC
    let from = "2027-03-27T12:00:00Z";
    let nightly = schedule("30 2 * * *", "Europe/Berlin");
    assert_eq!(
        times(&nightly, from, 3),
        ["2027-03-28T01:00Z", "2027-03-29T00:30Z", "2027-03-30T00:30Z"],
        "a time that there is not runs when the clocks have moved"
    );
    let several = schedule("*/15 2 * * *", "Europe/Berlin");
    assert_eq!(times(&several, from, 2), ["2027-03-28T01:00Z", "2027-03-29T00:00Z"], "and once");
    let hourly = schedule("30 * * * *", "Europe/Berlin");
    assert_eq!(
        times(&hourly, "2027-03-28T00:00:00Z", 3),
        ["2027-03-28T00:30Z", "2027-03-28T01:30Z", "2027-03-28T02:30Z"],
        "every hour that passes"
    );
}

#[test]
fn clocks_go_back_in_berlin() {
    // 2026-10-25: 03:00 becomes 02:00 again at 01:00 UTC
    let from = "2026-10-24T12:00:00Z";
    let nightly = schedule("30 2 * * *", "Europe/Berlin");
    assert_eq!(times(&nightly, from, 2), ["2026-10-25T00:30Z", "2026-10-26T01:30Z"], "the first of the two");
    let hourly = schedule("30 * * * *", "Europe/Berlin");
    assert_eq!(
        times(&hourly, "2026-10-25T00:00:00Z", 3),
        ["2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-10-25T02:30Z"],
        "both of them"
    );
}

#[test]
fn a_zone_that_moves_by_half_an_hour() {
    // Lord Howe: 2026-10-04 02:00 (+10:30) becomes 02:30 (+11) at 15:30 UTC of the day before
    let from = "2026-10-03T00:00:00Z";
    let inside = schedule("15 2 * * *", "Australia/Lord_Howe");
    assert_eq!(times(&inside, from, 2), ["2026-10-03T15:30Z", "2026-10-04T15:15Z"]);
    let behind = schedule("45 2 * * *", "Australia/Lord_Howe");
    assert_eq!(times(&behind, from, 1), ["2026-10-03T15:45Z"]);
    // 2027-04-04 02:00 (+11) becomes 01:30 (+10:30) at 15:00 UTC of the day before
    let twice = schedule("*/15 * * * *", "Australia/Lord_Howe");
    assert_eq!(
        times(&twice, "2027-04-03T14:30:00Z", 5),
        ["2027-04-03T14:45Z", "2027-04-03T15:00Z", "2027-04-03T15:15Z", "2027-04-03T15:30Z", "2027-04-03T15:45Z"],
        "every quarter of an hour, also through the half hour that comes twice"
    );
}

#[test]
fn clocks_that_change_at_midnight() {
    // Beirut: 2026-03-29 00:00 becomes 01:00 at 22:00 UTC of the day before
    let midnight = schedule("0 0 * * *", "Asia/Beirut");
    assert_eq!(times(&midnight, "2026-03-28T12:00:00Z", 2), ["2026-03-28T22:00Z", "2026-03-29T21:00Z"]);
    // and 2026-10-25 00:00 becomes 23:00 of the 24th at 21:00 UTC
    let late = schedule("30 23 * * *", "Asia/Beirut");
    assert_eq!(times(&late, "2026-10-24T12:00:00Z", 2), ["2026-10-24T20:30Z", "2026-10-25T21:30Z"]);
    // Samoa had no 30 December 2011
    let samoa = schedule("0 12 30 12 *", "Pacific/Apia");
    assert_eq!(times(&samoa, "2011-12-01T00:00:00Z", 1), ["2011-12-30T10:00Z"], "when the day would have been");
}

#[test]
fn parts_are_checked() {
    let wrong = |cron, zone, missed, jitter| Schedule::parse(cron, zone, missed, jitter).unwrap_err().0;
    assert_eq!(wrong("x", None, None, None), "schedule");
    assert_eq!(wrong("* * * * *", Some("Mars/Base"), None, None), "timezone");
    assert_eq!(wrong("* * * * *", Some(""), None, None), "timezone");
    assert_eq!(wrong("* * * * *", None, Some("never"), None), "missed");
    assert_eq!(wrong("* * * * *", None, None, Some("2h")), "jitter");
    assert_eq!(wrong("* * * * *", None, None, Some("soon")), "jitter");
    // runs would come due together, and all but one of them be taken for missed
    assert_eq!(wrong("* * * * *", None, None, Some("1m")), "jitter");
    assert_eq!(wrong("0,50 * * * *", None, None, Some("10m")), "jitter", "over the hour");
    assert_eq!(wrong("0,50 0,23 * * *", None, None, Some("10m")), "jitter", "over midnight");
    for (cron, jitter) in [("* * * * *", "59s"), ("@daily", "1h"), ("0,50 0,23 1 * *", "49m"), ("0 9 * * MON", "1h")] {
        assert!(Schedule::parse(cron, None, None, Some(jitter)).is_ok(), "{cron} {jitter}");
    }
}

fn due(missed: &str, late: Duration) -> (Vec<String>, u64, String) {
    let schedule = Schedule::parse("0 * * * *", None, Some(missed), None).unwrap();
    let first = schedule.next("trg_1", at("2026-11-20T07:59:00Z")).unwrap();
    let due = schedule.due("trg_1", first, first.due.plus(late));
    let runs = due.runs.iter().map(|run| run.to_string().replace(":00.000000Z", "Z")).collect();
    (runs, due.left_out, due.next.unwrap().planned.to_string().replace(":00.000000Z", "Z"))
}

#[test]
fn missed_runs() {
    let hours = |hours: u64| Duration::from_secs(hours * 3600 + 600);
    let one = |time: &str| vec![time.to_owned()];
    for missed in ["skip", "once", "all"] {
        let soon = due(missed, Duration::from_secs(2));
        assert_eq!(soon, (one("2026-11-20T08:00Z"), 0, "2026-11-20T09:00Z".to_owned()), "{missed}: in time");
    }
    assert_eq!(due("skip", hours(3)), (vec![], 4, "2026-11-20T12:00Z".to_owned()));
    assert_eq!(due("once", hours(3)), (one("2026-11-20T11:00Z"), 3, "2026-11-20T12:00Z".to_owned()));
    let all = due("all", hours(3));
    assert_eq!((all.0.len(), all.1, all.2.as_str()), (4, 0, "2026-11-20T12:00Z"));
    let long = due("all", hours(200));
    assert_eq!((long.0.len(), long.1), (MAX_MISSED, 101));
    // the server was away for years: bounded work, and the next run lies ahead
    let years = due("all", hours(100_000));
    assert!(years.0.len() == MAX_MISSED && years.2.as_str() > "2038");
    // the latest is made up for, not the last one that was counted
    let latest = due("once", hours(20_000));
    let next: Timestamp = latest.2.replace('Z', ":00Z").parse().unwrap();
    let before = Timestamp::from_micros(next.as_micros() - 3_600_000_000).to_string().replace(":00.000000Z", "Z");
    assert_eq!((latest.0, latest.1), (vec![before], 10_000));
    assert_eq!(years.0.windows(2).filter(|pair| pair[0] < pair[1]).count(), MAX_MISSED - 1);
    assert!(years.0.last().is_some_and(|last| *last < years.2) && years.0[0].as_str() > "2038", "{:?}", years.0);
}

#[test]
fn two_that_come_due_together_both_run() {
    let schedule = Schedule::parse("* * * * *", None, Some("once"), Some("59s")).unwrap();
    let mut together = 0;
    for trigger in 0..200 {
        let name = format!("trg_{trigger}");
        let first = schedule.next(&name, at("2026-11-20T07:59:00Z")).unwrap();
        let second = schedule.next(&name, first.planned).unwrap();
        // looked at when both are due
        let due = schedule.due(&name, first, second.due);
        if now_within(first.due, second.due) {
            together += 1;
            assert_eq!((due.runs.len(), due.left_out), (2, 0), "{name}");
        }
    }
    assert!(together > 10, "{together}");
}

fn now_within(due: Timestamp, now: Timestamp) -> bool {
    now.since(due) <= GRACE
}

#[test]
fn jitter_stays_the_same() {
    let schedule = Schedule::parse("0 * * * *", None, None, Some("30s")).unwrap();
    let from = at("2026-11-20T07:59:00Z");
    let mut seen = std::collections::BTreeSet::new();
    for trigger in 0..50 {
        let run = schedule.next(&format!("trg_{trigger}"), from).unwrap();
        assert_eq!(schedule.next(&format!("trg_{trigger}"), from), Some(run));
        let jitter = run.due.since(run.planned);
        assert!(jitter < Duration::from_secs(30));
        seen.insert(jitter);
    }
    assert!(seen.len() > 40, "triggers do not start together");
}

const SAMPLES: [&str; 8] = [
    "* * * * *",
    "*/7 * * * *",
    "30 2 * * *",
    "0,30 1-3 * * *",
    "15 */2 * * *",
    "59 23 * * SUN",
    "0 0 1 * *",
    "45 2 31 * MON",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn runs_always_come_later(
        cron in proptest::sample::select(&SAMPLES[..]),
        zone in proptest::sample::select(&["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut",
            "Pacific/Apia", "America/St_Johns", "Africa/Casablanca", "UTC"][..]),
        start in 0i64..4_000_000_000,
    ) {
        let schedule = schedule(cron, zone);
        let mut last = Timestamp::from_micros(start * 1_000_000 + 5);
        for _ in 0..30 {
            let next = schedule.next("trg_1", last).unwrap().planned;
            prop_assert!(next > last, "{next} after {last}");
            // nothing lies between: asked from anywhere before it, the answer is the same
            let middle = Timestamp::from_micros(i64::midpoint(last.as_micros(), next.as_micros()));
            prop_assert_eq!(schedule.next("trg_1", middle).unwrap().planned, next);
            last = next;
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}", zone in ".{0,20}") {
        let _ = Schedule::parse(&text, Some(&zone), Some(&text), Some(&zone));
    }
}
