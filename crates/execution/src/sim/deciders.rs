//! People who decide about approvals: some may and some may not, some saw another call, some answer twice or too late.

use moltforge_store::ApprovalRow;
use moltforge_types::approval::ApprovalState;
use serde_json::json;

use super::client::Client;
use super::dice::Dice;
use super::state::Promise;
use crate::engine::approval::REQUEST_TOOL;
use crate::engine::{Answer, Command};
use crate::error::Error;

/// Decides about one of the latest approvals, perhaps twice or against each other.
pub(super) fn decide(client: &Client, dice: &Dice, n: u64) {
    let all = client.state.memory.approvals();
    let wanted = |row: &&ApprovalRow| row.state == ApprovalState::Pending;
    let waiting: Vec<_> = if dice.chance(850) { all.iter().filter(wanted).collect() } else { all.iter().collect() };
    let latest = waiting.get(waiting.len().saturating_sub(8)..).unwrap_or_default();
    let Some(row) = dice.pick(latest).copied() else { return };
    let first = answer(row, dice, &format!("person-{n}"));
    if dice.chance(250) {
        let second = if dice.chance(500) { first.clone() } else { answer(row, dice, &format!("other-{n}")) };
        tokio::spawn(client.clone().decide(row.clone(), second));
    }
    tokio::spawn(client.clone().decide(row.clone(), first));
}

fn answer(row: &ApprovalRow, dice: &Dice, who: &str) -> Answer {
    let role = ["boss", "boss", "boss", "chief", "clerk"][usize::try_from(dice.below(5)).unwrap_or(0)];
    let (approve, wrong) = (dice.chance(700), dice.chance(100));
    let is_question = row.tool == REQUEST_TOOL;
    let edits = approve && (dice.chance(200) && !is_question || dice.chance(20));
    let form = is_question && approve && row.arguments.contains("form") != dice.chance(100);
    Answer {
        approval_id: row.approval_id,
        call_sha256: if wrong { "another".to_owned() } else { row.call_sha256.clone() },
        approve,
        arguments: edits.then(|| json!({ "n": dice.below(9) })),
        form: form.then(|| json!({ "ok": true })),
        note: None,
        names: vec![role.to_owned()],
        by: format!("{who} {role}"),
    }
}

/// The answer that lets a call begin, of somebody who may.
pub(super) fn consent(row: &ApprovalRow) -> Answer {
    let form = row.tool == REQUEST_TOOL && row.arguments.contains("form");
    Answer {
        approval_id: row.approval_id,
        call_sha256: row.call_sha256.clone(),
        approve: true,
        arguments: None,
        form: form.then(|| json!({ "ok": true })),
        note: None,
        names: vec!["boss".to_owned()],
        by: "operator boss".to_owned(),
    }
}

impl Client {
    /// As `Executions::decide_approval` does it.
    pub(super) async fn decide(self, row: ApprovalRow, answer: Answer) {
        let (id, approval_id, approve, by) = (row.execution_id, row.approval_id, answer.approve, answer.by.clone());
        let fits = answer.call_sha256 == row.call_sha256;
        let promise = || self.state.promise(Promise::Decided { id, approval_id, approve, by: by.clone() });
        match self.apply(id, Command::Decide(Box::new(answer))).await {
            Ok(_) if !fits => {
                self.state.violated("I4", format!("a decision about another call than {approval_id} was taken"));
            }
            Ok(_) => promise(),
            // somebody was faster, perhaps this person whose answer was lost
            Err(Error::ApprovalClosed) => {
                let rows = self.state.memory.approvals();
                let found = rows.into_iter().find(|row| row.approval_id == approval_id);
                if found.is_some_and(|row| row.decided_by.as_deref() == Some(&by)) && fits {
                    self.state.trace(|| format!("{by} had decided about {approval_id}"));
                }
            }
            Err(error) => self.state.trace(|| format!("{by} about {approval_id}: {error}")),
        }
    }
}
