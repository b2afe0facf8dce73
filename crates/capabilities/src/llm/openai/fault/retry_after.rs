//! `Retry-After` (RFC 9110 section 10.2.3): seconds or a date.

use std::time::Duration;

use http::{HeaderMap, header};
use jiff::Timestamp;

/// The longest wait that a provider may ask for.
const MAX: Duration = Duration::from_hours(1);

/// How long to wait. A date is measured from the response's own `Date`, so that clocks need not agree.
pub(super) fn read(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(millis) =
        text(header::HeaderName::from_static("retry-after-ms")).and_then(|text| text.parse::<u64>().ok())
    {
        return Some(Duration::from_millis(millis).min(MAX));
    }
    let value = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = value.parse::<f64>() {
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(if seconds > 0.0 { MAX } else { Duration::ZERO });
        return Some(wait.min(MAX));
    }
    let (until, now) = (date(value)?, date(text(header::DATE)?)?);
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default().min(MAX))
}

fn date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(pairs: &[(&'static str, &'static str)]) -> Option<u64> {
        let headers = pairs.iter().map(|(n, v)| ((*n).parse().unwrap(), v.parse().unwrap())).collect();
        read(&headers).map(|wait| u64::try_from(wait.as_millis()).unwrap())
    }

    #[test]
    fn seconds_dates_and_nonsense() {
        let now = ("date", "Sun, 22 Nov 2026 12:00:00 GMT");
        assert_eq!(wait(&[("retry-after", "7")]), Some(7000));
        assert_eq!(wait(&[("retry-after", "1.5")]), Some(1500));
        assert_eq!(wait(&[("retry-after", "0")]), Some(0));
        assert_eq!(wait(&[("retry-after", "-3")]), Some(0));
        assert_eq!(wait(&[("retry-after", "86400")]), Some(3_600_000));
        assert_eq!(wait(&[("retry-after", "1e300")]), Some(3_600_000));
        assert_eq!(wait(&[("retry-after-ms", "250"), ("retry-after", "1")]), Some(250));
        assert_eq!(wait(&[("retry-after", "Sun, 22 Nov 2026 12:00:30 GMT"), now]), Some(30_000));
        assert_eq!(wait(&[("retry-after", "Sun, 22 Nov 2026 11:00:00 GMT"), now]), Some(0));
        assert_eq!(wait(&[("retry-after", "Mon, 23 Nov 2026 12:00:00 GMT"), now]), Some(3_600_000));
        for nonsense in ["soon", "", "NaN", "Sun, 22 Nov 2026 12:00:30 GMT"] {
            let expected = (nonsense == "NaN").then_some(0);
            assert_eq!(wait(&[("retry-after", nonsense)]), expected, "{nonsense}");
        }
        assert_eq!(wait(&[]), None);
    }
}
