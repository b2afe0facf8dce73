//! What a call may look like. The worker refuses others, which ends the guest; the server checks again.

use crate::protocol::Asked;

const NAME_MAX: usize = 128;

/// A capability's name: words of letters, digits, `_` and `-`, joined by dots.
pub(crate) fn name(name: &str) -> Result<(), String> {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    if name.len() <= NAME_MAX && name.split('.').all(word) {
        return Ok(());
    }
    let shown: String = name.chars().take(64).collect();
    Err(format!("{shown:?} cannot be the name of a capability"))
}

/// A JSON text that everybody can read: no lone surrogates, no numbers out of range, at most 128 levels.
pub(crate) fn json(text: &str) -> Result<(), String> {
    serde_json::from_str::<serde_json::Value>(text).map(drop).map_err(|error| {
        let error = error.to_string();
        // that is how half of a pair of surrogates is met
        if error.contains("hex escape") {
            return "not JSON: a text in it has half of a character (a lone surrogate), which is no Unicode".to_owned();
        }
        format!("not JSON: {error}")
    })
}

/// About how many bytes this keeps in memory.
pub(crate) fn weight(asked: &Asked) -> usize {
    let calls: usize = asked.calls.iter().map(|call| call.name.len() + call.args.len() + 64).sum();
    let logs: usize = asked.logs.iter().map(|log| log.message.len() + 40).sum();
    calls + logs + asked.cancelled.len() * 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["timer", "http.fetch", "llm.complete", "my_tool-2", "a.b.c"] {
            assert_eq!(name(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "1a", "a b", "é", "a\n", "a/b", &"a".repeat(129)] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_that_others_could_not_read_are_refused() {
        assert_eq!(json(r#"{"a": [1, 2.5, null, "\u00e9"]}"#), Ok(()));
        for bad in ["", "{", "1e999", r#""\ud800""#, "undefined", "1 2"] {
            assert!(json(bad).is_err(), "{bad}");
        }
        assert!(json(r#"["\ud83d"]"#).unwrap_err().contains("a lone surrogate"));
        assert!(json(&"[".repeat(100_000)).is_err());
        assert!(json(&format!("{}{}", "[".repeat(500), "]".repeat(500))).is_err());
    }
}
