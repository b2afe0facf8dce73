//! Why an execution waits, in words. Worked out when somebody asks: reasons change without journal entries.

use moltforge_types::ExecutionId;

use super::counts::Blocked;
use super::{Claimant, Fairness, Inner};

impl Fairness {
    /// What a scheduled execution of this node waits for.
    pub(crate) fn waiting_for(&self, id: ExecutionId) -> Option<String> {
        let now = self.ambient.now();
        let inner = self.lock();
        let entry = inner.ready.get(id)?;
        let waited = now.since(entry.since).as_secs();
        let what = inner.words(&entry.claimant);
        Some(if waited == 0 { what } else { format!("{what}; ready for {waited} s") })
    }
}

impl Inner {
    fn words(&self, claimant: &Claimant) -> String {
        let limits = &self.counts.limits;
        if self.recovering > 0 {
            return "this node, which reads what was there before it started".to_owned();
        }
        match self.counts.blocked(claimant) {
            None => "its turn".to_owned(),
            Some(Blocked::Key) => {
                let key = claimant.key.as_deref().unwrap_or_default();
                let holders: Vec<String> =
                    self.counts.holders(claimant).iter().take(3).map(ToString::to_string).collect();
                format!("the concurrency key {key:?}, held by {}", holders.join(", "))
            }
            Some(Blocked::Agent) => {
                format!("a slot of the agent, which runs {} at a time", claimant.agent_limit.unwrap_or_default())
            }
            Some(Blocked::Project) => {
                format!("a slot of the project, which runs {} at a time", limits.running_per_project)
            }
            Some(Blocked::Node) => format!("one of the {} running slots of this node", limits.running),
            Some(Blocked::Memory) => {
                format!("memory: the executions at work take the {} bytes that this node allows", limits.running_bytes)
            }
        }
    }
}
