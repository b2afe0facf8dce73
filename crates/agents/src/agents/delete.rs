//! The end of an agent. Its rows stay, so that what it did can be read.

use moltforge_store::Ended;
use moltforge_types::Principal;
use serde_json::json;

use super::{Agents, lock};
use crate::error::{COUNTED, Error};

impl Agents {
    /// Deletes an agent: nothing of it is live, its name is free. With `cancel` its live executions are cancelled, and
    /// the request can be repeated by id until that has worked; without it, they refuse the deletion.
    ///
    /// # Errors
    /// `agent_not_found`, `agent_deleted` (without `cancel`), `agent_has_live_executions`, `executions_not_cancelled`.
    pub async fn delete(&self, principal: &Principal, agent: &str, cancel: bool) -> Result<(), Error> {
        let project_id = principal.project_id;
        let mut tx = self.store.begin().await?;
        let row = lock(&mut tx, principal, agent).await?;
        let name = row.name.to_string();
        if row.deleted_at.is_none() {
            let live = tx.executions(project_id).count_live(row.agent_id, COUNTED).await?;
            if live > 0 && !cancel {
                return Err(Error::AgentHasLiveExecutions { name, live });
            }
            for deployment in tx.deployments(project_id).live(row.agent_id).await? {
                self.end(&mut tx, principal, &row, &deployment, Ended::Undeployed).await?;
            }
            tx.triggers(project_id).delete_of_agent(row.agent_id).await?;
            tx.agents(project_id).set_deleted(row.agent_id).await?;
            let data = json!({ "name": name, "executions_cancelled": cancel });
            tx.changes(project_id).insert(principal.actor, "agent.deleted", row.agent_id, &data).await?;
            tx.commit().await?;
        } else if cancel {
            tx.rollback().await?;
        } else {
            return Err(Error::AgentDeleted(name));
        }
        if cancel {
            // only now: a deleted agent starts no new ones
            let cancelled = (self.cancel)(principal.clone(), row.agent_id).await;
            let agent_id = row.agent_id.to_string();
            cancelled.map_err(|source| Error::ExecutionsNotCancelled { agent_id, source })?;
        }
        Ok(())
    }
}
