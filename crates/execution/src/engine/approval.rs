//! Calls that wait for a person: what is asked, what a decision is bound to, and how its call begins.

use std::time::Duration;

use moltforge_capabilities::tools::Begin;
use moltforge_types::ambient::uuid_v7;
use moltforge_types::approval::{Decision, OnExpiry};
use moltforge_types::execution::{Effect, Reason};
use moltforge_types::journal::{Entry, ErrorInfo};
use moltforge_types::{ApprovalId, ContentHash, ExecutionId, Id as _, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::policy::Policy;
use super::state::{Execution, Pending, PendingState};
use super::{Context, Outcome, advance, tool_slot};

/// The tool whose only effect is the question.
pub(crate) const REQUEST_TOOL: &str = "approvals.request";

/// The longest arguments that a person is asked about, bytes of JSON.
const MAX_ARGUMENTS: usize = 64 * 1024;

/// What waits for a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The request.
    pub approval_id: ApprovalId,
    /// The hash of the exact call.
    pub call_sha256: String,
    /// Who may decide: ids and names of keys; anybody with the scope when empty.
    pub approvers: Vec<String>,
    /// When it expires.
    pub due: Timestamp,
    /// What that does.
    pub on_expiry: OnExpiry,
    /// When it is escalated, unless it was.
    pub escalate_at: Option<Timestamp>,
    /// To whom.
    pub escalate_to: Vec<String>,
}

impl Ask {
    /// Whether somebody known by these names may decide.
    pub fn may_decide(&self, names: &[String]) -> bool {
        self.approvers.is_empty() || self.approvers.iter().any(|approver| names.contains(approver))
    }

    /// The next time at which something happens to it by itself.
    pub(super) fn wake_at(&self) -> Timestamp {
        self.escalate_at.map_or(self.due, |at| at.min(self.due))
    }
}

/// A decision whose consequence has not begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The request.
    pub approval_id: ApprovalId,
    /// What was decided.
    pub decision: Decision,
    /// Who decided.
    pub by: String,
    /// What they said.
    pub note: Option<String>,
    /// The answer to a form.
    pub answer: Option<Value>,
    /// The hash of the call that may begin.
    pub call_sha256: String,
    /// Until when it must have begun.
    pub begin_by: Timestamp,
}

/// How long after a decision its call may begin at least, also when the request would have expired by then.
pub(crate) const BEGIN_WITHIN: Duration = Duration::from_mins(15);

/// What a decision is bound to: SHA-256 of the canonical JSON of exactly this call of exactly this execution.
pub(crate) fn call_hash(execution_id: ExecutionId, step: u32, tool: &str, arguments: &Value) -> String {
    let call = json!({ "execution_id": execution_id, "step": step, "tool": tool, "arguments": arguments });
    ContentHash::of(moltforge_manifest::canonical_value(&call).as_bytes()).to_string()
}

/// The arguments of a call as a value. The text was parsed when the call was validated.
pub(super) fn arguments(call: &Pending) -> Value {
    serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}))
}

/// Writes a request in place of the call.
pub(super) fn request(execution: &mut Execution, call: &Pending, policy: &Policy, context: Context, out: &mut Outcome) {
    let arguments = moltforge_manifest::sorted(arguments(call));
    let size = arguments.to_string().len();
    if size > MAX_ARGUMENTS {
        let message = format!("{} waits for a person, who reads at most {MAX_ARGUMENTS} bytes; got {size}", call.tool);
        advance::fail(execution, call, ErrorInfo::new("tool_arguments_invalid", message), true, context, out);
        return;
    }
    let asked = arguments.get("expires").filter(|_| call.tool == REQUEST_TOOL).and_then(Value::as_str);
    let expires = asked
        .and_then(|text| moltforge_manifest::parse_duration(text).ok())
        .unwrap_or_else(|| policy.expires(execution.spec.wall));
    let entry = Entry::ApprovalRequested {
        approval_id: new_id(execution, call.step, context.now),
        step: call.step,
        call_id: call.call_id.clone(),
        tool: call.tool.clone(),
        call_sha256: call_hash(execution.id, call.step, &call.tool, &arguments),
        arguments,
        approvers: policy.approvers.clone(),
        due: context.now.plus(expires.max(Duration::from_secs(1))),
        on_expiry: policy.on_expiry,
        escalate_at: policy.escalate_after.map(|after| context.now.plus(after)),
        escalate_to: policy.escalate_to.clone(),
    };
    execution.write(entry, context, out);
}

/// An id that sorts by its time and follows from what is asked: a command that is applied again asks under the same id.
fn new_id(execution: &Execution, step: u32, now: Timestamp) -> ApprovalId {
    let text = format!("moltforge approval 1|{}|{step}|{}", execution.id, execution.seq);
    let mut random = [0; 10];
    random.copy_from_slice(&ContentHash::of(text.as_bytes()).as_bytes()[..10]);
    ApprovalId::from_u128(uuid_v7(now, random))
}

/// What time does to a request: an escalation, an expiry. And a request that another execution made (this one is its
/// fork) is asked for anew.
pub(super) fn wait(execution: &mut Execution, call: &Pending, ask: &Ask, context: Context, out: &mut Outcome) {
    if ask.call_sha256 != call_hash(execution.id, call.step, &call.tool, &arguments(call)) {
        reopen(execution, call, ask.approval_id, "the request belongs to another call", context, out);
    } else if ask.due <= context.now {
        expire(execution, call, ask, context, out);
    } else {
        escalate(execution, call.step, ask, context, out);
    }
}

