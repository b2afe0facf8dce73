//! An agent's durable state, for reading.

use moltforge_api::Page;
use moltforge_api::state::StateEntry;
use moltforge_types::Principal;
use serde_json::Value;

use crate::Agents;
use crate::error::Error;

impl Agents {
    /// A page of an agent's state in order of the keys, and after which key the next begins.
    ///
    /// # Errors
    /// `agent_not_found`.
    pub async fn state(
        &self,
        principal: &Principal,
        agent: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<(Page<StateEntry>, Option<String>), Error> {
        let agent = self.find(principal, agent).await?;
        let mut state = self.store.state(principal.project_id, agent.agent_id);
        let mut rows = state.list(after, limit.saturating_add(1)).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| row.key.clone());
        let items = rows.into_iter().map(|row| StateEntry {
            // what an agent stored is JSON; were it not, its text still says what is there
            value: serde_json::from_str(&row.value).unwrap_or(Value::String(row.value)),
            key: row.key,
            execution_id: row.execution_id.to_string(),
            updated_at: row.updated_at.to_string(),
        });
        Ok((Page { items: items.collect(), next: None }, next))
    }
}
