//! The service's operations.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Instant;

use moltforge_api::Page;
use moltforge_api::changes::Change;
use moltforge_http::cursor;
use moltforge_store::Store;
use moltforge_types::ProjectId;
use moltforge_types::execution::State;

use crate::counts::Counts;
use crate::error::Error;

/// The monitoring service. Cheap to clone.
#[derive(Clone)]
pub struct Monitoring {
    store: Store,
    counts: Arc<Counts>,
    gauges: Arc<dyn Fn(ProjectId) -> Vec<Gauge> + Send + Sync>,
}

/// Numbers that another part of the program knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Gauge {
    /// Its name in Prometheus' format, with its unit.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// The number, or one for each agent.
    pub values: Vec<(Option<String>, f64)>,
}

impl Monitoring {
    /// Over a store.
    pub fn new(store: Store) -> Self {
        Self { store, counts: Arc::default(), gauges: Arc::new(|_| Vec::new()) }
    }

    /// With further gauges of a project.
    #[must_use]
    pub fn with_gauges(mut self, gauges: impl Fn(ProjectId) -> Vec<Gauge> + Send + Sync + 'static) -> Self {
        self.gauges = Arc::new(gauges);
        self
    }

    /// A page of a project's changes, newest first.
    pub async fn changes(&self, project_id: ProjectId, before: Option<u64>, limit: u32) -> Result<Page<Change>, Error> {
        let mut rows = self.store.changes(project_id).list_newest(before, limit + 1).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = more.then(|| rows.last().map(|row| cursor::encode(&row.n))).flatten();
        let items = rows.into_iter().map(|row| Change {
            n: row.n,
            at: row.at.to_string(),
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            data: row.data,
        });
        Ok(Page { items: items.collect(), next })
    }

    /// A project's gauges in Prometheus' text format (version 0.0.4). Where counting is slow the counts may be old by
    /// twenty times as long as it takes.
    pub async fn metrics(&self, project_id: ProjectId) -> Result<String, Error> {
        let counts = self.counts(project_id).await?;
        let of = |state: State| counts.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| *count);
        let mut text = String::new();
        gauge(&mut text, "pending_executions_count", "Executions that wait for a slot or for their next attempt.");
        let pending = of(State::Scheduled) + of(State::BackingOff);
        let _ = writeln!(text, "pending_executions_count {pending}");
        gauge(&mut text, "executions_count", "Executions by state.");
        for state in State::ALL {
            let _ = writeln!(text, "executions_count{{state=\"{state}\"}} {}", of(*state));
        }
        for Gauge { name, help, values } in (self.gauges)(project_id) {
            gauge(&mut text, name, help);
            for (agent, value) in values {
                // the name of an agent has nothing that would have to be escaped
                let label = agent.map(|agent| format!("{{agent=\"{agent}\"}}")).unwrap_or_default();
                let _ = writeln!(text, "{name}{label} {value}");
            }
        }
        Ok(text)
    }

    async fn counts(&self, project_id: ProjectId) -> Result<Vec<(State, u64)>, Error> {
        if let Some(counts) = self.counts.find(project_id) {
            return Ok(counts);
        }
        let begun = Instant::now();
        let counts = self.store.executions(project_id).counts().await?;
        self.counts.keep(project_id, &counts, begun.elapsed());
        Ok(counts)
    }
}

impl fmt::Debug for Monitoring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitoring").finish_non_exhaustive()
    }
}

fn gauge(text: &mut String, name: &str, help: &str) {
    // writing to a text cannot fail
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
}