/// Lets others decide as well, once.
pub(super) fn escalate(execution: &mut Execution, step: u32, ask: &Ask, context: Context, out: &mut Outcome) {
    if ask.escalate_at.is_some_and(|at| at <= context.now) {
        let (approval_id, to) = (ask.approval_id, ask.escalate_to.clone());
        execution.write(Entry::ApprovalEscalated { approval_id, step, to }, context, out);
    }
}

fn expire(execution: &mut Execution, call: &Pending, ask: &Ask, context: Context, out: &mut Outcome) {
    execution.write(expired(call.step, ask, None), context, out);
    if ask.on_expiry == OnExpiry::Pause {
        let detail = format!("nobody decided about {} ({}) in time; a resume asks anew", ask.approval_id, call.tool);
        let paused = Entry::paused(Reason::ApprovalExpired, detail);
        advance::finish(execution, paused, context, out);
    }
}

/// A request whose call nobody waits for any more: its program gave it up.
pub(super) fn give_up(execution: &mut Execution, step: u32, ask: &Ask, context: Context, out: &mut Outcome) {
    let note = Some("the program no longer waits for this call".to_owned());
    execution.write(expired(step, ask, note), context, out);
}

fn expired(step: u32, ask: &Ask, note: Option<String>) -> Entry {
    Entry::ApprovalDecided {
        approval_id: ask.approval_id,
        step,
        decision: Decision::Expired,
        by: "system".to_owned(),
        note,
        arguments: None,
        answer: None,
        call_sha256: ask.call_sha256.clone(),
    }
}

/// Carries a decision out: the call begins, exactly as it was approved, or the model is told why it does not.
pub(super) fn carry_out(
    execution: &mut Execution,
    call: &Pending,
    verdict: &Verdict,
    context: Context,
    out: &mut Outcome,
) {
    if verdict.call_sha256 != call_hash(execution.id, call.step, &call.tool, &arguments(call)) {
        let why = "what would begin is not what was decided about";
        reopen(execution, call, verdict.approval_id, why, context, out);
        return;
    }
    if call.tool == REQUEST_TOOL {
        let Verdict { decision, by, note, answer, .. } = verdict;
        let output = json!({ "decision": decision, "by": by, "note": note, "answer": answer });
        advance::succeed(execution, call, output, context, out);
        return;
    }
    if verdict.decision == Decision::Approved && verdict.begin_by < context.now {
        let why = format!("it did not begin by {}", verdict.begin_by);
        reopen(execution, call, verdict.approval_id, &why, context, out);
        return;
    }
    let error = match verdict.decision {
        Decision::Approved => return begin(execution, call, verdict.approval_id, context, out),
        Decision::Rejected => {
            let note = verdict.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
            let message = format!("the call of {} was rejected by {}{note}", call.tool, verdict.by);
            ErrorInfo::new("approval_rejected", message)
        }
        Decision::Expired => {
            ErrorInfo::new("approval_expired", format!("nobody approved the call of {} in time", call.tool))
        }
    };
    advance::fail(execution, call, error, false, context, out);
}

/// An approved call begins: with an intent, whatever its class is, so that its start can be proven.
fn begin(execution: &mut Execution, call: &Pending, approval_id: ApprovalId, context: Context, out: &mut Outcome) {
    let begun = execution.spec.tools.begin(&call.tool, &call.arguments, context.now);
    let effect = match &begun {
        Begin::Call { effect, .. } => *effect,
        Begin::Rejected(_)
        | Begin::Ask
        | Begin::Done(_)
        | Begin::Write { .. }
        | Begin::Emit { .. }
        | Begin::Sleep { .. }
        | Begin::AwaitSignal { .. }
        | Begin::StartChild { .. }
        | Begin::AwaitChildren { .. } => Effect::Pure,
    };
    if matches!(begun, Begin::Call { .. }) && tool_slot::waits(execution, call, out) {
        return;
    }
    if !matches!(begun, Begin::Rejected(_)) {
        advance::intend(execution, call, effect, Some(approval_id), context, out);
    }
    advance::carry_on(execution, call, begun, context, out);
}

/// A decision that no longer fits what would begin: it counts no longer, and the call is asked for anew.
fn reopen(
    execution: &mut Execution,
    call: &Pending,
    approval_id: ApprovalId,
    why: &str,
    context: Context,
    out: &mut Outcome,
) {
    let entry = Entry::ApprovalReopened { approval_id, step: call.step, why: why.to_owned() };
    execution.write(entry, context, out);
    let policy = execution.spec.policy(&call.tool, &arguments(call)).cloned().unwrap_or_default();
    request(execution, call, &policy, context, out);
}

/// The requests of an execution that wait.
pub(crate) fn waiting(execution: &Execution) -> impl Iterator<Item = (&Pending, &Ask)> {
    execution.pending.iter().filter_map(|call| match &call.state {
        PendingState::AwaitsApproval(ask) => Some((call, ask.as_ref())),
        _ => None,
    })
}
