//! What a stop did, for people.

use moltforge_api::executions::{Execution, StopReceipt, StoppedExecution};

use super::show;
use crate::output::{ACCENT, DIM, Output, PLAIN, Table, WARN};

/// An execution that was stopped, and what that did.
pub fn stopped(out: Output, execution: &Execution) {
    show::execution(out, execution);
    if let Some(receipt) = &execution.receipt {
        print(out, receipt);
    }
}

/// A table of what was stopped, and of the calls whose outcome nobody knows.
pub fn print(out: Output, receipt: &StopReceipt) {
    let all: Vec<&StoppedExecution> = std::iter::once(&receipt.stopped).chain(&receipt.below).collect();
    if all.len() > 1 {
        let mut table = Table::new(&["EXECUTION", "AGENT", "STATE", "STOPPED IN"], "nothing");
        for stopped in &all {
            let took = stopped.stop_us.map_or_else(|| "-".to_owned(), show::duration);
            table.row([
                (ACCENT, stopped.execution_id.as_str()),
                (PLAIN, &stopped.agent_name),
                (show::state(&stopped.state), &stopped.state),
                (PLAIN, &took),
            ]);
        }
        out.table(&table);
    }
    for (stopped, call) in all.iter().flat_map(|stopped| stopped.calls.iter().map(move |call| (stopped, call))) {
        let key = call.idempotency_key.as_deref().map(|key| format!(", key {key}")).unwrap_or_default();
        let booked = call.booked_tokens.map(|tokens| format!(", booked at {tokens} tokens")).unwrap_or_default();
        let line =
            format!("{} step {} {}: outcome {}{key}{booked}", stopped.execution_id, call.step, call.name, call.outcome);
        out.pieces(&[(WARN, "aborted "), (PLAIN, &line)]);
    }
    if let Some(took) = receipt.took_us {
        out.pieces(&[(DIM, &format!("all of it is stopped, {} after it was asked for", show::duration(took)))]);
    }
}
