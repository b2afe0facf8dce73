//! Guests of code agents, as an owner runs them: each a task of its own that hears answers and says what its guest does.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use moltforge_types::journal::ErrorInfo;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::effects::{Gone, Outlet};
use super::message::Event;
use super::shared::Shared;
use crate::engine::{GUEST_STEP, GuestEvent, Heard, MAX_GUEST_CALLS};
use crate::guests::GuestStart;

/// Runs a guest until it ends or is given up.
pub(crate) fn run(outlet: Outlet, start: GuestStart) -> (AbortHandle, mpsc::UnboundedSender<Heard>) {
    let Outlet { shared, events, authority, call } = outlet;
    let execution_id = start.execution_id;
    let gone = Gone::watch(&events, execution_id, GUEST_STEP, call);
    let (feed, mut answers) = mpsc::unbounded_channel();
    let task = async move {
        if !authority.holds() {
            return;
        }
        let say = |event| {
            // an owner that has ended hears nothing more
            let _ = events.send(Event::Guest { execution_id, call, event });
        };
        let lived = AssertUnwindSafe(live(&shared, start, &mut answers, &say)).catch_unwind().await;
        let last = lived
            .unwrap_or_else(|_panic| GuestEvent::Lost(ErrorInfo::new("internal", "the sandbox failed on our side")));
        gone.ended();
        say(last);
    };
    (tokio::spawn(task).abort_handle(), feed)
}

/// A guest's life, to its last event.
async fn live(
    shared: &Shared,
    start: GuestStart,
    answers: &mut mpsc::UnboundedReceiver<Heard>,
    say: &(impl Fn(GuestEvent) + Sync),
) -> GuestEvent {
    let mut guest = match shared.calls.guest(start).await {
        Ok(guest) => guest,
        Err(error) => return GuestEvent::Lost(error),
    };
    loop {
        let event = tokio::select! {
            biased;
            Some(heard) = answers.recv() => {
                guest.hear(heard);
                continue;
            }
            event = guest.next() => event,
        };
        let GuestEvent::Asked { calls, cancelled, heard } = event else { return event };
        for (part, is_last) in parts(calls) {
            let cancelled = if is_last { cancelled.clone() } else { Vec::new() };
            say(GuestEvent::Asked { calls: part, cancelled, heard: heard.filter(|_| is_last) });
        }
    }
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
