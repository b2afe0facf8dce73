//! Figures from many values.

use std::time::Duration;

/// Times of one kind.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value below which so many of a thousand lie.
    pub(crate) fn at(&self, permille: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().saturating_sub(1) * permille / 1_000).copied().unwrap_or_default()
    }

    /// As cells of a table: p50, p99 and the longest, milliseconds.
    pub(crate) fn cells(&self) -> String {
        format!("{} | {} | {}", millis(self.at(500)), millis(self.at(990)), millis(self.at(1_000)))
    }
}

impl Extend<Duration> for Times {
    fn extend<T: IntoIterator<Item = Duration>>(&mut self, times: T) {
        self.0.extend(times);
    }
}

/// The head of a table whose rows end with [`Times::cells`].
pub(crate) fn head(first: &str) -> String {
    format!("| {first} | p50 ms | p99 ms | longest ms |\n|---|---|---|---|")
}

pub(crate) fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1_000.0)
}

pub(crate) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", ratio(bytes, 1_048_576))
}

/// A count for each one of others.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn ratio(count: u64, of: u64) -> f64 {
    count as f64 / of.max(1) as f64
}

pub(crate) fn per_second(count: usize, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let count = count as f64;
    count / took.as_secs_f64().max(1e-9)
}
