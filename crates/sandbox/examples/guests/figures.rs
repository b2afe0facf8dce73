//! Figures from many values.

use std::time::Duration;

/// Times of one kind.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The value below which so many of a thousand lie.
    pub(crate) fn at(&self, permille: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().saturating_sub(1) * permille / 1_000).copied().unwrap_or_default()
    }

    /// As a row of a table that begins with [`head`].
    pub(crate) fn row(&self, what: &str) {
        let [least, half, most, longest] = [0, 500, 990, 1_000].map(|permille| shown(self.at(permille)));
        println!("| {what} | {} | {least} | {half} | {most} | {longest} |", self.0.len());
    }
}

/// The head of a table whose rows are [`Times`].
pub(crate) fn head(what: &str) {
    println!("| {what} | number | least | p50 | p99 | longest |\n|---|---|---|---|---|---|");
}

/// A time with its unit, three digits or so.
pub(crate) fn shown(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    match micros {
        _ if micros < 10.0 => format!("{micros:.2} us"),
        _ if micros < 1_000.0 => format!("{micros:.0} us"),
        _ if micros < 10_000.0 => format!("{:.2} ms", micros / 1e3),
        _ if micros < 1_000_000.0 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{:.1} s", micros / 1e6),
    }
}

/// A number, for arithmetic with times.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn number(count: usize) -> f64 {
    count as f64
}

/// So many in that time.
pub(crate) fn per_second(count: usize, took: Duration) -> f64 {
    number(count) / took.as_secs_f64().max(1e-9)
}
