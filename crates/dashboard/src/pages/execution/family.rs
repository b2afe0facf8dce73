//! Where an execution belongs: its parent, its children, what it was copied from, and what a stop of them all did.

use maud::{Markup, html};
use moltforge_api::executions::{Execution, StopReceipt, StoppedExecution, TreeNode};
use moltforge_types::Timestamp;

use crate::components::badge::{actor, badge};
use crate::components::table::{column, table, wide};
use crate::{paths, text, time};

/// Executions below that are listed.
const SHOWN: usize = 100;

/// A link to an execution, short.
fn link(id: &str) -> Markup {
    html! { a href=(paths::execution(id)) title=(id) { code class="id" { (text::tail(id)) } } }
}

/// Where it comes from, as facts.
pub(super) fn facts(execution: &Execution, now: Timestamp) -> Markup {
    let root = execution.root_id.as_ref().filter(|root| execution.parent_id.as_ref() != Some(*root));
    html! {
        @if let Some(parent) = &execution.parent_id { div { dt { "Parent" } dd { (link(parent)) } } }
        @if let Some(root) = root { div { dt { "Root" } dd { (link(root)) } } }
        @if let Some(from) = &execution.forked_from { div { dt { "Forked from" } dd { (link(from)) } } }
        @if let Some(trigger) = &execution.trigger_id { div { dt { "Trigger" } dd { a href=(paths::trigger(trigger)) { (text::words(&execution.trigger)) } } } }
        @if let Some(at) = &execution.archived_at { div { dt { "Archived" } dd { (time::relative(at, now)) } } }
    }
}

/// Everything below it; nothing when there is nothing.
pub(super) fn section(tree: &[TreeNode]) -> Markup {
    let below = tree.get(1..).unwrap_or_default();
    let rows = html! {
        @for node in below.iter().take(SHOWN) {
            tr {
                th scope="row" { (link(&node.execution_id)) " " (text::one_line(&node.agent_name, 63)) }
                td { (badge(&node.state)) }
                td class="wide" { @if let Some(parent) = &node.parent_id { (link(parent)) } }
            }
        }
    };
    html! {
        @if !below.is_empty() {
            section class="card" aria-labelledby="tree-title" {
                div class="card-head" { h2 id="tree-title" { "Below it" } span class="dim" { (text::count(below.len(), "execution")) } }
                (table("Executions below this one", &[column("Execution"), column("State"), wide("Parent")], &rows))
                @if below.len() > SHOWN { p class="note" { "The first " (SHOWN) ". The API has all of them." } }
            }
        }
    }
}

/// What a stop did.
pub(super) fn receipt(receipt: &StopReceipt, now: Timestamp) -> Markup {
    let all = std::iter::once(&receipt.stopped).chain(&receipt.below).take(SHOWN);
    let rows = html! {
        @for stopped in all {
            tr {
                th scope="row" { (link(&stopped.execution_id)) " " (text::one_line(&stopped.agent_name, 63)) }
                td { (badge(&stopped.state)) }
                td { (calls(stopped)) }
                td class="wide fit" { @match stopped.stop_us { Some(us) => (time::duration(us)), None => "–" } }
            }
        }
    };
    let stopped = &receipt.stopped;
    html! {
        section class="card" aria-labelledby="receipt-title" {
            h2 id="receipt-title" { "Receipt of the stop" }
            p {
                (if stopped.kill { "Killed" } else { "Cancelled" })
                @if let Some(by) = &stopped.by { " by " (actor(by)) }
                @if let Some(at) = &stopped.requested_at { " " (time::relative(at, now)) }
                ". Nothing was begun after the stop was written."
                @if receipt.stopping > 0 { " " strong { (still(receipt.stopping)) } }
            }
            (table("What was stopped", &[column("Execution"), column("State"), column("Calls on their way"), wide("Took")], &rows))
            @if receipt.below.len() >= SHOWN { p class="note" { "The first " (SHOWN) ". The API has all of them." } }
        }
    }
}

/// What has not ended.
fn still(stopping: u64) -> String {
    match stopping {
        1 => "1 execution is still stopping: its calls on their way may end.".to_owned(),
        more => format!("{} executions are still stopping: their calls on their way may end.", text::grouped(more)),
    }
}

fn calls(stopped: &StoppedExecution) -> Markup {
    html! {
        @if stopped.calls.is_empty() { span class="dim" { "none" } }
        @for call in &stopped.calls {
            p {
                "#" (call.step) " " (text::one_line(&call.name, 64)) ": outcome " (text::words(&call.outcome))
                @if let Some(tokens) = call.booked_tokens { span class="dim" { ", booked with " (text::grouped(tokens)) " tokens" } }
                @if let Some(key) = &call.idempotency_key { " " code class="id" title=(key) { (text::one_line(key, 16)) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_says_what_is_still_stopping() {
        let said = |stopping| {
            let receipt = StopReceipt { stopping, ..StopReceipt::default() };
            super::receipt(&receipt, Timestamp::from_micros(0)).into_string()
        };
        assert!(!said(0).contains("still stopping"));
        assert!(said(1).contains("1 execution is still stopping"));
        assert!(said(1_200).contains("executions are still stopping"));
    }
}
