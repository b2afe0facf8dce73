//! Sizes as people write them: `512KiB`, `64MiB`.

/// The units and their bytes.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads a whole number with its unit: `B`, `KiB`, `MiB` or `GiB`.
///
/// # Errors
/// What is wrong and what is allowed, as text.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let bytes = factor.and_then(|factor| number.parse::<u64>().ok()?.checked_mul(factor));
    bytes.ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        format!("expected a size such as \"512KiB\", \"64MiB\" or \"1GiB\", got {shown:?}")
    })
}

/// Writes a size with the largest unit that loses nothing.
pub fn format_size(bytes: u64) -> String {
    let exact = UNITS.iter().find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor));
    exact.map_or_else(|| "0B".to_owned(), |(unit, factor)| format!("{}{unit}", bytes / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [("0B", 0), ("1B", 1), ("512KiB", 512 << 10), ("64MiB", 64 << 20), ("2GiB", 2 << 30)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
            assert_eq!(format_size(bytes), text);
        }
        for bad in
            ["", "64", "MiB", "64MB", "64 MiB", "-1B", "1.5GiB", "99999999999999999999GiB", "18446744073709551615KiB"]
        {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
