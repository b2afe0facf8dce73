//! A program once more from its first call, with the answers of the journal: it must ask for the same again. Nothing that it
//! asks for is done.

mod compare;

use std::sync::Arc;
use std::time::Duration;

use moltforge_types::ExecutionId;
use moltforge_types::journal::ErrorInfo;

use self::compare::Compare;
pub(crate) use self::compare::Differs;
use super::{Guest, GuestEvent};
use crate::engine::replay::{Journaled, Options, replay};
use crate::engine::{Execution, Spec};
use crate::shard::load;
use crate::shard::shared::Shared;

/// A program has ended or waits by then; what it may compute is bounded by its own limit.
const PATIENCE: Duration = Duration::from_mins(5);

/// Runs the program of `execution`, which the journal was folded to.
///
/// # Errors
/// Why it could not be run now.
pub(crate) async fn program(
    shared: &Shared,
    execution: &Execution,
    journal: &[Journaled],
) -> Result<Option<Differs>, ErrorInfo> {
    let mut start = execution.guest_start();
    let mut compare = Compare::new(execution, journal);
    // all that it does is told, as if nothing were known
    (start.life.calls, start.life.cancelled, start.life.logged) = (Vec::new(), Vec::new(), 0);
    let mut guest = match shared.calls.guest(start).await {
        Ok(guest) => guest,
        Err(last) => return ended(compare, last),
    };
    let whole = tokio::time::timeout(PATIENCE, run(guest.as_mut(), &mut compare)).await;
    match whole {
        Ok(Ok(last)) => ended(compare, last),
        Ok(Err(differs)) => Ok(Some(*differs)),
        Err(_) => Err(ErrorInfo::new("sandbox_unavailable", "the program neither ended nor waited in time")),
    }
}

/// Its last event, or that it waits for more than the journal has.
async fn run(guest: &mut dyn Guest, compare: &mut Compare) -> Result<GuestEvent, Box<Differs>> {
    loop {
        match guest.next().await {
            GuestEvent::Asked { calls, cancelled, heard } => {
                compare.asked(calls, cancelled)?;
                if heard.is_some_and(|heard| compare.is_all(heard)) {
                    return Ok(GuestEvent::Parked);
                }
            }
            GuestEvent::Logged(logs) => compare.logged(logs)?,
            last => return Ok(last),
        }
    }
}

fn ended(compare: Compare, last: GuestEvent) -> Result<Option<Differs>, ErrorInfo> {
    match last {
        GuestEvent::Lost(error) => Err(error),
        last => Ok(compare.ended(last).err().map(|differs| *differs)),
    }
}

/// Replays an execution that has just come to rest, and says so in the log when its program does something else.
pub(crate) fn at_once(shared: Arc<Shared>, id: ExecutionId, spec: Arc<Spec>) {
    tokio::spawn(async move {
        let whole = async {
            let (journal, _) = load::journaled(&shared, id).await.ok()?;
            let folding = move || (replay(id, &spec, &journal, Options::default()), journal);
            let (replayed, journal) = tokio::task::spawn_blocking(folding).await.ok()?;
            let differs = match replayed {
                Ok(execution) => program(&shared, &execution, &journal).await,
                Err(difference) => Ok(Some(Differs::from(*difference))),
            };
            Some(differs)
        };
        match whole.await {
            Some(Ok(Some(Differs { seq, message, recorded, produced }))) => {
                let (recorded, produced) = (shown(recorded), shown(produced));
                tracing::error!(execution_id = %id, seq, message, recorded, produced, "{DIFFERS}");
            }
            Some(Ok(None)) => tracing::debug!(execution_id = %id, "a replay was identical"),
            Some(Err(error)) => tracing::debug!(execution_id = %id, code = error.code, "a replay was not possible"),
            None => {}
        }
    });
}

/// What the log says, for whoever looks for it.
const DIFFERS: &str = "replayed at once, a program does something else than it did";

fn shown(side: Option<serde_json::Value>) -> String {
    side.map_or_else(|| "nothing".to_owned(), |side| side.to_string())
}
