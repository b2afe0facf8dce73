//! The table `execution`, for reading. It is written through the journal alone.

mod list;
mod live;

use moltforge_types::execution::State;
use moltforge_types::{AgentId, ExecutionId, ProjectId, Timestamp, TriggerId, VersionId};

use crate::error::Error;
use crate::journal::Columns;
use crate::sql::{At, Row};

use list::{Shape, fitting, shapes};
pub use live::{LiveExecution, LiveExecutions};

/// One execution, with its input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionRow {
    /// Its project.
    pub project_id: ProjectId,
    /// Its id.
    pub execution_id: ExecutionId,
    /// Its shard.
    pub shard: u16,
    /// The agent.
    pub agent_id: AgentId,
    /// The agent's name when it was accepted.
    pub agent_name: String,
    /// The pinned version.
    pub version_id: VersionId,
    /// Its number.
    pub version: u32,
    /// The environment whose deployment was called.
    pub environment: Option<String>,
    /// The key that it was started with.
    pub idempotency_key: Option<String>,
    /// The hash of the start request.
    pub request_hash: Option<String>,
    /// The input, JSON.
    pub input: String,
    /// When it fails if it has not ended, as it was accepted. Holds move that; `columns.wake_at` follows them.
    pub deadline: Option<Timestamp>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When its latest entry was written.
    pub updated_at: Timestamp,
    /// What started it.
    pub trigger: String,
    /// The trigger that did.
    pub trigger_id: Option<TriggerId>,
    /// How many executions led to it by events and webhooks.
    pub chain_depth: u32,
    /// 0 (lowest) to 9.
    pub priority: u8,
    /// Executions of its agent with this key run one at a time.
    pub concurrency_key: Option<String>,
    /// Its parent.
    pub parent_id: Option<ExecutionId>,
    /// The top of its tree, when it has a parent.
    pub root_id: Option<ExecutionId>,
    /// What it is a copy of.
    pub forked_from: Option<ExecutionId>,
    /// When its journal was packed.
    pub archived_at: Option<Timestamp>,
    /// The number of its latest entry.
    pub last_seq: u64,
    /// What its entries made of it.
    pub columns: Columns,
}

impl ExecutionRow {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            project_id: row.get("project_id")?,
            execution_id: row.get("execution_id")?,
            shard: row.get("shard")?,
            agent_id: row.get("agent_id")?,
            agent_name: row.get("agent_name")?,
            version_id: row.get("version_id")?,
            version: row.get("version")?,
            environment: row.get("environment")?,
            idempotency_key: row.get("idempotency_key")?,
            request_hash: row.get("request_hash")?,
            input: row.get("input")?,
            deadline: row.get("deadline")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            trigger: row.get("trigger")?,
            trigger_id: row.get("trigger_id")?,
            chain_depth: row.get("chain_depth")?,
            priority: row.get("priority")?,
            concurrency_key: row.get("concurrency_key")?,
            parent_id: row.get("parent_id")?,
            root_id: row.get("root_id")?,
            forked_from: row.get("forked_from")?,
            archived_at: row.get("archived_at")?,
            last_seq: row.get("last_seq")?,
            columns: columns(row)?,
        })
    }
}

fn columns(row: &Row<'_>) -> Result<Columns, Error> {
    Ok(Columns {
        state: row.parse("state")?,
        reason: row.parse_optional("reason")?,
        attempt: row.get("attempt")?,
        wake_at: row.get("wake_at")?,
        waiting_for: row.get("waiting_for")?,
        finished_at: row.get("finished_at")?,
        output: row.get("output")?,
        error: row.get("error")?,
        tokens: row.get("tokens")?,
    })
}

/// Which executions a list holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExecutionFilter<'a> {
    /// Of this agent only.
    pub agent_id: Option<AgentId>,
    /// In one of these states only; any when empty.
    pub states: &'a [State],
    /// Older than this one: the last one of the page before.
    pub before: Option<ExecutionId>,
}

/// The executions of a project.
#[derive(Debug)]
pub struct Executions<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(executions -> Executions { project_id: ProjectId });

macro_rules! select {
    ($($rest:expr),*) => {
        concat!(
            "SELECT e.project_id, e.execution_id, e.shard, e.agent_id, e.agent_name, e.version_id, e.version, \
             e.environment, e.idempotency_key, e.request_hash, i.input, e.deadline, e.created_at, e.updated_at, \
             e.last_seq, e.state, e.reason, e.attempt, e.wake_at, e.waiting_for, e.finished_at, e.output, e.error, \
             e.tokens, e.trigger, e.trigger_id, e.chain_depth, e.priority, e.concurrency_key, e.parent_id, e.root_id, \
             e.forked_from, e.archived_at FROM execution e \
             JOIN execution_input i ON i.project_id = e.project_id AND i.execution_id = e.execution_id ",
            $($rest),*
        )
    };
}
use select;

