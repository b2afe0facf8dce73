//! Approvals (I4): each is decided once, in time, by somebody who may; what begins is what was approved, once; and the
//! rows that people see say what the journal says.

use std::collections::BTreeMap;

use moltforge_types::approval::{ApprovalState, Decision};
use moltforge_types::journal::Entry;
use moltforge_types::{ApprovalId, Timestamp};
use serde_json::Value;

use super::Told;
use crate::engine::approval::call_hash;
use crate::sim::agents::needs_approval;
use crate::sim::state::State;

/// One request, as the journal tells it.
struct Asked {
    step: u32,
    tool: String,
    approvers: Vec<String>,
    due: Timestamp,
    escalate_at: Option<Timestamp>,
    call_sha256: String,
    decision: Option<Decision>,
    begun: bool,
    row: ApprovalState,
    /// Its consequence has begun, as far as a row can say.
    carried_out: bool,
}

pub(super) fn check(state: &State, told: &Told) {
    let mut all: BTreeMap<ApprovalId, Asked> = BTreeMap::new();
    for (seq, at, entry) in told.own() {
        if let Err(what) = follow(told, &mut all, *at, entry) {
            state.violated("I4", format!("entry {seq} of {}: {what}", told.row.execution_id));
        }
    }
    let ended = told.row.columns.state.is_terminal();
    let rows = state.memory.approvals().into_iter().filter(|row| row.execution_id == told.row.execution_id);
    let rows: BTreeMap<ApprovalId, _> = rows.map(|row| (row.approval_id, row)).collect();
    if rows.len() != all.len() {
        state.violated("I5", format!("{} has {} approvals and {} rows", told.row.execution_id, all.len(), rows.len()));
    }
    for (id, asked) in &all {
        let Some(row) = rows.get(id) else {
            state.violated("I5", format!("the approval {id} has no row"));
            continue;
        };
        let expected = if asked.decision.is_none() && asked.row == ApprovalState::Pending && ended {
            ApprovalState::Cancelled
        } else {
            asked.row
        };
        let says = (row.state, row.carried_out_at.is_some());
        if says != (expected, asked.carried_out) {
            let expected = (expected, asked.carried_out);
            state.violated("I5", format!("the row of the approval {id} says {says:?}, its journal {expected:?}"));
        }
    }
}

fn follow(told: &Told, all: &mut BTreeMap<ApprovalId, Asked>, at: Timestamp, entry: &Entry) -> Result<(), String> {
    let id = told.row.execution_id;
    match entry {
        Entry::ApprovalRequested { approval_id, step, tool, approvers, due, escalate_at, call_sha256, .. } => {
            let open = all.values().any(|asked| asked.step == *step && asked.decision.is_none());
            let asked = Asked {
                step: *step,
                tool: tool.clone(),
                approvers: approvers.clone(),
                due: *due,
                escalate_at: *escalate_at,
                call_sha256: call_sha256.clone(),
                decision: None,
                begun: false,
                row: ApprovalState::Pending,
                carried_out: false,
            };
            if all.insert(*approval_id, asked).is_some() || open {
                return Err(format!("step {step} is asked for twice"));
            }
        }
        Entry::ApprovalDecided { approval_id, step, decision, by, arguments, call_sha256, note, .. } => {
            let asked = all.get_mut(approval_id).ok_or("a decision about nothing")?;
            if asked.decision.replace(*decision).is_some() || asked.step != *step {
                return Err(format!("{approval_id} is decided twice"));
            }
            // a program that gives a call up closes its request before its time
            let is_given_up = *decision == Decision::Expired && by == "system" && note.is_some();
            if !is_given_up && (*decision == Decision::Expired) != (asked.due <= at) {
                return Err(format!("{approval_id} is {decision} at {at}, due at {}", asked.due));
            }
            let role = by.split_once(' ').map(|(_, role)| role.to_owned());
            let may = asked.approvers.is_empty() || role.is_some_and(|role| asked.approvers.contains(&role));
            if *decision != Decision::Expired && !may {
                return Err(format!("{approval_id} is decided by {by}, {:?} may", asked.approvers));
            }
            if let Some(arguments) = arguments {
                asked.call_sha256 = call_hash(id, *step, &asked.tool, arguments);
            }
            if asked.call_sha256 != *call_sha256 {
                return Err(format!("{approval_id} was decided about another call"));
            }
            asked.row = match decision {
                Decision::Approved => ApprovalState::Approved,
                Decision::Rejected => ApprovalState::Rejected,
                Decision::Expired => ApprovalState::Expired,
            };
        }
        Entry::ApprovalEscalated { approval_id, to, .. } => {
            let asked = all.get_mut(approval_id).ok_or("an escalation of nothing")?;
            if asked.decision.is_some() || asked.escalate_at.take().is_none_or(|due| due > at) {
                return Err(format!("{approval_id} is escalated at the wrong time"));
            }
            asked.approvers.extend(to.iter().cloned());
        }
        Entry::ApprovalReopened { approval_id, .. } => {
            let asked = all.get_mut(approval_id).ok_or("nothing is asked for anew")?;
            if asked.begun {
                return Err(format!("{approval_id} is asked for anew after its call began"));
            }
            asked.row = ApprovalState::Reopened;
            asked.decision = asked.decision.or(Some(Decision::Expired));
        }
        Entry::ToolInvoked { step, tool, approval_id, .. } => {
            let Some(approval_id) = approval_id else {
                let always = needs_approval(tool, &Value::Null);
                return if always { Err(format!("{tool} begins without an approval")) } else { Ok(()) };
            };
            let asked = all.get_mut(approval_id).ok_or("a call begins that nobody was asked about")?;
            let good = asked.row == ApprovalState::Approved && asked.step == *step && asked.tool == *tool;
            if !good || std::mem::replace(&mut asked.begun, true) {
                return Err(format!("{tool} begins twice, or while {approval_id} is {}", asked.row));
            }
            asked.carried_out = true;
        }
        Entry::ToolSucceeded { step, .. } | Entry::ToolFailed { step, .. } => {
            let mut decided = false;
            for asked in all.values_mut().filter(|asked| asked.step == *step && asked.decision.is_some()) {
                asked.carried_out |= asked.row != ApprovalState::Reopened;
                decided = true;
            }
            let open = all.values().any(|asked| asked.step == *step && asked.decision.is_none());
            if open && !decided {
                return Err(format!("step {step} is answered before anybody decided"));
            }
        }
        _ => {}
    }
    Ok(())
}
