//! Durations as people write them: `500ms`, `30s`, `10m`, `2h`, `7d`.

use std::time::Duration;

/// The longest duration that is accepted anywhere: ten years.
pub const MAX_DURATION: Duration = Duration::from_hours(3650 * 24);

/// The units and their milliseconds, the longest first.
const UNITS: [(&str, u128); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a whole number with its unit: `ms`, `s`, `m`, `h` or `d`, from `0ms` up to [`MAX_DURATION`].
///
/// # Errors
/// What is wrong and what is allowed, as text.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || {
        let shown: String = text.chars().take(40).collect();
        format!("expected a duration such as \"500ms\", \"30s\", \"10m\", \"2h\" or \"7d\", got {shown:?}")
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    if number.is_empty() {
        return Err(wrong());
    }
    let longest = MAX_DURATION.as_millis();
    // more digits than a u128 holds are too long as well
    let millis = number.parse::<u128>().ok().and_then(|n| n.checked_mul(*factor)).filter(|n| *n <= longest);
    let millis = millis.ok_or_else(|| format!("expected a duration of at most \"3650d\", got {:?}", cut(text)))?;
    Ok(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}

/// Writes a duration with the longest unit that loses nothing; parts of a millisecond are cut off.
pub fn format_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let exact = UNITS.iter().find(|(_, factor)| millis > 0 && millis.is_multiple_of(*factor));
    exact.map_or_else(|| "0s".to_owned(), |(unit, factor)| format!("{}{unit}", millis / factor))
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (text, millis) in [("0s", 0), ("500ms", 500), ("30s", 30_000), ("10m", 600_000), ("2h", 7_200_000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
            assert_eq!(format_duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(format_duration(parse_duration("48h").unwrap()), "2d");
        assert_eq!(format_duration(Duration::from_micros(1_500)), "1ms");
    }

    #[test]
    fn everything_else_is_refused() {
        let huge = "9".repeat(60) + "d";
        for text in ["", "5", "s", "1.5h", "-1s", "+1s", " 1s", "1 s", "1S", "1w", "1h30m", "é", "3651d", &huge] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(parse_duration("3650d"), Ok(MAX_DURATION));
    }
}
