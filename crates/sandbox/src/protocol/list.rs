//! Lists in messages of workers: a few bytes of a message can be many of memory, so their length is looked at while they
//! are read.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::LIST_MAX;

/// A list with no more elements than a worker of ours would send.
pub(super) fn read<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    from.deserialize_seq(Few(PhantomData))
}

struct Few<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Few<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {LIST_MAX} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<T>, A::Error> {
        let mut read = Vec::new();
        while let Some(element) = from.next_element()? {
            if read.len() == LIST_MAX {
                return Err(A::Error::invalid_length(LIST_MAX + 1, &self));
            }
            read.push(element);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use crate::protocol::{Asked, Cancelled, FromWorker, LIST_MAX, Log, Usage, frame};

    async fn is_read(asked: Asked) -> bool {
        let message = FromWorker::Asked { guest: 1, asked, usage: Usage::default() };
        let bytes = frame::encode(&message).unwrap();
        frame::read::<FromWorker>(&mut bytes.as_slice()).await.is_ok()
    }

    fn logs(count: usize) -> Asked {
        Asked { logs: vec![Log { level: 0, message: String::new(), after: 0 }; count], ..Asked::default() }
    }

    #[tokio::test]
    async fn a_list_is_as_long_as_a_part_allows() {
        assert!(is_read(logs(LIST_MAX)).await);
        assert!(!is_read(logs(LIST_MAX + 1)).await);
        let cancelled = vec![Cancelled { id: 1, after: 0 }; LIST_MAX + 1];
        assert!(!is_read(Asked { cancelled, ..Asked::default() }).await);
    }
}
