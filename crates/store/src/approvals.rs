//! The table `approval`: what waits, and waited, for a person. A projection of the journal, written in its commits.

use moltforge_types::approval::ApprovalState;
use moltforge_types::{AgentId, ApprovalId, ExecutionId, ProjectId, Timestamp};

use crate::error::Error;
use crate::sql::{At, Row};

/// One approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRow {
    /// Its project.
    pub project_id: ProjectId,
    /// Its id.
    pub approval_id: ApprovalId,
    /// The execution whose call it is.
    pub execution_id: ExecutionId,
    /// The agent.
    pub agent_id: AgentId,
    /// Its name at that time.
    pub agent_name: String,
    /// The version's number.
    pub version: u32,
    /// The step.
    pub step: u32,
    /// The tool.
    pub tool: String,
    /// The arguments, JSON.
    pub arguments: String,
    /// The hash of the call that was asked for.
    pub call_sha256: String,
    /// Where it stands.
    pub state: ApprovalState,
    /// Who may decide, a list in JSON.
    pub approvers: String,
    /// When its time is over.
    pub expires_at: Timestamp,
    /// What that does.
    pub on_expiry: String,
    /// When it is escalated.
    pub escalate_at: Option<Timestamp>,
    /// To whom, a list in JSON.
    pub escalate_to: String,
    /// When that happened.
    pub escalated_at: Option<Timestamp>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// What they said.
    pub note: Option<String>,
    /// The arguments with which it was approved, when they were changed; JSON.
    pub edited_arguments: Option<String>,
    /// The answer to its form, JSON.
    pub answer: Option<String>,
    /// When the consequence of its decision began.
    pub carried_out_at: Option<Timestamp>,
}

/// What becomes of an approval: what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApprovalChange {
    /// Where it stands.
    pub state: Option<ApprovalState>,
    /// Who may decide, a list in JSON.
    pub approvers: Option<String>,
    /// When it was escalated.
    pub escalated_at: Option<Timestamp>,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// What they said.
    pub note: Option<String>,
    /// The changed arguments, JSON.
    pub edited_arguments: Option<String>,
    /// The answer to its form, JSON.
    pub answer: Option<String>,
    /// When its consequence began.
    pub carried_out_at: Option<Timestamp>,
}

impl ApprovalRow {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            project_id: row.get("project_id")?,
            approval_id: row.get("approval_id")?,
            execution_id: row.get("execution_id")?,
            agent_id: row.get("agent_id")?,
            agent_name: row.get("agent_name")?,
            version: row.get("version")?,
            step: row.get("step")?,
            tool: row.get("tool")?,
            arguments: row.get("arguments")?,
            call_sha256: row.get("call_sha256")?,
            state: row.parse("state")?,
            approvers: row.get("approvers")?,
            expires_at: row.get("expires_at")?,
            on_expiry: row.get("on_expiry")?,
            escalate_at: row.get("escalate_at")?,
            escalate_to: row.get("escalate_to")?,
            escalated_at: row.get("escalated_at")?,
            created_at: row.get("created_at")?,
            decided_at: row.get("decided_at")?,
            decided_by: row.get("decided_by")?,
            note: row.get("note")?,
            edited_arguments: row.get("edited_arguments")?,
            answer: row.get("answer")?,
            carried_out_at: row.get("carried_out_at")?,
        })
    }
}

/// Which approvals a list holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApprovalFilter {
    /// In this state only.
    pub state: Option<ApprovalState>,
    /// Of this agent only.
    pub agent_id: Option<AgentId>,
    /// Of this execution only.
    pub execution_id: Option<ExecutionId>,
    /// Older than this one: the last one of the page before.
    pub before: Option<ApprovalId>,
}

/// The approvals of a project.
#[derive(Debug)]
pub struct Approvals<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(approvals -> Approvals { project_id: ProjectId });

macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT project_id, approval_id, execution_id, agent_id, agent_name, version, step, tool, arguments, \
             call_sha256, state, approvers, expires_at, on_expiry, escalate_at, escalate_to, escalated_at, created_at, \
             decided_at, decided_by, note, edited_arguments, answer, carried_out_at ",
            $rest
        )
    };
}

impl Approvals<'_> {
    /// An approval by its id.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn find(&mut self, approval_id: ApprovalId) -> Result<Option<ApprovalRow>, Error> {
        self.at
            .query(select!("FROM approval WHERE project_id = $1 AND approval_id = $2"))
            .bind(self.project_id)
            .bind(approval_id)
            .optional(|row| ApprovalRow::from_row(&row))
            .await
    }

    /// A page, newest first.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn list(&mut self, filter: ApprovalFilter, limit: u32) -> Result<Vec<ApprovalRow>, Error> {
        // a text for each index, so that none reads more than it gives
        let sql = match (filter.execution_id, filter.state) {
            (Some(_), _) => select!(
                "FROM approval WHERE project_id = $1 AND execution_id = $2 AND ($3 IS NULL OR state = $3) \
                 AND ($4 IS NULL OR agent_id = $4) AND ($5 IS NULL OR approval_id < $5) \
                 ORDER BY approval_id DESC LIMIT $6"
            ),
            (None, Some(_)) => select!(
                "FROM approval WHERE project_id = $1 AND $2 IS NULL AND state = $3 AND ($4 IS NULL OR agent_id = $4) \
                 AND ($5 IS NULL OR approval_id < $5) ORDER BY approval_id DESC LIMIT $6"
            ),
            (None, None) => select!(
                "FROM approval WHERE project_id = $1 AND $2 IS NULL AND $3 IS NULL AND ($4 IS NULL OR agent_id = $4) \
                 AND ($5 IS NULL OR approval_id < $5) ORDER BY approval_id DESC LIMIT $6"
            ),
        };
        self.at
            .query(sql)
            .bind(self.project_id)
            .bind(filter.execution_id)
            .bind(filter.state.map(|state| state.as_str().to_owned()))
            .bind(filter.agent_id)
            .bind(filter.before)
            .bind(limit)
            .all(|row| ApprovalRow::from_row(&row))
            .await
    }

    /// How many wait. Counts no further than `limit`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn count_pending(&mut self, limit: u32) -> Result<u64, Error> {
        self.at
            .query(
                "SELECT count(*) AS n FROM (SELECT 1 FROM approval WHERE project_id = $1 AND state = 'pending' \
                 LIMIT $2) pending",
            )
            .bind(self.project_id)
            .bind(limit)
            .one(|row| row.get("n"))
            .await
    }
}
