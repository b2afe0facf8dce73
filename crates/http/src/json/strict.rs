//! Two passes over a body: one that checks what every body must be, whatever its type, and one that makes the value.
//!
//! The first pass goes through the real parser, so depth is bounded before anything is built, and escapes are already
//! resolved when texts and keys are looked at.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use moltforge_api::ProblemItem;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment, Track};

use crate::error::Error;
use crate::problem::{ApiError, ApiResult};

/// Levels of arrays and objects that a body may have.
const MAX_DEPTH: usize = 64;
/// Objects with more keys than this are checked for repeated keys with a hash set instead of by comparing.
const FEW: usize = 16;

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    check(bytes)?;
    refuse_array(bytes)?;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer_of(error.path());
        refusal(error.inner(), pointer)
    })?;
    Ok(value)
}

/// What a body must be before its type matters.
fn check(bytes: &[u8]) -> ApiResult<()> {
    let found = Cell::new(None);
    let mut plain = serde_json::Deserializer::from_slice(bytes);
    let checked = Check { depth: 0, found: &found }.deserialize(&mut plain).and_then(|()| plain.end());
    match checked {
        Ok(()) => Ok(()),
        Err(error) => Err(match found.take() {
            None => refusal(&error, String::new()),
            Some(Found::TooDeep) => Error::BodyTooDeep { limit: MAX_DEPTH }.into(),
            Some(found) => located(found, bytes),
        }),
    }
}

/// serde takes a list of fields in order for a struct; nobody who sends that means it, and no operation takes a list.
fn refuse_array(bytes: &[u8]) -> ApiResult<()> {
    if bytes.trim_ascii_start().first() != Some(&b'[') {
        return Ok(());
    }
    let message = "expected an object, got a list".to_owned();
    let item = ProblemItem { pointer: String::new(), message: message.clone(), line: None, column: None };
    Err(ApiError::with_items(Error::BodyInvalid(message), vec![item]))
}

/// Walks again, remembering the way: only a refused body pays for that.
fn located(found: Found, bytes: &[u8]) -> ApiError {
    let again = Cell::new(None);
    let mut track = Track::new();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let _ = Check { depth: 0, found: &again }.deserialize(tracked);
    let mut pointer = pointer_of(&track.path());
    let (fault, message) = match found {
        Found::Repeated(key) => {
            let text = format!("the key {key:?} appears twice");
            let segment = escape(&key);
            if !pointer.ends_with(&format!("/{segment}")) {
                pointer = format!("{pointer}/{segment}");
            }
            (Error::BodyInvalid(text.clone()), text)
        }
        Found::Nul | Found::TooDeep => (Error::TextHasNul("a text of the body"), "holds the character NUL".to_owned()),
    };
    ApiError::with_items(fault, vec![ProblemItem { pointer, message, line: None, column: None }])
}

fn refusal(error: &serde_json::Error, pointer: String) -> ApiError {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let reason = text.strip_suffix(&place).unwrap_or(&text).to_owned();
    if error.classify() != Category::Data {
        return Error::BodyMalformed { reason, line: error.line(), column: error.column() }.into();
    }
    let detail = if pointer.is_empty() { reason.clone() } else { format!("{pointer}: {reason}") };
    let number = |n: usize| u32::try_from(n).ok().filter(|n| *n > 0);
    let item = ProblemItem { pointer, message: reason, line: number(error.line()), column: number(error.column()) };
    ApiError::with_items(Error::BodyInvalid(detail), vec![item])
}

/// A path as a JSON pointer (RFC 6901).
fn pointer_of(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&escape(key));
            }
            // the variant of an enum is no level of the document when it is a text, and was a key when it is one
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

enum Found {
    TooDeep,
    Nul,
    Repeated(String),
}

struct Check<'a> {
    depth: usize,
    found: &'a Cell<Option<Found>>,
}

impl Check<'_> {
    fn refuse<E: serde::de::Error>(&self, found: Found) -> E {
        self.found.set(Some(found));
        E::custom("refused")
    }

    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        if self.depth == MAX_DEPTH { Err(self.refuse(Found::TooDeep)) } else { Ok(self.depth + 1) }
    }
}

impl<'de> DeserializeSeed<'de> for Check<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Check<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if text.as_bytes().contains(&0) { Err(self.refuse(Found::Nul)) } else { Ok(()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let depth = self.deeper()?;
        while items.next_element_seed(Check { depth, found: self.found })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let depth = self.deeper()?;
        let mut few: Vec<Cow<'de, str>> = Vec::new();
        let mut many: HashSet<Cow<'de, str>> = HashSet::new();
        while let Some(Key(key)) = entries.next_key::<Key<'de>>()? {
            if key.as_bytes().contains(&0) {
                return Err(self.refuse(Found::Nul));
            }
            if few.contains(&key) || many.contains(&key) {
                return Err(self.refuse(Found::Repeated(key.into_owned())));
            }
            if few.len() < FEW {
                few.push(key);
            } else {
                many.insert(key);
            }
            entries.next_value_seed(Check { depth, found: self.found })?;
        }
        Ok(())
    }
}

/// A key, borrowed from the body when it has no escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }
            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}
