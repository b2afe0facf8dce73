//! `moltforge approvals`

use futures::{StreamExt as _, TryStreamExt as _};
use moltforge_api::approvals::{Approval, DecideApproval, ListApprovals};
use serde_json::Value;

use super::{argument, show};
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, DIM, Exit, Failure, GOOD, Output, PLAIN, Table, WARN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List calls that wait for a person, newest first
    List {
        /// Those in this state: pending, approved, rejected, expired, cancelled, reopened, or all
        #[arg(long, short, default_value = "pending")]
        state: String,
        /// Only this agent's, by name or id
        #[arg(long, short)]
        agent: Option<String>,
        /// Only this execution's
        #[arg(long, short)]
        execution: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show an approval: the exact call, who may decide, until when
    #[command(alias = "show")]
    Get {
        /// apr_...
        approval: String,
    },
    /// Let the call begin, exactly as it is shown or with other arguments
    Approve {
        /// apr_...
        approval: String,
        /// Other arguments for the call: JSON, @FILE or - for stdin
        #[arg(long, value_name = "JSON|@FILE|-", conflicts_with = "answer")]
        edit: Option<String>,
        /// The answer to the form of the request: JSON, @FILE or -
        #[arg(long, value_name = "JSON|@FILE|-")]
        answer: Option<String>,
        /// The hash of the call that you looked at, or its beginning; the one that waits now when absent
        #[arg(long, value_name = "HASH")]
        call: Option<String>,
        /// Why
        #[arg(long, short)]
        note: Option<String>,
    },
    /// Refuse the call for good; the model is told
    Reject {
        /// apr_...
        approval: String,
        /// The hash of the call that you looked at, or its beginning; the one that waits now when absent
        #[arg(long, value_name = "HASH")]
        call: Option<String>,
        /// Why; the model reads it
        #[arg(long, short)]
        note: Option<String>,
    },
}

/// Does what the verb says.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let list_pending = Verb::List { state: "pending".to_owned(), agent: None, execution: None, limit: 50 };
    match args.verb.unwrap_or(list_pending) {
        Verb::List { state, agent, execution, limit } => {
            let state = Some(state).filter(|state| state != "all");
            let per_page = u32::try_from(limit.clamp(1, 200)).ok();
            list(context, ListApprovals { state, agent, execution, cursor: None, limit: per_page }, limit).await
        }
        Verb::Get { approval } => {
            let attempted = || format!("get {approval}");
            let client = context.connection.client().attempt(attempted)?;
            let approval = client.approvals().get(&approval).await.attempt(attempted)?;
            context.output.data(&approval, |out| show_one(out, &approval));
            Ok(Exit::Done)
        }
        Verb::Approve { approval, edit, answer, call, note } => {
            let attempted = || format!("approve {approval}");
            let arguments = argument::json("--edit", edit.as_deref()).attempt(attempted)?;
            let answer = argument::json("--answer", answer.as_deref()).attempt(attempted)?;
            decide(context, &approval, "approve", call, arguments, answer, note).await
        }
        Verb::Reject { approval, call, note } => decide(context, &approval, "reject", call, None, None, note).await,
    }
}

async fn decide(
    context: &Context,
    id: &str,
    decision: &str,
    call: Option<String>,
    arguments: Option<Value>,
    answer: Option<Value>,
    note: Option<String>,
) -> Result<Exit, Failure> {
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

async fn list(context: &Context, filter: ListApprovals, limit: usize) -> Result<Exit, Failure> {
    let attempted = || "list approvals".to_owned();
    let client = context.connection.client().attempt(attempted)?;
    let all = client.approvals().list_all(filter).take(limit);
    let approvals: Vec<Approval> = all.try_collect().await.attempt(attempted)?;
    context.output.data(&approvals, |out| {
        let header = &["APPROVAL", "AGENT", "CALL", "STATE", "EXPIRES", "WHO"];
        let mut table = Table::new(header, "no call waits for a person");
        for approval in &approvals {
            let call = format!("{}({})", approval.tool, approval.arguments);
            let who = match (&approval.decided_by, approval.state.as_str()) {
                (Some(by), _) => by.clone(),
                (None, "pending") => who(approval),
                (None, _) => "-".to_owned(),
            };
            table.row([
                (ACCENT, approval.approval_id.as_str()),
                (PLAIN, &format!("{} v{}", approval.agent_name, approval.version)),
                (PLAIN, &call.chars().take(80).collect::<String>()),
                (state(&approval.state), &approval.state),
                (DIM, &show::time(&approval.expires_at)),
                (PLAIN, &who),
            ]);
        }
        out.table(&table);
    });
    Ok(Exit::Done)
}

fn who(approval: &Approval) -> String {
    if approval.approvers.is_empty() { "anybody".to_owned() } else { approval.approvers.join(", ") }
}

fn state(state: &str) -> anstyle::Style {
    match state {
        "pending" => WARN,
        "approved" => GOOD,
        _ => DIM,
    }
}

fn show_one(out: Output, approval: &Approval) {
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
