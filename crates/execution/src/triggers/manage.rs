//! Making, reading, changing and deleting triggers.

use std::collections::HashMap;
use std::time::Duration;

use moltforge_api::Page;
use moltforge_api::config::TriggerConfig;
use moltforge_api::triggers::{
    CreateTrigger, Fire as FireView, FireTrigger, ListTriggers, Trigger as View, TriggerSecret, UpdateTrigger,
};
use moltforge_manifest::trigger::{MAX_EVENTS_OF_PROJECT, MAX_OF_PROJECT, Source, compile, name_of, shard_of_trigger};
use moltforge_store::{Agent, NewFire, NewTrigger, OnUnique as _, Trigger, Tx};
use moltforge_types::{AgentId, EnvironmentName, NameError, Principal, ProjectId, Timestamp, TriggerId};
use serde_json::{Map, json};

use super::dispatch::MANUAL;
use super::{Triggers, context, views};
use crate::error::Error;

/// The most triggers of an agent, declared ones in all environments and inactive ones counted.
const MAX_OF_AGENT: u64 = 200;
/// For how long the secret before the current one is accepted.
const OVERLAP: Duration = Duration::from_hours(24);
/// The largest body of a fire that somebody asks for, bytes of JSON.
const MAX_FIRE_BODY: usize = 256 * 1024;

/// Where a list of fires goes on: after this creation and key.
pub(crate) type FirePosition = (Timestamp, String);

impl Triggers {
    /// Makes a trigger of an agent. A webhook's secret is shown here and nowhere else.
    ///
    /// # Errors
    /// `agent_not_found`, `field_invalid`, `trigger_invalid`, `trigger_name_taken`, `trigger_limit`,
    /// `webhook_key_missing`.
    pub async fn create(&self, principal: &Principal, new: CreateTrigger) -> Result<TriggerSecret, Error> {
        let project_id = principal.project_id;
        let compiled = compile(&new.config).map_err(Error::TriggerInvalid)?;
        let environment: EnvironmentName = match new.environment.as_deref() {
            None => EnvironmentName::production(),
            Some(name) => name.parse().map_err(|error: NameError| Error::FieldInvalid {
                field: "/environment",
                message: error.to_string(),
            })?,
        };
        if matches!(compiled.source, Source::Webhook) && self.inner.executions.webhook_key().is_none() {
            return Err(Error::WebhookKeyMissing);
        }
        let agent = self.agent(project_id, &new.agent).await?;
        let mut tx = self.inner.store.begin().await?;
        let counts = tx.triggers(project_id).count(agent.agent_id).await?;
        if counts.of_agent >= MAX_OF_AGENT {
            return Err(Error::TriggerLimit(format!("an agent has at most {MAX_OF_AGENT} triggers")));
        }
        if counts.total >= MAX_OF_PROJECT {
            return Err(Error::TriggerLimit(format!("a project has at most {MAX_OF_PROJECT} triggers")));
        }
        if matches!(compiled.source, Source::Event(_)) && counts.events >= MAX_EVENTS_OF_PROJECT {
            let message = format!("a project has at most {MAX_EVENTS_OF_PROJECT} triggers that wait for events");
            return Err(Error::TriggerLimit(message));
        }
        let trigger_id: TriggerId = tx.id();
        let name = name_of(&new.config).to_owned();
        let row = NewTrigger {
            trigger_id,
            agent_id: agent.agent_id,
            name: &name,
            kind: compiled.source.kind(),
            environment: &environment,
            origin: "api",
            config: &text(&new.config),
            shard: shard_of_trigger(trigger_id),
            next: compiled.source.first_run(trigger_id, self.inner.ambient.now()),
            created_by: principal.actor,
        };
        tx.triggers(project_id).insert(row).await.unique(|| Error::TriggerNameTaken(name.clone()))?;
        let data = json!({ "name": name, "kind": row.kind, "agent_id": agent.agent_id, "environment": environment });
        tx.changes(project_id).insert(principal.actor, "trigger.created", trigger_id, &data).await?;
        tx.commit().await?;
        self.changed().await;
        self.with_secret(project_id, trigger_id).await
    }

