//! Guests of code agents, as an owner runs them: each a task of its own that hears answers and says what its guest does.

use std::sync::Arc;

use async_trait::async_trait;
use moltforge_types::{ExecutionId, ProjectId, Timestamp};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::effects::{Gone, Outlet};
use super::message::Event;
use crate::engine::{GUEST_STEP, GuestEvent, GuestLife, Heard, MAX_GUEST_CALLS, Spec};

/// What a guest is built from.
#[derive(Clone)]
pub(crate) struct GuestStart {
    pub(crate) project_id: ProjectId,
    pub(crate) execution_id: ExecutionId,
    pub(crate) spec: Arc<Spec>,
    pub(crate) input: Arc<Value>,
    /// The guest's time at its start.
    pub(crate) now: Timestamp,
    /// What it asked for and heard before.
    pub(crate) life: GuestLife,
}

/// A guest that is there.
#[async_trait]
pub(crate) trait Guest: Send {
    /// What it does next. Cancel-safe.
    async fn next(&mut self) -> GuestEvent;

    /// Its next answer.
    fn hear(&mut self, heard: Heard);
}

/// Runs a guest until it ends or is given up.
pub(crate) fn run(outlet: Outlet, start: GuestStart) -> (AbortHandle, mpsc::UnboundedSender<Heard>) {
    let Outlet { shared, events, authority, call } = outlet;
    let execution_id = start.execution_id;
    let gone = Gone::watch(&events, execution_id, GUEST_STEP, call);
    let (feed, mut fed) = mpsc::unbounded_channel();
    let task = async move {
        if !authority.holds() {
            return;
        }
        let say = |event| {
            // an owner that has ended hears nothing more
            let _ = events.send(Event::Guest { execution_id, call, event });
        };
        let mut guest = match shared.calls.guest(start).await {
            Ok(guest) => guest,
            Err(error) => {
                gone.ended();
                return say(GuestEvent::Lost(error));
            }
        };
        loop {
            let event = tokio::select! {
                biased;
                Some(heard) = fed.recv() => {
                    guest.hear(heard);
                    continue;
                }
                event = guest.next() => event,
            };
            let GuestEvent::Asked { calls, cancelled, heard } = event else {
                gone.ended();
                return say(event);
            };
            for (part, is_last) in parts(calls) {
                let cancelled = if is_last { cancelled.clone() } else { Vec::new() };
                say(GuestEvent::Asked { calls: part, cancelled, heard: heard.filter(|_| is_last) });
            }
        }
    };
    (tokio::spawn(task).abort_handle(), feed)
}

/// What one command may write at a time, and whether it is the last part.
fn parts<T>(mut calls: Vec<T>) -> Vec<(Vec<T>, bool)> {
    let mut parts = Vec::new();
    while calls.len() > MAX_GUEST_CALLS {
        let rest = calls.split_off(MAX_GUEST_CALLS);
        parts.push((std::mem::replace(&mut calls, rest), false));
    }
    parts.push((calls, true));
    parts
}
