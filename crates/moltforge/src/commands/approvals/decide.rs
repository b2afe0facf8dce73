//! What `approve` and `reject` share.

use moltforge_api::approvals::DecideApproval;
use serde_json::Value;

use super::state;
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, DIM, Exit, Failure, PLAIN};

/// A decision.
pub(super) struct Said {
    pub(super) decision: &'static str,
    pub(super) call: Option<String>,
    pub(super) arguments: Option<Value>,
    pub(super) answer: Option<Value>,
    pub(super) note: Option<String>,
}

/// Sends it for the call that waits, or for the one that was looked at.
pub(super) async fn decide(context: &Context, id: &str, said: Said) -> Result<Exit, Failure> {
    let Said { decision, call, arguments, answer, note } = said;
    let attempted = || format!("{decision} {id}");
    let client = context.connection.client().attempt(attempted)?;
    let waits = client.approvals().get(id).await.attempt(attempted)?;
    let call_sha256 = match call {
        // the beginning of the hash is enough; anything else is sent as it is, and refused
        Some(seen) if waits.call_sha256.starts_with(&seen) && seen.len() >= 8 => waits.call_sha256,
        Some(seen) => seen,
        None => waits.call_sha256,
    };
    let body = DecideApproval { decision: decision.to_owned(), call_sha256, arguments, answer, note };
    let decided = client.approvals().decide(id, &body).await.attempt(attempted)?;
    context.output.data(&decided, |out| {
        let waits = if decided.carried_out_at.is_none() { ", with effect when its execution goes on" } else { "" };
        out.pieces(&[
            (ACCENT, &decided.approval_id),
            (PLAIN, "  "),
            (state(&decided.state), &decided.state),
            (DIM, waits),
        ]);
    });
    Ok(Exit::Done)
}
