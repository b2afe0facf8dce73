//! What a program is, and what came of it.

use std::pin::Pin;

use moltforge_sandbox::{Error, Event, FailureKind, GuestRequest, Sandbox};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::driver::{End, Journal, go_on, run};

/// What is run for an attempt or a control.
pub(crate) enum Program {
    /// A guest.
    Alone(GuestRequest),
    /// A guest, then another one in the same worker: of the second.
    After(GuestRequest, GuestRequest),
    /// A guest that waits, and beside it another one in the same worker: of the second.
    Beside(GuestRequest, GuestRequest),
    /// A guest, rebuilt when it has ended: whatever differs is a divergence.
    Twice(GuestRequest),
    /// The same, when what its first call brought has been changed meanwhile.
    Changed(GuestRequest),
    /// A guest whose worker is killed.
    Killed(GuestRequest),
    /// A component, which may be refused.
    Brought(GuestRequest),
    /// A guest of a sandbox of its own.
    Own(Box<dyn Fn() -> Run>),
    /// No guest: what the machine says, which is not confined.
    Outside(Box<dyn Fn() -> Value>),
}

/// How a guest of a sandbox of its own is run.
pub(crate) type Run = Pin<Box<dyn Future<Output = (End, Journal)>>>;

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) end: End,
    pub(crate) journal: Journal,
}

impl Outcome {
    /// What it returned.
    pub(crate) fn output(&self) -> Option<&Value> {
        if let End::Output(value) = &self.end { Some(value) } else { None }
    }

    /// Its worker broke, or heard what is no call; or the program was not the same a second time.
    pub(crate) fn disturbed(&self) -> bool {
        let broken = match &self.end {
            End::Lost(_) | End::Evicted => true,
            End::Failed(failure) => matches!(failure.kind, FailureKind::Misuse | FailureKind::Diverged),
            End::Output(_) | End::Enough | End::Refused(..) => false,
        };
        broken || !self.journal.divergences.is_empty()
    }
}

impl Program {
    pub(crate) async fn run(&self, sandbox: &Sandbox) -> Outcome {
        let (end, journal) = match self {
            Self::Alone(request) => run(sandbox, request.clone()).await,
            Self::After(first, second) => {
                run(sandbox, first.clone()).await.0.output();
                run(sandbox, second.clone()).await
            }
            Self::Beside(first, second) => {
                let mut waits = sandbox.run(first.clone()).await.unwrap();
                assert!(matches!(waits.next().await, Event::Asked(_)));
                run(sandbox, second.clone()).await
            }
            Self::Twice(request) => twice(sandbox, request, false).await,
            Self::Changed(request) => twice(sandbox, request, true).await,
            Self::Killed(request) => {
                let mut guest = sandbox.run(request.clone()).await.unwrap();
                let pid = guest.process_id().and_then(|id| Pid::from_raw(id.cast_signed())).unwrap();
                kill_process(pid, Signal::KILL).unwrap();
                let end = loop {
                    if let Event::Lost(reason) = guest.next().await {
                        break End::Lost(reason);
                    }
                };
                (end, Journal::default())
            }
            Self::Brought(request) => match sandbox.prepare(&request.project, &request.image).await {
                Err(Error::Refused { refusal, reason }) => (End::Refused(refusal, reason), Journal::default()),
                prepared => {
                    prepared.unwrap();
                    run(sandbox, request.clone()).await
                }
            },
            Self::Own(run) => run().await,
            Self::Outside(act) => (End::Output(act()), Journal::default()),
        };
        Outcome { end, journal }
    }
}

/// To its end, and again from its journal to the same end.
async fn twice(sandbox: &Sandbox, request: &GuestRequest, changed: bool) -> (End, Journal) {
    let (first, mut journal) = run(sandbox, request.clone()).await;
    if changed && let Some(completion) = journal.completions.first_mut() {
        completion.value = Ok(r#"{"tool": "changed", "at": 7}"#.to_owned());
    }
    if !matches!(first, End::Lost(_)) {
        let (second, _guest) = go_on(sandbox, request.clone(), &mut journal, usize::MAX).await;
        if second != first {
            journal.divergences.push(format!("{first:?}, and the second time {second:?}"));
        }
    }
    (first, journal)
}