impl Executions<'_> {
    /// An execution by id.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn find(&mut self, execution_id: ExecutionId) -> Result<Option<ExecutionRow>, Error> {
        self.at
            .query(select!("WHERE e.project_id = $1 AND e.execution_id = $2"))
            .bind(self.project_id)
            .bind(execution_id)
            .optional(|row| ExecutionRow::from_row(&row))
            .await
    }

    /// An execution by the key that it was started with.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn find_by_key(&mut self, idempotency_key: &str) -> Result<Option<ExecutionRow>, Error> {
        self.at
            .query(select!("WHERE e.project_id = $1 AND e.idempotency_key = $2"))
            .bind(self.project_id)
            .bind(idempotency_key)
            .optional(|row| ExecutionRow::from_row(&row))
            .await
    }

    /// A page, newest first: at most `limit` items, and fewer when inputs and outputs have more than 4 MiB together (but
    /// one at least). The second part says whether there are more.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn list(&mut self, filter: ExecutionFilter<'_>, limit: u32) -> Result<(Vec<ExecutionRow>, bool), Error> {
        let mut sizes = Vec::new();
        let wanted = limit.saturating_add(1);
        for shape in shapes(filter) {
            let found =
                self.rows(shape, shape.sizes(), filter, wanted, |row| Ok((row.get("execution_id")?, row.get("size")?)));
            sizes.extend(found.await?.into_iter().map(|(id, size): (ExecutionId, i64)| (id, size, shape)));
        }
        sizes.sort_by_key(|(id, ..)| std::cmp::Reverse(*id));
        let (kept, more) = fitting(&sizes, limit as usize);
        let mut rows = Vec::with_capacity(kept.len());
        for shape in shapes(filter) {
            let of_shape = kept.iter().filter(|(.., of)| *of == shape).count();
            if let Ok(limit @ 1..) = u32::try_from(of_shape) {
                rows.extend(self.rows(shape, shape.rows(), filter, limit, |row| ExecutionRow::from_row(&row)).await?);
            }
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.execution_id));
        Ok((rows, more))
    }

    async fn rows<T>(
        &mut self,
        shape: Shape,
        sql: &'static str,
        filter: ExecutionFilter<'_>,
        limit: u32,
        read: impl FnMut(Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let query = self.at.query(sql).bind(self.project_id).bind(filter.before).bind(filter.agent_id);
        let query = match shape {
            Shape::State(state) => query.bind(state.as_str()),
            Shape::All | Shape::Agent => query.bind(None::<String>),
        };
        query.bind(limit).all(read).await
    }

    /// The children of an execution, in order of their ids, after `after`: id, agent's name, state.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn children(
        &mut self,
        parent_id: ExecutionId,
        after: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<(ExecutionId, String, State)>, Error> {
        self.at
            .query(
                "SELECT execution_id, agent_name, state FROM execution \
                 WHERE project_id = $1 AND parent_id = $2 AND execution_id > $3 ORDER BY execution_id LIMIT $4",
            )
            .bind(self.project_id)
            .bind(parent_id)
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(limit)
            .all(|row| Ok((row.get("execution_id")?, row.get("agent_name")?, row.parse("state")?)))
            .await
    }

    /// The ids of executions in a state, in order, after `after`; of one agent or of all.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn ids_in(
        &mut self,
        state: State,
        agent_id: Option<AgentId>,
        after: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<ExecutionId>, Error> {
        self.at
            .query(
                "SELECT execution_id FROM execution WHERE project_id = $1 AND state = $2 AND execution_id > $3 \
                 AND ($4 IS NULL OR agent_id = $4) ORDER BY execution_id LIMIT $5",
            )
            .bind(self.project_id)
            .bind(state.as_str())
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(agent_id)
            .bind(limit)
            .all(|row| row.get("execution_id"))
            .await
    }

    /// How many executions of an agent have not ended. Counts no further than `limit`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn count_live(&mut self, agent_id: AgentId, limit: u32) -> Result<u64, Error> {
        // `|| ''` keeps the planner off the agent's index, which leads through everything that ever ended
        self.at
            .query(
                "SELECT count(*) AS n FROM (SELECT 1 FROM execution WHERE project_id = $1 \
                 AND state IN ('scheduled', 'running', 'suspended', 'backing_off', 'paused') \
                 AND agent_id || '' = $2 LIMIT $3) live",
            )
            .bind(self.project_id)
            .bind(agent_id)
            .bind(limit)
            .one(|row| row.get("n"))
            .await
    }

    /// How many executions are in a state. Counts no further than `limit`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn count_in(&mut self, state: State, limit: u32) -> Result<u64, Error> {
        self.at
            .query(
                "SELECT count(*) AS n FROM (SELECT 1 FROM execution WHERE project_id = $1 AND state = $2 LIMIT $3) found",
            )
            .bind(self.project_id)
            .bind(state.as_str())
            .bind(limit)
            .one(|row| row.get("n"))
            .await
    }

    /// How many executions are in each state, states without any left out. Reads the whole index of the project.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn counts(&mut self) -> Result<Vec<(State, u64)>, Error> {
        self.at
            .query("SELECT state, count(*) AS n FROM execution WHERE project_id = $1 GROUP BY state ORDER BY state")
            .bind(self.project_id)
            .all(|row| Ok((row.parse("state")?, row.get("n")?)))
            .await
    }
}
