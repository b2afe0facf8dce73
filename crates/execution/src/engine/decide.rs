//! Decide: a person answers a request for approval. The decision and what follows from it are one outcome, and so one
//! commit: neither is there without the other.

use moltforge_capabilities::tools::Begin;
use moltforge_types::ApprovalId;
use moltforge_types::approval::Decision;
use moltforge_types::execution::State;
use moltforge_types::journal::Entry;
use serde_json::Value;

use super::approval::{self, REQUEST_TOOL};
use super::state::Pending;
use super::{Context, Execution, Outcome, Refusal, advance, wake};
use crate::mutation::{Mutation, mutated};

/// Faults of an answer that are told.
const MAX_FAULTS: usize = 5;

/// What a person answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The request.
    pub approval_id: ApprovalId,
    /// The hash of the call that the person saw.
    pub call_sha256: String,
    /// Approve, else reject.
    pub approve: bool,
    /// With an approval: other arguments for the call.
    pub arguments: Option<Value>,
    /// With an approval of `approvals.request`: the answer to its form.
    pub form: Option<Value>,
    /// What they say.
    pub note: Option<String>,
    /// What they are known by: the id and the name of their key.
    pub names: Vec<String>,
    /// Who they are, for the record.
    pub by: String,
}

pub(super) fn apply(
    execution: &mut Execution,
    answer: Answer,
    context: Context,
    out: &mut Outcome,
) -> Result<(), Refusal> {
    execution.open_to_people()?;
    let waiting = approval::waiting(execution).find(|(_, ask)| ask.approval_id == answer.approval_id);
    let Some((call, ask)) = waiting.map(|(call, ask)| (call.clone(), ask.clone())) else {
        return Err(Refusal::ApprovalClosed);
    };
    if !ask.may_decide(&answer.names) && !mutated(Mutation::AnyApprover) {
        return Err(Refusal::ApproverRequired);
    }
    if ask.due <= context.now && !mutated(Mutation::LateApproval) {
        return Err(Refusal::ApprovalExpired);
    }
    if ask.call_sha256 != answer.call_sha256 && !mutated(Mutation::AnyApproval) {
        return Err(Refusal::ApprovalChanged);
    }
    check(execution, &call, &answer, context)?;
    let arguments = answer.arguments.map(moltforge_manifest::sorted);
    let call_sha256 = match &arguments {
        Some(arguments) => approval::call_hash(execution.id, call.step, &call.tool, arguments),
        None => ask.call_sha256,
    };
    let entry = Entry::ApprovalDecided {
        approval_id: answer.approval_id,
        step: call.step,
        decision: if answer.approve { Decision::Approved } else { Decision::Rejected },
        by: answer.by,
        note: answer.note,
        arguments,
        answer: answer.form,
        call_sha256,
    };
    execution.write(entry, context, out);
    match execution.state {
        State::Suspended => wake::go_on(execution, State::Suspended, context, out),
        State::Running => advance::apply(execution, context, out),
        // kept; what follows from it begins when the execution goes on
        _ => {}
    }
    Ok(())
}

/// Whether what comes with the decision fits what was asked.
fn check(execution: &Execution, call: &Pending, answer: &Answer, context: Context) -> Result<(), Refusal> {
    let invalid = |field, message: &str| Err(Refusal::AnswerInvalid { field, message: message.to_owned() });
    let is_question = call.tool == REQUEST_TOOL;
    if let Some(arguments) = &answer.arguments {
        if !answer.approve {
            return invalid("/arguments", "a rejected call has no arguments: leave them out");
        }
        if is_question {
            return invalid("/arguments", "a question cannot be edited: answer it");
        }
        if let Begin::Rejected(error) = execution.spec.tools.begin(&call.tool, &arguments.to_string(), context.now) {
            return Err(Refusal::AnswerInvalid { field: "/arguments", message: error.message });
        }
    }
    let question = approval::arguments(call);
    match (&answer.form, question.get("form").filter(|_| is_question)) {
        (Some(_), _) if !answer.approve => invalid("/answer", "only an approval has an answer: leave it out"),
        (Some(_), None) => invalid("/answer", "no form was asked for: leave it out"),
        (None, Some(_)) if answer.approve => invalid("/answer", "the request asks for a form: expected its answer"),
        (Some(form), Some(schema)) => {
            let validator = moltforge_manifest::schema::compile(schema)
                .map_err(|message| Refusal::AnswerInvalid { field: "/answer", message })?;
            let faults = moltforge_manifest::schema::errors(schema, &validator, form, MAX_FAULTS);
            match faults.first() {
                None => Ok(()),
                Some((at, message)) => {
                    let message = format!("at {at:?}: {message}");
                    Err(Refusal::AnswerInvalid { field: "/answer", message })
                }
            }
        }
        (None, _) => Ok(()),
    }
}
