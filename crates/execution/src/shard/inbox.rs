//! The way to an owner: bounded in number and in bytes, so that a slow disk pushes back before memory is full.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::message::Request;
use crate::engine::Command;

/// Requests that may wait in front of one lane.
const NUMBER: usize = 4_096;
/// What a request takes beside what it carries.
const FIXED: usize = 512;

/// A request on its way, with the room that it takes.
pub(crate) struct Letter {
    pub(crate) request: Request,
    /// Free again once the owner has taken the request.
    _room: Option<OwnedSemaphorePermit>,
}

/// The sending end. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Inbox {
    letters: mpsc::Sender<Letter>,
    room: Arc<Semaphore>,
    bytes: usize,
}

/// The owner has ended.
#[derive(Debug)]
pub(crate) struct Gone;

/// An inbox of so many bytes, and its receiving end.
pub(crate) fn inbox(bytes: usize) -> (Inbox, mpsc::Receiver<Letter>) {
    let (letters, receiver) = mpsc::channel(NUMBER);
    let bytes = bytes.clamp(FIXED, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
    (Inbox { letters, room: Arc::new(Semaphore::new(bytes)), bytes }, receiver)
}

impl Inbox {
    /// Hands a request over, once there is room for it.
    pub(crate) async fn send(&self, request: Request) -> Result<(), Gone> {
        let bytes = u32::try_from(size(&request).min(self.bytes)).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(bytes).await.ok();
        self.letters.send(Letter { request, _room: room }).await.map_err(|_| Gone)
    }

    /// Hands a request over if there is room for it right now.
    pub(crate) fn try_send(&self, request: Request) {
        let bytes = u32::try_from(size(&request).min(self.bytes)).unwrap_or(u32::MAX);
        if let Ok(room) = self.room.clone().try_acquire_many_owned(bytes) {
            // without room, or an owner: whoever sent it knows another way
            let _ = self.letters.try_send(Letter { request, _room: Some(room) });
        }
    }
}

/// About what a request takes in memory. What a fork copies is counted where it is read: few of them are on their way.
fn size(request: &Request) -> usize {
    FIXED
        + match request {
            Request::Start { start, .. } => weight(&start.input),
            Request::Apply { command, .. } => match command {
                Command::Signal { payload, .. } => weight(payload),
                Command::Decide(answer) => answer.arguments.iter().chain(&answer.form).map(weight).sum(),
                Command::DecideEffect { output: Some(output), .. } => weight(output),
                _ => 0,
            },
            Request::Message(message) => message.body.len(),
            Request::Barrier { .. } | Request::Drain { .. } => 0,
        }
}

/// About what a value takes in memory. Its depth is bounded by the reader of JSON.
fn weight(value: &Value) -> usize {
    const NODE: usize = size_of::<Value>();
    NODE + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| NODE + name.len() + weight(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moltforge_types::{ExecutionId, Id as _, ProjectId};
    use std::time::Duration;

    fn signal(bytes: usize) -> Request {
        let payload = Value::String("x".repeat(bytes));
        let command = Command::Signal { name: "s".to_owned(), payload, dedupe_key: None };
        let (reply, _) = tokio::sync::oneshot::channel();
        let (project_id, execution_id) = (ProjectId::from_u128(1), ExecutionId::from_u128(1));
        Request::Apply { project_id, execution_id, command, known: None, reply }
    }

    #[tokio::test]
    async fn bytes_wait_outside_until_the_owner_has_taken_some() {
        let (inbox, mut owner) = inbox(10_000);
        inbox.send(signal(6_000)).await.expect("room");
        let second = inbox.clone();
        let second = tokio::spawn(async move { second.send(signal(6_000)).await });
        // a real wait: looks again a moment later
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!second.is_finished(), "there is no room for both");
        drop(owner.recv().await);
        second.await.expect("it ran").expect("room");
        // one that is larger than all room gets all of it, alone
        drop(owner.recv().await);
        inbox.send(signal(60_000)).await.expect("room");
    }
}
