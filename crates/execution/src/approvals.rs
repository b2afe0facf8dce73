//! What the API asks about approvals.

use std::time::Duration;

use moltforge_api::Page;
use moltforge_api::approvals::{Approval, ApprovalCount, Callback, CallbackDecision, DecideApproval, ListApprovals};
use moltforge_store::{ApprovalFilter, ApprovalRow};
use moltforge_types::approval::ApprovalState;
use moltforge_types::{Actor, ApprovalId, ExecutionId, KeyId, Principal, ProjectId, Scope};
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use crate::engine::{Answer, Command};
use crate::error::Error;
use crate::executions::{Executions, check_note};

/// The longest edited arguments and answers, bytes of JSON.
const MAX_ANSWER: usize = 64 * 1024;
/// How many that wait are counted.
const MAX_COUNTED: u32 = 1_000;
/// How long a decision waits for the rows of an owner that is being taken over.
const AGAIN: Duration = Duration::from_millis(50);

impl Executions {
    /// A page of approvals, newest first.
    pub async fn approvals(
        &self,
        project_id: ProjectId,
        query: &ListApprovals,
        before: Option<ApprovalId>,
        limit: u32,
    ) -> Result<Page<Approval>, Error> {
        let field = |field, message| Error::FieldInvalid { field, message };
        let state = query.state.as_deref().map(str::parse).transpose().map_err(|message| field("state", message))?;
        let agent_id = match query.agent.as_deref() {
            None => None,
            Some(agent) => Some(self.agent_id(project_id, agent).await?),
        };
        let execution_id: Option<ExecutionId> = match query.execution.as_deref() {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| Error::ExecutionNotFound(text.chars().take(80).collect()))?),
        };
        let filter = ApprovalFilter { state, agent_id, execution_id, before };
        let mut rows = self.store().approvals(project_id).list(filter, limit.saturating_add(1)).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = more.then(|| rows.last().map(|row| moltforge_http::cursor::encode(&row.approval_id))).flatten();
        Ok(Page { items: rows.into_iter().map(view).collect(), next })
    }

    /// How many wait for a person.
    pub async fn approval_count(&self, project_id: ProjectId) -> Result<ApprovalCount, Error> {
        Ok(ApprovalCount { pending: self.store().approvals(project_id).count_pending(MAX_COUNTED).await? })
    }

    /// One approval; with a callback when the caller may decide about it.
    pub async fn approval(&self, principal: &Principal, id: ApprovalId) -> Result<Approval, Error> {
        let row = self.approval_row(principal.project_id, id).await?;
        let callback = self.callback(principal, &row).await?;
        Ok(Approval { callback, ..view(row) })
    }

    /// Decides. The same decision of the same principal again changes nothing and is answered the same.
    pub async fn decide_approval(
        &self,
        principal: &Principal,
        id: ApprovalId,
        wanted: DecideApproval,
    ) -> Result<Approval, Error> {
        let approve = match wanted.decision.as_str() {
            "approve" => true,
            "reject" => false,
            _ => {
                let message = "expected approve or reject".to_owned();
                return Err(Error::FieldInvalid { field: "/decision", message });
            }
        };
        check_note(wanted.note.as_ref())?;
        for (field, value) in [("/arguments", &wanted.arguments), ("/answer", &wanted.answer)] {
            let size = value.as_ref().map_or(0, |value| value.to_string().len());
            if size > MAX_ANSWER {
                let message = format!("at most {MAX_ANSWER} bytes of JSON, got {size}");
                return Err(Error::FieldInvalid { field, message });
            }
        }
        let row = self.approval_row(principal.project_id, id).await?;
        let Some(names) = self.names(principal).await? else { return Err(Error::ApproverRequired) };
        let by = names.first().cloned().unwrap_or_default();
        if row.state != ApprovalState::Pending {
            return standing(row, &wanted, approve, &by);
        }
        let answer = Answer {
            approval_id: id,
            call_sha256: wanted.call_sha256.clone(),
            approve,
            arguments: wanted.arguments.clone(),
            form: wanted.answer.clone(),
            note: wanted.note.clone(),
            names,
            by: by.clone(),
        };
        let command = Command::Decide(Box::new(answer));
        match self.apply(principal.project_id, row.execution_id, command).await {
            Ok(_) => Ok(view(self.approval_row(principal.project_id, id).await?)),
            // somebody was faster; what they decided is durable before this is answered
            Err(Error::ApprovalClosed | Error::ExecutionEnded(_)) => {
                let mut row = self.approval_row(principal.project_id, id).await?;
                if row.state == ApprovalState::Pending {
                    // the owner has just changed
                    tokio::time::sleep(AGAIN).await;
                    row = self.approval_row(principal.project_id, id).await?;
                }
                standing(row, &wanted, approve, &by)
            }
            Err(error) => Err(error),
        }
    }

    /// Decides for whoever has the token of a callback: the key for which it was made decides, if it still may.
    pub async fn call_back(&self, id: ApprovalId, wanted: CallbackDecision) -> Result<Approval, Error> {
        let token = Token::parse(&wanted.token).ok_or(Error::CallbackInvalid)?;
        let row = self.store().approvals(token.project_id).find(id).await?.ok_or(Error::CallbackInvalid)?;
        let expected = self.token(token.project_id, token.key_id, &row).ok_or(Error::CallbackInvalid)?;
        if !bool::from(expected.to_text().as_bytes().ct_eq(wanted.token.as_bytes())) {
            return Err(Error::CallbackInvalid);
        }
        let now = self.now();
        let key = self.store().keys(token.project_id).find(token.key_id).await?.ok_or(Error::CallbackInvalid)?;
        let is_good = key.revoked_at.is_none() && key.expires_at.is_none_or(|at| at > now);
        if !is_good || !key.scopes.contains(&Scope::ApprovalsDecide) {
            return Err(Error::CallbackInvalid);
        }
        let actor = Actor::Key(token.key_id);
        let principal = Principal { project_id: token.project_id, actor, scopes: key.scopes };
        let CallbackDecision { decision, arguments, answer, note, .. } = wanted;
        let decision = DecideApproval { decision, call_sha256: row.call_sha256, arguments, answer, note };
        self.decide_approval(&principal, id, decision).await
    }

    async fn approval_row(&self, project_id: ProjectId, id: ApprovalId) -> Result<ApprovalRow, Error> {
        let row = self.store().approvals(project_id).find(id).await?;
        row.ok_or_else(|| Error::ApprovalNotFound(id.to_string()))
    }

    /// What a principal is known by: the id of its key, and the key's name. `None`: it may not decide.
    async fn names(&self, principal: &Principal) -> Result<Option<Vec<String>>, Error> {
        if !principal.may(Scope::ApprovalsDecide) {
            return Ok(None);
        }
        let key_id = match principal.actor {
            Actor::Key(key_id) | Actor::Session(_, key_id) => key_id,
            Actor::System => return Ok(Some(vec!["system".to_owned()])),
        };
        let mut names = vec![key_id.to_string()];
        names.extend(self.store().keys(principal.project_id).find(key_id).await?.map(|key| key.name));
        Ok(Some(names))
    }

    async fn callback(&self, principal: &Principal, row: &ApprovalRow) -> Result<Option<Callback>, Error> {
        let key_id = match principal.actor {
            Actor::Key(key_id) | Actor::Session(_, key_id) => key_id,
            Actor::System => return Ok(None),
        };
        let Some(names) = self.names(principal).await? else { return Ok(None) };
        let approvers: Vec<String> = serde_json::from_str(&row.approvers).unwrap_or_default();
        let may = approvers.is_empty() || approvers.iter().any(|name| names.contains(name));
        if !may || row.state != ApprovalState::Pending {
            return Ok(None);
        }
        let path = format!("/v1/approvals/{}/callback", row.approval_id);
        Ok(self.token(principal.project_id, key_id, row).map(|token| Callback { path, token: token.to_text() }))
    }

    /// The token of a key for an approval: bound to the call and its expiry. `None` without a key to make it with.
    fn token(&self, project_id: ProjectId, key_id: KeyId, row: &ApprovalRow) -> Option<Token> {
        let text =
            format!("{project_id}|{key_id}|{}|{}|{}", row.approval_id, row.call_sha256, row.expires_at.as_micros());
        let mac = self.webhook_key()?.tag("approval callback", &text);
        Some(Token { project_id, key_id, mac: hex::encode(mac) })
    }
}

