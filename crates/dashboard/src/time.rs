//! Times and durations for people. Times on the wire are RFC 3339; pages show how long ago, with the exact time beside.

use maud::{Markup, html};
use moltforge_types::Timestamp;

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A time as the API writes it. `None` when it is none, which only a foreign server would send.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// How long ago, or in how long, as a `<time>` element with the exact time in its title.
pub(crate) fn relative(text: &str, now: Timestamp) -> Markup {
    let Some(at) = parse(text) else { return html! { (text) } };
    html! { time datetime=(text) title=(exact(at)) { (distance(at, now)) } }
}

/// The exact time as a `<time>` element.
pub(crate) fn absolute(text: &str) -> Markup {
    let Some(at) = parse(text) else { return html! { (text) } };
    html! { time datetime=(text) { (exact(at)) } }
}

/// `2026-11-22 12:36:17 UTC`
pub(crate) fn exact(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(date), Some(time)) => format!("{date} {time} UTC"),
        _ => text,
    }
}

fn distance(at: Timestamp, now: Timestamp) -> String {
    let past = micros(now.since(at));
    let future = micros(at.since(now));
    match (past, future) {
        (0..SECOND, 0..SECOND) => "just now".to_owned(),
        (_, 0) => format!("{} ago", coarse(past)),
        _ => format!("in {}", coarse(future)),
    }
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn coarse(us: u64) -> String {
    match us {
        0..MINUTE => format!("{} s", us / SECOND),
        MINUTE..HOUR => format!("{} min", us / MINUTE),
        HOUR..DAY => format!("{} h", us / HOUR),
        _ => format!("{} d", us / DAY),
    }
}

/// A sentence of the API with its times made readable: `the time 2026-11-22T13:00:00.000000Z` becomes
/// `the time 2026-11-22 13:00:00 UTC (in 1 h)`.
pub(crate) fn readable(sentence: &str, now: Timestamp) -> Markup {
    html! {
        @for (n, word) in sentence.split(' ').enumerate() {
            @if n > 0 { " " }
            @if word.contains('T') && parse(word).is_some() { (absolute(word)) " (" (relative(word, now)) ")" } @else { (word) }
        }
    }
}

/// The span between two times on the wire, microseconds; zero when either is none.
pub(crate) fn between(from: &str, to: Timestamp) -> u64 {
    parse(from).map_or(0, |from| micros(to.since(from)))
}

/// A duration in microseconds with about three digits: `412 µs`, `1.30 ms`, `2.4 s`, `3 min 5 s`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn duration(us: u64) -> String {
    let scaled = |unit: u64, name: &str| {
        let value = us as f64 / unit as f64;
        let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
        format!("{value:.digits$} {name}")
    };
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..SECOND => scaled(1_000, "ms"),
        SECOND..MINUTE => scaled(SECOND, "s"),
        MINUTE..HOUR => both(us / MINUTE, "min", us % MINUTE / SECOND, "s"),
        HOUR..DAY => both(us / HOUR, "h", us % HOUR / MINUTE, "min"),
        _ => both(us / DAY, "d", us % DAY / HOUR, "h"),
    }
}

fn both(large: u64, unit: &str, small: u64, part: &str) -> String {
    if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {part}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        for (us, text) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_300, "1.30 ms"),
            (840_000, "840 ms"),
            (2_412_000, "2.41 s"),
            (59_990_000, "60.0 s"),
            (185_000_000, "3 min 5 s"),
            (7_380_000_000, "2 h 3 min"),
            (7_200_000_000, "2 h"),
            (90_000_000_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(us), text);
        }
    }

    #[test]
    fn distance_has_a_direction() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let at = |seconds: i64| Timestamp::from_micros(now.as_micros() + seconds * 1_000_000);
        for (seconds, text) in
            [(0, "just now"), (-5, "5 s ago"), (-120, "2 min ago"), (7200, "in 2 h"), (-172_800, "2 d ago")]
        {
            assert_eq!(distance(at(seconds), now), text);
        }
        assert_eq!(relative("yesterday", now).into_string(), "yesterday");
        let sentence = readable("the time 2023-11-14T23:13:20Z <b>", now).into_string();
        assert!(
            sentence.starts_with("the time <time") && sentence.ends_with(">in 1 h</time>) &lt;b&gt;"),
            "{sentence}"
        );
    }
}
