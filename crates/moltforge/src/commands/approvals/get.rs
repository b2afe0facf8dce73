//! `moltforge approvals get`

use moltforge_api::approvals::Approval;

use super::super::show;
use super::{state, who};
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, DIM, Exit, Failure, Output, PLAIN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// apr_...
    approval: String,
}

/// All about one.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let approval = args.approval;
    let attempted = || format!("get {approval}");
    let client = context.connection.client().attempt(attempted)?;
    let approval = client.approvals().get(&approval).await.attempt(attempted)?;
    context.output.data(&approval, |out| print(out, &approval));
    Ok(Exit::Done)
}

fn print(out: Output, approval: &Approval) {
    let field = |name: &str, value: &str| out.pieces(&[(DIM, &format!("{name:<12}")), (PLAIN, value)]);
    out.pieces(&[(ACCENT, &approval.approval_id), (PLAIN, "  "), (state(&approval.state), &approval.state)]);
    field("agent", &format!("{} v{}", approval.agent_name, approval.version));
    field("execution", &format!("{} step {}", approval.execution_id, approval.step));
    field("tool", &approval.tool);
    field("arguments", &approval.arguments.to_string());
    if let Some(edited) = &approval.edited_arguments {
        field("edited to", &edited.to_string());
    }
    field("call", approval.call_sha256.get(..12).unwrap_or(&approval.call_sha256));
    field("who", &who(approval));
    field("asked", &show::time(&approval.created_at));
    let then = if approval.on_expiry == "pause" { "its execution is paused" } else { "it is rejected" };
    field("expires", &format!("{}, then {then}", show::time(&approval.expires_at)));
    let to = approval.escalate_to.join(", ");
    match (&approval.escalated_at, &approval.escalate_at) {
        (Some(at), _) => field("escalated", &format!("{} to {to}", show::time(at))),
        (None, Some(at)) if approval.state == "pending" => field("escalates", &format!("{} to {to}", show::time(at))),
        _ => {}
    }
    if let Some(by) = &approval.decided_by {
        field("decided", &format!("{} by {by}", show::maybe_time(approval.decided_at.as_deref())));
        let begun = approval.carried_out_at.as_deref().map_or_else(|| "waits for its execution".to_owned(), show::time);
        field("carried out", &begun);
    }
    if let Some(note) = &approval.note {
        field("note", note);
    }
    if let Some(answer) = &approval.answer {
        field("answer", &answer.to_string());
    }
}
