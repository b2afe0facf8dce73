//! What the API shows of an execution: from the hot state, or from its row.

use moltforge_api::executions::{Execution as View, ExecutionError};
use moltforge_store::{Columns, ExecutionRow};
use moltforge_types::journal::ErrorInfo;
use serde_json::Value;

use crate::engine::Execution;

/// The columns of an execution's row that follow from its state.
pub(crate) fn columns(execution: &Execution) -> Columns {
    Columns {
        state: execution.state,
        reason: execution.reason,
        attempt: execution.attempt,
        wake_at: execution.wake_at(),
        waiting_for: execution.waiting_for(),
        finished_at: execution.finished_at,
        output: execution.output.as_ref().map(Value::to_string),
        error: execution.error.as_ref().and_then(|error| serde_json::to_string(error).ok()),
        tokens: execution.usage.total(),
    }
}

/// The view of a hot execution.
pub(crate) fn of_hot(execution: &Execution, environment: Option<&str>) -> View {
    View {
        execution_id: execution.id.to_string(),
        agent_id: execution.spec.agent_id.to_string(),
        agent_name: execution.spec.agent_name.to_string(),
        version: execution.spec.version,
        environment: environment.map(str::to_owned),
        state: execution.state.to_string(),
        reason: execution.reason.map(|reason| reason.to_string()),
        waiting_for: execution.waiting_for(),
        attempt: execution.attempt,
        seq: execution.seq,
        input: (*execution.input).clone(),
        output: execution.output.clone(),
        error: execution.error.as_ref().map(error),
        created_at: execution.created_at.to_string(),
        updated_at: execution.updated_at.to_string(),
        finished_at: execution.finished_at.map(|at| at.to_string()),
        wake_at: execution.wake_at().map(|at| at.to_string()),
        tokens: execution.usage.total(),
        trigger: execution.trigger.clone(),
        trigger_id: execution.origin.trigger_id.map(|id| id.to_string()),
        priority: execution.origin.effective_priority(),
        concurrency_key: execution.origin.concurrency_key.clone(),
        parent_id: execution.origin.parent.as_ref().map(|parent| parent.execution_id.to_string()),
        root_id: execution.origin.parent.as_ref().map(|parent| parent.root_id.to_string()),
        forked_from: execution.origin.forked_from.as_ref().map(|fork| fork.execution_id.to_string()),
        archived_at: None,
        receipt: None,
    }
}

/// The view of a row.
pub(crate) fn of_row(row: ExecutionRow) -> View {
    let json = |text: String| serde_json::from_str(&text).unwrap_or(Value::Null);
    View {
        execution_id: row.execution_id.to_string(),
        agent_id: row.agent_id.to_string(),
        agent_name: row.agent_name,
        version: row.version,
        environment: row.environment,
        state: row.columns.state.to_string(),
        reason: row.columns.reason.map(|reason| reason.to_string()),
        waiting_for: row.columns.waiting_for,
        attempt: row.columns.attempt,
        seq: row.last_seq,
        input: json(row.input),
        output: row.columns.output.map(json),
        error: row.columns.error.and_then(|text| serde_json::from_str::<ErrorInfo>(&text).ok()).as_ref().map(error),
        created_at: row.created_at.to_string(),
        updated_at: row.updated_at.to_string(),
        finished_at: row.columns.finished_at.map(|at| at.to_string()),
        wake_at: row.columns.wake_at.map(|at| at.to_string()),
        tokens: row.columns.tokens,
        trigger: row.trigger,
        trigger_id: row.trigger_id.map(|id| id.to_string()),
        priority: row.priority,
        concurrency_key: row.concurrency_key,
        parent_id: row.parent_id.map(|id| id.to_string()),
        root_id: row.root_id.map(|id| id.to_string()),
        forked_from: row.forked_from.map(|id| id.to_string()),
        archived_at: row.archived_at.map(|at| at.to_string()),
        receipt: None,
    }
}

/// An error as the API shows it.
pub(crate) fn error(error: &ErrorInfo) -> ExecutionError {
    ExecutionError { code: error.code.clone(), message: error.message.clone() }
}
