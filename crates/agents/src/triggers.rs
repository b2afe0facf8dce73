//! The triggers that a deployed version declares, kept in step with it in the deployment's own transaction.

use std::collections::HashMap;

use moltforge_api::AgentConfig;
use moltforge_api::config::TriggerConfig;
use moltforge_manifest::trigger::{
    MAX_EVENTS_OF_PROJECT, MAX_OF_PROJECT, MAX_TRIGGERS, compile, name_of, shard_of_trigger,
};
use moltforge_store::{Agent, NewTrigger, Trigger, Tx};
use moltforge_types::{EnvironmentName, Principal, TriggerId};

use crate::error::Error;

/// Makes the declared triggers of an agent in an environment those of `config`; without one, none is active. What a
/// version no longer declares stays as an inactive row: a webhook that comes back has its URL and secret again.
pub(crate) async fn reconcile(
    tx: &mut Tx,
    principal: &Principal,
    agent: &Agent,
    environment: &EnvironmentName,
    config: Option<&AgentConfig>,
) -> Result<(), Error> {
    let project_id = principal.project_id;
    let mut there: HashMap<String, Trigger> = HashMap::new();
    for row in tx.triggers(project_id).declared(agent.agent_id, environment).await? {
        there.insert(row.name.clone(), row);
    }
    for declared in config.iter().flat_map(|config| &config.triggers) {
        // a version from before a rule may break it: that trigger rests, the deployment goes on
        let Ok(compiled) = compile(declared) else { continue };
        let (name, kind) = (name_of(declared), compiled.source.kind());
        let text = serde_json::to_string(declared).unwrap_or_default();
        let row = there.remove(name);
        // another kind under the same name is another trigger: what was a secret's must not become a schedule's
        if let Some(row) = row.as_ref().filter(|row| row.kind == kind) {
            if row.inactive || !same(row, declared) {
                let next = compiled.source.first_run(row.trigger_id, tx.now()).filter(|_| !row.paused);
                tx.triggers(project_id).update(row.trigger_id, name, kind, &text, next).await?;
            }
            continue;
        }
        if let Some(row) = row {
            tx.triggers(project_id).delete(row.trigger_id).await?;
        }
        let trigger_id: TriggerId = tx.id();
        let new = NewTrigger {
            trigger_id,
            agent_id: agent.agent_id,
            name,
            kind,
            environment,
            origin: "file",
            config: &text,
            shard: shard_of_trigger(trigger_id),
            next: compiled.source.first_run(trigger_id, tx.now()),
            created_by: principal.actor,
        };
        tx.triggers(project_id).insert(new).await.map_err(|error| match error {
            moltforge_store::Error::Unique { .. } => {
                Error::TriggerNameTaken { name: name.to_owned(), environment: environment.clone() }
            }
            other => other.into(),
        })?;
    }
    let mut undeclared: Vec<Trigger> = there.into_values().collect();
    undeclared.sort_by_key(|row| std::cmp::Reverse(row.updated_at));
    for (at, row) in undeclared.iter().enumerate() {
        if at >= MAX_TRIGGERS {
            // names that came and went: the oldest are forgotten
            tx.triggers(project_id).delete(row.trigger_id).await?;
        } else if !row.inactive {
            tx.triggers(project_id).deactivate(row.trigger_id).await?;
        }
    }
    if config.is_some_and(|config| !config.triggers.is_empty()) {
        let counts = tx.triggers(project_id).count(agent.agent_id).await?;
        if counts.total > MAX_OF_PROJECT || counts.events > MAX_EVENTS_OF_PROJECT {
            return Err(Error::TriggerLimit { all: MAX_OF_PROJECT, events: MAX_EVENTS_OF_PROJECT });
        }
    }
    Ok(())
}

fn same(row: &Trigger, declared: &TriggerConfig) -> bool {
    serde_json::from_str::<TriggerConfig>(&row.config).is_ok_and(|stored| stored == *declared)
}
