//! The journal as the engine uses it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use moltforge_store::{Batch, Columns, Fold, Journal, LaneToken, Location, NewEntry, NewExecution, Store};
use moltforge_types::execution::{State, shard_of};
use moltforge_types::{Ambient, ExecutionId, NodeId, ProjectId, Secret};

use crate::AnyError;
use crate::load::Committer;

/// Bytes of an entry.
pub(crate) const PAYLOAD: usize = 512;

#[derive(Clone)]
struct Known {
    id: ExecutionId,
    shard: u16,
    last_seq: u64,
}

/// An open store with its executions, spread over its lanes.
pub(crate) struct Bench {
    store: Store,
    journal: Arc<dyn Journal>,
    project_id: ProjectId,
    lanes: Vec<(LaneToken, Arc<Mutex<Vec<Known>>>)>,
}

impl Bench {
    pub(crate) async fn sqlite(folder: PathBuf, executions: usize) -> Result<Self, AnyError> {
        Self::open(Location::Sqlite(folder), 1, executions).await
    }

    pub(crate) async fn postgres(url: Secret, executions: usize) -> Result<Self, AnyError> {
        Self::open(Location::Postgres(url), 2, executions).await
    }

    async fn open(location: Location, lanes: u16, executions: usize) -> Result<Self, AnyError> {
        let ambient = Ambient::system();
        let store = Store::open(location, ambient.clone()).await?;
        let node_id: NodeId = ambient.id();
        let mut tx = store.begin().await?;
        let tokens = tx.nodes().register(node_id, lanes, Duration::from_hours(1)).await?;
        tx.nodes().take_over(node_id, lanes, true).await?;
        tx.commit().await?;
        let journal = store.journal()?;
        let project_id = ambient.id();
        let mut bench = Self { store, journal, project_id, lanes: Vec::new() };
        for token in tokens {
            let mut known = Vec::new();
            while known.len() < executions / usize::from(lanes) {
                let batch = bench.starts(token, lanes, &ambient, &mut known);
                bench.journal.commit(Arc::new(batch)).await?;
            }
            bench.lanes.push((token, Arc::new(Mutex::new(known))));
        }
        Ok(bench)
    }

    fn starts(&self, token: LaneToken, lanes: u16, ambient: &Ambient, known: &mut Vec<Known>) -> Batch {
        let mut batch = Batch::new(token, ambient.now());
        while batch.starts.len() < 256 {
            let execution_id: ExecutionId = ambient.id();
            let shard = shard_of(execution_id.to_string().as_bytes());
            if shard % lanes != token.lane {
                continue;
            }
            batch.starts.push(NewExecution {
                project_id: self.project_id,
                execution_id,
                shard,
                agent_id: ambient.id(),
                agent_name: "bench".to_owned(),
                version_id: ambient.id(),
                version: 1,
                environment: None,
                idempotency_key: None,
                request_hash: None,
                input: "null".to_owned(),
                deadline: None,
                created_at: batch.at,
                trigger: "api".to_owned(),
                origin: moltforge_types::Origin::default(),
                last_seq: 1,
                columns: columns(),
            });
            batch.entries.push(entry(ambient, execution_id, shard, 1));
            known.push(Known { id: execution_id, shard, last_seq: 1 });
        }
        batch
    }

    /// One for each lane.
    pub(crate) fn committers(&self) -> Vec<Box<dyn Committer>> {
        let lane = |(token, executions): &(LaneToken, Arc<Mutex<Vec<Known>>>)| {
            Box::new(Lane {
                journal: self.journal.clone(),
                ambient: self.store.ambient().clone(),
                project_id: self.project_id,
                token: *token,
                executions: executions.clone(),
            }) as Box<dyn Committer>
        };
        self.lanes.iter().map(lane).collect()
    }

    /// Whether everything that was acknowledged is there, without gaps.
    pub(crate) async fn check(&self) -> Result<(), AnyError> {
        let mut expected = 0;
        for (_, executions) in &self.lanes {
            let executions = executions.lock().unwrap_or_else(PoisonError::into_inner);
            expected += executions.iter().map(|execution| execution.last_seq).sum::<u64>();
        }
        let (entries, sum) = self
            .store
            .query(
                "SELECT (SELECT count(*) FROM journal) AS entries, \
                 (SELECT CAST(sum(last_seq) AS BIGINT) FROM execution) AS sum",
            )
            .one(|row| Ok((row.get::<u64>("entries")?, row.get::<u64>("sum")?)))
            .await?;
        if entries == expected && sum == expected {
            Ok(())
        } else {
            Err(format!("acknowledged {expected} entries, stored {entries}, executions say {sum}").into())
        }
    }
}

struct Lane {
    journal: Arc<dyn Journal>,
    ambient: Ambient,
    project_id: ProjectId,
    token: LaneToken,
    executions: Arc<Mutex<Vec<Known>>>,
}

#[async_trait]
impl Committer for Lane {
    fn executions(&self) -> usize {
        self.executions.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    async fn commit(&mut self, numbers: &[usize]) -> Result<(), AnyError> {
        let mut batch = Batch::new(self.token, self.ambient.now());
        {
            let mut executions = self.executions.lock().unwrap_or_else(PoisonError::into_inner);
            for number in numbers {
                let execution = &mut executions[*number];
                let (prev_seq, last_seq) = (execution.last_seq, execution.last_seq + 1);
                execution.last_seq = last_seq;
                let execution_id = execution.id;
                batch.folds.push(Fold {
                    project_id: self.project_id,
                    execution_id,
                    prev_seq,
                    last_seq,
                    columns: columns(),
                });
                batch.entries.push(entry(&self.ambient, execution_id, execution.shard, last_seq));
            }
        }
        Ok(self.journal.commit(Arc::new(batch)).await?)
    }
}

fn entry(ambient: &Ambient, execution_id: ExecutionId, shard: u16, seq: u64) -> NewEntry {
    NewEntry { shard, execution_id, seq, kind: 3, at: ambient.now(), payload: payload(seq) }
}

/// Bytes that do not compress, cheaply made.
pub(crate) fn payload(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(PAYLOAD);
    while bytes.len() < PAYLOAD {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

fn columns() -> Columns {
    Columns {
        state: State::Running,
        reason: None,
        attempt: 1,
        wake_at: None,
        waiting_for: None,
        finished_at: None,
        output: None,
        error: None,
        tokens: 0,
    }
}
