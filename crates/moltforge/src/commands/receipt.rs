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
    if let Some(line) = summary(receipt, all.len()) {
        out.pieces(&[(if receipt.stopping > 0 || receipt.truncated { WARN } else { DIM }, &line)]);
    }
}

/// Whether all of it is stopped. Nothing for a receipt that was looked up when all is long over.
fn summary(receipt: &StopReceipt, all: usize) -> Option<String> {
    if receipt.truncated {
        return Some(format!("{all} are named; the stop is on its way to more below them"));
    }
    match (receipt.stopping, receipt.took_us) {
        (0, None) => None,
        (0, Some(took)) => Some(format!("all of it is stopped, {} after it was asked for", show::duration(took))),
        (1, _) if all == 1 => Some("still stopping: calls on its way may end, nothing new begins".to_owned()),
        (open, _) => Some(format!("{open} of {all} still stopping: calls on their way may end, nothing new begins")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_that_all_is_stopped_only_when_it_is() {
        let said = |stopping, took_us, all| {
            let receipt = StopReceipt { stopping, took_us, ..StopReceipt::default() };
            summary(&receipt, all).unwrap_or_default()
        };
        assert_eq!(said(0, Some(2_000), 3), "all of it is stopped, 2.0 ms after it was asked for");
        assert_eq!(said(2, Some(2_000), 3), "2 of 3 still stopping: calls on their way may end, nothing new begins");
        assert!(said(1, Some(2_000), 1).starts_with("still stopping"));
        assert!(said(1, None, 4).starts_with("1 of 4 still stopping"));
        assert_eq!(said(0, None, 4), "");
        let cut = StopReceipt { truncated: true, took_us: Some(2_000), ..StopReceipt::default() };
        assert!(summary(&cut, 10_001).unwrap_or_default().contains("on its way to more"));
    }
}
