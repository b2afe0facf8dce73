//! What a call may look like. The worker refuses others, which ends the guest; the server checks again.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::protocol::Asked;

const NAME_MAX: usize = 128;
/// Keys that mean something to the library that reads JSON: who reads the same text later would see something else.
const RESERVED: &str = "$serde_json::private::";

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
    serde_json::from_str::<Read>(text).map(drop).map_err(|error| {
        let error = error.to_string();
        // that is how half of a pair of surrogates is met
        if error.contains("hex escape") {
            return "not JSON: a text in it has half of a character (a lone surrogate), which is no Unicode".to_owned();
        }
        format!("not JSON: {error}")
    })
}

/// Any JSON, read and not kept: numbers in a list take many times their text.
struct Read;

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self, A::Error> {
        while all.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Self, A::Error> {
        while let Some(key) = all.next_key::<Cow<'de, str>>()? {
            if key.starts_with(RESERVED) {
                return Err(A::Error::custom("an object has a key that is reserved"));
            }
            all.next_value::<Self>()?;
        }
        Ok(self)
    }
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
        for text in [
            r#"{"a": {"b\n": [true, -1, 1e-7, 18446744073709551616]}, "a": "\u0000"}"#,
            "{1: 2}",
            "[1,]",
            "-",
            "\"\t\"",
        ] {
            let read = serde_json::from_str::<serde_json::Value>(text);
            assert_eq!(json(text).is_ok(), read.is_ok(), "{text}: {read:?}");
        }
        assert!(json(r#"{"a": {"$serde_json::private::RawValue": "1"}}"#).is_err());
        assert!(json(&"[".repeat(100_000)).is_err());
        assert!(json(&format!("{}{}", "[".repeat(500), "]".repeat(500))).is_err());
    }
}