/// `aprtok.<project>.<key>.<mac>`: who decides, and the proof that this server says so.
struct Token {
    project_id: ProjectId,
    key_id: KeyId,
    mac: String,
}

impl Token {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("aprtok.")?.splitn(3, '.');
        let (project_id, key_id) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let mac = parts.next()?.to_owned();
        (mac.len() == 64).then_some(Self { project_id, key_id, mac })
    }

    fn to_text(&self) -> String {
        format!("aprtok.{}.{}.{}", self.project_id, self.key_id, self.mac)
    }
}

/// The answer to a decision about an approval that was decided: its own, or what stands.
fn standing(row: ApprovalRow, wanted: &DecideApproval, approve: bool, by: &str) -> Result<Approval, Error> {
    let state = if approve { ApprovalState::Approved } else { ApprovalState::Rejected };
    let json = |text: &Option<String>| text.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let sorted = |value: &Option<Value>| value.clone().map(moltforge_manifest::sorted);
    let is_repeat = row.state == state
        && row.decided_by.as_deref() == Some(by)
        && row.call_sha256 == wanted.call_sha256
        && json(&row.edited_arguments) == sorted(&wanted.arguments)
        && json(&row.answer) == wanted.answer;
    match row.state {
        _ if is_repeat => Ok(view(row)),
        ApprovalState::Expired => Err(Error::ApprovalExpired),
        state => Err(Error::ApprovalDecided { state: state.to_string(), by: row.decided_by }),
    }
}

/// An id from a path: text that is no id names no approval.
pub(crate) fn approval_id(text: &str) -> Result<ApprovalId, Error> {
    text.parse().map_err(|_| Error::ApprovalNotFound(text.chars().take(80).collect()))
}

fn view(row: ApprovalRow) -> Approval {
    let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    let names = |text: &str| serde_json::from_str(text).unwrap_or_default();
    Approval {
        approval_id: row.approval_id.to_string(),
        execution_id: row.execution_id.to_string(),
        agent_id: row.agent_id.to_string(),
        agent_name: row.agent_name,
        version: row.version,
        step: row.step,
        tool: row.tool,
        arguments: json(&row.arguments),
        call_sha256: row.call_sha256,
        state: row.state.to_string(),
        approvers: names(&row.approvers),
        created_at: row.created_at.to_string(),
        expires_at: row.expires_at.to_string(),
        on_expiry: row.on_expiry,
        escalate_at: row.escalate_at.map(|at| at.to_string()),
        escalate_to: names(&row.escalate_to),
        escalated_at: row.escalated_at.map(|at| at.to_string()),
        decided_at: row.decided_at.map(|at| at.to_string()),
        decided_by: row.decided_by,
        note: row.note,
        edited_arguments: row.edited_arguments.as_deref().map(json),
        answer: row.answer.as_deref().map(json),
        carried_out_at: row.carried_out_at.map(|at| at.to_string()),
        callback: None,
    }
}
