//! Figures from many values.

use std::time::Duration;

use serde_json::{Value, json};

/// The value below which `share` of the sorted values lie; zero for none.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    if sorted.is_empty() {
        return 0.0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index between 0 and the length"
    )]
    let index = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[index.min(sorted.len() - 1)]
}

/// Milliseconds with three digits after the point.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Sorts times and gives their figures in milliseconds.
pub(crate) fn latency(times: &mut [f64]) -> Value {
    times.sort_by(f64::total_cmp);
    json!({
        "n": times.len(),
        "p50_ms": rounded(quantile(times, 0.5)),
        "p90_ms": rounded(quantile(times, 0.9)),
        "p99_ms": rounded(quantile(times, 0.99)),
        "max_ms": rounded(quantile(times, 1.0)),
    })
}

/// Three digits after the point.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles() {
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        assert!((quantile(&values, 0.5) - 50.0).abs() < f64::EPSILON);
        assert!((quantile(&values, 0.99) - 99.0).abs() < f64::EPSILON);
        assert!((quantile(&values, 1.0) - 100.0).abs() < f64::EPSILON);
        assert!(quantile(&[], 0.5).abs() < f64::EPSILON);
    }
}
