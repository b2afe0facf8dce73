//! Guests of code agents, as an owner runs them: each a task of its own that hears answers and says what its guest does.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use moltforge_types::journal::ErrorInfo;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::effects::{Gone, Outlet};
use super::message::Event;
use super::shared::Shared;
use crate::engine::{GUEST_STEP, GuestEvent, Heard, MAX_GUEST_CALLS};
use crate::guests::GuestStart;

/// A guest that has waited for so long is dropped, to be rebuilt when an answer comes.
const PARKED_AFTER: Duration = Duration::from_secs(5);

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
    let mut told = start.life.heard.len();
    let mut guest = match shared.calls.guest(start).await {
        Ok(guest) => guest,
        Err(last) => return last,
    };
    let mut waits = false;
    loop {
        let event = tokio::select! {
            biased;
            Some(heard) = answers.recv() => {
                (told, waits) = (told + 1, false);
                guest.hear(heard);
                continue;
            }
            event = guest.next() => event,
            () = tokio::time::sleep(PARKED_AFTER), if waits => return GuestEvent::Parked,
        };
        match event {
            GuestEvent::Asked { calls, cancelled, heard } => {
                waits = heard.is_some_and(|heard| heard as usize == told);
                for (calls, is_last) in parts(calls) {
                    let cancelled = if is_last { cancelled.clone() } else { Vec::new() };
                    say(GuestEvent::Asked { calls, cancelled, heard: heard.filter(|_| is_last) });
                }
            }
            GuestEvent::Logged(logs) => say(GuestEvent::Logged(logs)),
            last => return last,
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
