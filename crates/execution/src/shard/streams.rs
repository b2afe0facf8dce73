//! Replies of models while they are written, for the programs that read along.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moltforge_types::ExecutionId;
use serde_json::Value;
use tokio::sync::{Notify, watch};

use crate::engine::Place;
use crate::engine::stream::{nothing, piece};

/// A read that finds nothing new ends after so long, and its program asks again.
const PATIENCE: Duration = Duration::from_secs(10);
/// After the first new word so long is waited for more: each read is a step.
const GATHER: Duration = Duration::from_millis(50);

/// The replies that are being written on this node. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Streams {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    replies: Mutex<HashMap<Key, watch::Sender<Reply>>>,
    begun: Notify,
}

/// The execution and the step of its model call.
type Key = (ExecutionId, u32);

#[derive(Default)]
struct Reply {
    attempt: u64,
    text: String,
    is_whole: bool,
}

impl Reply {
    fn has_more(&self, place: Place) -> bool {
        self.is_whole
            || (self.attempt != place.attempt && !self.text.is_empty())
            || self.text.len() > place.from as usize
    }
}

/// A reply that is being written, until this is dropped.
pub(crate) struct Writing {
    streams: Streams,
    key: Key,
    attempt: u64,
}

impl Streams {
    /// A model begins to reply.
    pub(crate) fn begin(&self, key: Key, attempt: u64) -> Writing {
        let (reply, _) = watch::channel(Reply { attempt, ..Reply::default() });
        self.lock().insert(key, reply);
        self.inner.begun.notify_waiters();
        Writing { streams: self.clone(), key, attempt }
    }

    /// What comes after a place in the reply of a step, as the program hears it. Cancel-safe.
    pub(crate) async fn read(&self, key: Key, place: Place) -> Value {
        match tokio::time::timeout(PATIENCE, self.wait(key, place)).await {
            Ok(piece) => piece,
            Err(_) => nothing(place, false),
        }
    }

    async fn wait(&self, key: Key, place: Place) -> Value {
        loop {
            let begun = self.inner.begun.notified();
            let reply = self.lock().get(&key).map(watch::Sender::subscribe);
            // none yet, or the attempt has failed: its step ends, or another attempt follows
            let Some(mut reply) = reply else {
                begun.await;
                continue;
            };
            if reply.wait_for(|reply| reply.has_more(place)).await.is_err() {
                continue;
            }
            if !reply.borrow().is_whole {
                tokio::time::sleep(GATHER).await;
            }
            let now = reply.borrow();
            return piece(place, now.attempt, &now.text, now.is_whole);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, watch::Sender<Reply>>> {
        self.inner.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing {
    /// More of its text.
    pub(crate) fn write(&self, text: &str) {
        self.change(|reply| reply.text.push_str(text));
    }

    /// It is whole. Providers that do not stream say all of it here.
    pub(crate) fn end(&self, text: &str) {
        self.change(|reply| {
            text.clone_into(&mut reply.text);
            reply.is_whole = true;
        });
    }

    fn change(&self, change: impl FnOnce(&mut Reply)) {
        let replies = self.streams.lock();
        // one that was aborted may still write when the next attempt has begun
        if let Some(reply) = replies.get(&self.key).filter(|reply| reply.borrow().attempt == self.attempt) {
            reply.send_modify(change);
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let mut replies = self.streams.lock();
        if replies.get(&self.key).is_some_and(|reply| reply.borrow().attempt == self.attempt) {
            replies.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use moltforge_types::Id as _;
    use serde_json::json;

    use super::*;

    fn key() -> Key {
        (ExecutionId::from_u128(7), 3)
    }

    const START: Place = Place { call: 1, attempt: 0, from: 0 };

    #[tokio::test(start_paused = true)]
    async fn a_reader_follows_the_writer() {
        let streams = Streams::default();
        let writing = streams.begin(key(), 5);
        writing.write("Hel");
        let read = streams.read(key(), START).await;
        assert_eq!(read, json!({ "attempt": 5, "from": 0, "to": 3, "text": "Hel", "done": false }));
        let place = Place { attempt: 5, from: 3, ..START };
        let reader = tokio::spawn({
            let streams = streams.clone();
            async move { streams.read(key(), place).await }
        });
        tokio::task::yield_now().await;
        writing.write("lo");
        writing.end("Hello");
        drop(writing);
        assert_eq!(reader.await.unwrap(), json!({ "attempt": 5, "from": 3, "to": 5, "text": "lo", "done": true }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_attempt_begins_anew_and_silence_is_answered() {
        let streams = Streams::default();
        drop(streams.begin(key(), 5));
        let place = Place { attempt: 5, from: 3, ..START };
        let silence = json!({ "attempt": 5, "from": 3, "to": 3, "text": "", "done": false });
        assert_eq!(streams.read(key(), place).await, silence);
        let reader = tokio::spawn({
            let streams = streams.clone();
            async move { streams.read(key(), place).await }
        });
        tokio::task::yield_now().await;
        let writing = streams.begin(key(), 6);
        writing.write("Bye");
        assert_eq!(reader.await.unwrap(), json!({ "attempt": 6, "from": 0, "to": 3, "text": "Bye", "done": false }));
    }
}