    /// One trigger, with the next times of a schedule.
    ///
    /// # Errors
    /// `trigger_not_found`.
    pub async fn get(&self, project_id: ProjectId, id: TriggerId) -> Result<View, Error> {
        let row = self.find(project_id, id).await?;
        let mut view = self.view(&row).await?;
        view.upcoming = views::upcoming(&row, self.inner.ambient.now());
        Ok(view)
    }

    /// A page of triggers, oldest first, and after which one the next begins.
    ///
    /// # Errors
    /// `agent_not_found`.
    pub async fn list(
        &self,
        project_id: ProjectId,
        query: &ListTriggers,
        after: Option<TriggerId>,
        limit: u32,
    ) -> Result<(Page<View>, Option<TriggerId>), Error> {
        let agent = match query.agent.as_deref() {
            None => None,
            Some(agent) => Some(self.agent(project_id, agent).await?.agent_id),
        };
        let mut rows = self.inner.store.triggers(project_id).list(agent, after, limit.saturating_add(1)).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| row.trigger_id);
        let mut names: HashMap<AgentId, String> = HashMap::new();
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            if let std::collections::hash_map::Entry::Vacant(e) = names.entry(row.agent_id) {
                e.insert(self.agent_name(row).await?);
            }
            items.push(views::trigger(row, names.get(&row.agent_id).map_or("", String::as_str)));
        }
        Ok((Page { items, next: None }, next))
    }

    /// The latest fires of a trigger, newest first.
    ///
    /// # Errors
    /// `trigger_not_found`.
    pub async fn latest_fires(&self, project_id: ProjectId, id: TriggerId, limit: u32) -> Result<Vec<FireView>, Error> {
        Ok(self.fires(project_id, id, None, limit).await?.0.items)
    }

    /// The fires of a trigger, newest first.
    ///
    /// # Errors
    /// `trigger_not_found`.
    pub(crate) async fn fires(
        &self,
        project_id: ProjectId,
        id: TriggerId,
        before: Option<FirePosition>,
        limit: u32,
    ) -> Result<(Page<FireView>, Option<FirePosition>), Error> {
        self.find(project_id, id).await?;
        let before = before.as_ref().map(|(at, key)| (*at, key.as_str()));
        let mut rows = self.inner.store.fires(project_id).list(id, before, limit.saturating_add(1)).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| (row.created_at, row.fire_key.clone()));
        Ok((Page { items: rows.into_iter().map(views::fire).collect(), next: None }, next))
    }

    /// Changes what a trigger says.
    ///
    /// # Errors
    /// `trigger_not_found`, `trigger_declared`, `trigger_invalid`, `trigger_name_taken`.
    pub async fn update(&self, principal: &Principal, id: TriggerId, change: UpdateTrigger) -> Result<View, Error> {
        let project_id = principal.project_id;
        let mut tx = self.inner.store.begin().await?;
        let row = find(&mut tx, project_id, id).await?;
        let Some(config) = change.config else {
            drop(tx);
            return self.get(project_id, id).await;
        };
        if row.origin == "file" {
            return Err(Error::TriggerDeclared(id.to_string()));
        }
        let compiled = compile(&config).map_err(Error::TriggerInvalid)?;
        let kind = compiled.source.kind();
        if kind != row.kind {
            let message = format!("a {} cannot become a {kind}: make another trigger", row.kind);
            return Err(Error::TriggerInvalid(vec![(String::new(), message)]));
        }
        let name = name_of(&config).to_owned();
        let next = compiled.source.first_run(id, self.inner.ambient.now()).filter(|_| !row.paused);
        let taken = || Error::TriggerNameTaken(name.clone());
        tx.triggers(project_id).update(id, &name, kind, &text(&config), next).await.unique(taken)?;
        let data = json!({ "name": name, "kind": kind });
        tx.changes(project_id).insert(principal.actor, "trigger.updated", id, &data).await?;
        tx.commit().await?;
        self.changed().await;
        self.decided(id).await?;
        self.get(project_id, id).await
    }

    /// Holds a trigger: nothing fires it, what waits keeps waiting. Runs of a schedule whose time passes meanwhile are not
    /// made up for. What is being started at that moment is started before this returns.
    ///
    /// # Errors
    /// `trigger_not_found`; `commit_timeout` when that takes too long: the trigger is held.
    pub async fn pause(&self, principal: &Principal, id: TriggerId) -> Result<View, Error> {
        self.set_paused(principal, id, true).await
    }

    /// Lets a trigger go on.
    ///
    /// # Errors
    /// `trigger_not_found`, `trigger_inactive`.
    pub async fn resume(&self, principal: &Principal, id: TriggerId) -> Result<View, Error> {
        self.set_paused(principal, id, false).await
    }

    async fn set_paused(&self, principal: &Principal, id: TriggerId, paused: bool) -> Result<View, Error> {
        let project_id = principal.project_id;
        let mut tx = self.inner.store.begin().await?;
        let row = find(&mut tx, project_id, id).await?;
        if row.inactive && !paused {
            return Err(Error::TriggerInactive(id.to_string()));
        }
        if row.paused != paused {
            let next = if paused { None } else { source_of(&row)?.first_run(id, self.inner.ambient.now()) };
            tx.triggers(project_id).set_paused(id, paused, next).await?;
            let action = if paused { "trigger.paused" } else { "trigger.resumed" };
            tx.changes(project_id).insert(principal.actor, action, id, &json!({ "name": row.name })).await?;
            tx.commit().await?;
            self.changed().await;
        }
        if paused {
            // also of one that was paused before: whoever did it may not have waited
            self.decided(id).await?;
        }
        self.get(project_id, id).await
    }

    /// Fires a trigger now, whatever its source, also while it is paused. Its concurrency rule counts.
    ///
    /// # Errors
    /// `trigger_not_found`, `trigger_inactive`, `field_invalid`, `trigger_queue_full`.
    pub async fn fire(
        &self,
        principal: &Principal,
        id: TriggerId,
        request: FireTrigger,
        idempotency_key: Option<String>,
    ) -> Result<FireView, Error> {
        let row = self.find(principal.project_id, id).await?;
        if row.inactive {
            return Err(Error::TriggerInactive(id.to_string()));
        }
        let now = self.inner.ambient.now();
        let mut particular = Map::new();
        if let Some(body) = request.body {
            let bytes = body.to_string().len();
            if bytes > MAX_FIRE_BODY {
                let message = format!("at most {MAX_FIRE_BODY} bytes of JSON, got {bytes}");
                return Err(Error::FieldInvalid { field: "/body", message });
            }
            particular = context::only(if row.kind == "event" { "event" } else { "body" }, body);
        }
        let unique = match idempotency_key {
            Some(key) => format!("{}:{key}", principal.actor),
            None => self.inner.ambient.id::<moltforge_types::RequestId>().to_string(),
        };
        let fire_key = format!("{MANUAL}{unique}");
        // a repeat is answered, however many wait
        if let Some(found) = self.inner.store.fires(row.project_id).find(id, &fire_key).await? {
            return Ok(views::fire(found));
        }
        self.room_of(&row).await?;
        let new = NewFire {
            project_id: principal.project_id,
            trigger_id: id,
            fire_key,
            shard: row.shard,
            planned_at: now,
            chain_depth: 0,
            context: context::context(&row, now, particular),
            created_at: now,
        };
        Ok(self.take(&row, &new).await?.fire)
    }

    /// A new secret for a webhook. The one before is accepted for another day.
    ///
    /// # Errors
    /// `trigger_not_found`, `trigger_not_webhook`, `webhook_key_missing`.
    pub async fn rotate(&self, principal: &Principal, id: TriggerId) -> Result<TriggerSecret, Error> {
        let project_id = principal.project_id;
        let mut tx = self.inner.store.begin().await?;
        let row = find(&mut tx, project_id, id).await?;
        if row.kind != "webhook" {
            return Err(Error::TriggerNotWebhook(id.to_string()));
        }
        if self.inner.executions.webhook_key().is_none() {
            return Err(Error::WebhookKeyMissing);
        }
        let until = self.inner.ambient.now().plus(OVERLAP);
        let generation = tx.triggers(project_id).rotate(id, until).await?;
        let data = json!({ "name": row.name, "generation": generation });
        tx.changes(project_id).insert(principal.actor, "trigger.rotated", id, &data).await?;
        tx.commit().await?;
        self.with_secret(project_id, id).await
    }

    /// Deletes a trigger with its history. What it started goes on.
    ///
    /// # Errors
    /// `trigger_not_found`, `trigger_declared` while a deployed version declares it.
    pub async fn delete(&self, principal: &Principal, id: TriggerId) -> Result<(), Error> {
        let project_id = principal.project_id;
        let mut tx = self.inner.store.begin().await?;
        let row = find(&mut tx, project_id, id).await?;
        if row.origin == "file" && !row.inactive {
            return Err(Error::TriggerDeclared(id.to_string()));
        }
        tx.triggers(project_id).delete(id).await?;
        tx.changes(project_id).insert(principal.actor, "trigger.deleted", id, &json!({ "name": row.name })).await?;
        tx.commit().await?;
        self.changed().await;
        self.decided(id).await
    }

    async fn find(&self, project_id: ProjectId, id: TriggerId) -> Result<Trigger, Error> {
        let found = self.inner.store.triggers(project_id).find(id).await?;
        found.ok_or_else(|| Error::TriggerNotFound(id.to_string()))
    }

    async fn view(&self, row: &Trigger) -> Result<View, Error> {
        Ok(views::trigger(row, &self.agent_name(row).await?))
    }

    async fn agent_name(&self, row: &Trigger) -> Result<String, Error> {
        let agent = self.inner.store.agents(row.project_id).find(row.agent_id).await?;
        Ok(agent.map(|agent| agent.name.to_string()).unwrap_or_default())
    }

    async fn with_secret(&self, project_id: ProjectId, id: TriggerId) -> Result<TriggerSecret, Error> {
        let row = self.find(project_id, id).await?;
        let key = self.inner.executions.webhook_key().filter(|_| row.kind == "webhook");
        let secret = key.map(|key| key.secret(project_id, id, row.generation).expose().to_owned());
        let previous_until = row.previous_until.map(|at| at.to_string());
        Ok(TriggerSecret { trigger: self.get(project_id, id).await?, secret, previous_until })
    }

    async fn agent(&self, project_id: ProjectId, agent: &str) -> Result<Agent, Error> {
        let mut agents = self.inner.store.agents(project_id);
        let found = match crate::live::agent_ref(agent)? {
            moltforge_store::AgentRef::Id(id) => agents.find(id).await?,
            moltforge_store::AgentRef::Name(name) => agents.find_by_name(&name).await?,
        };
        let found = found.filter(|found| found.deleted_at.is_none());
        found.ok_or_else(|| Error::AgentNotFound(agent.to_owned()))
    }
}

async fn find(tx: &mut Tx, project_id: ProjectId, id: TriggerId) -> Result<Trigger, Error> {
    let found = tx.triggers(project_id).find(id).await?;
    found.ok_or_else(|| Error::TriggerNotFound(id.to_string()))
}

fn source_of(row: &Trigger) -> Result<Source, Error> {
    let config: TriggerConfig = serde_json::from_str(&row.config).unwrap_or_default();
    compile(&config).map(|compiled| compiled.source).map_err(Error::TriggerInvalid)
}

fn text(config: &TriggerConfig) -> String {
    serde_json::to_string(config).unwrap_or_default()
}
