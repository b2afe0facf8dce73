//! From the journal back to a hot execution.

use moltforge_store::ExecutionRow;
use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, ProjectId};

use super::message::Loaded;
use super::shared::Shared;
use super::specs::VersionRef;
use crate::codec;
use crate::engine::{Execution, Recorded, Spec};
use crate::error::Error;

/// Entries read at a time.
const PAGE: u32 = 1_000;

/// Reads one execution of a project.
pub(crate) async fn load(shared: &Shared, project_id: ProjectId, id: ExecutionId) -> Result<Loaded, Error> {
    let reads = shared.journal.reads();
    let row = reads.execution(project_id, id).await?;
    let row = row.ok_or_else(|| Error::ExecutionNotFound(id.to_string()))?;
    let version = VersionRef { project_id, agent_id: row.agent_id, version_id: row.version_id, version: row.version };
    let spec = match shared.specs.get(reads, version).await? {
        Ok(spec) => spec,
        Err(error) => Spec::missing(project_id, row.agent_id, row.version_id, row.version, &row.agent_name, error),
    };
    let mut execution = Execution::empty(id, spec);
    for_each_entry(shared, id, |recorded, bytes| {
        execution.record(recorded);
        execution.bytes += bytes;
        Ok(())
    })
    .await?;
    let ExecutionRow { shard, environment, .. } = row;
    Ok(Loaded { execution, shard, environment })
}

/// All entries of an execution.
pub(crate) async fn entries(shared: &Shared, id: ExecutionId) -> Result<Vec<Recorded>, Error> {
    let mut all = Vec::new();
    for_each_entry(shared, id, |recorded, _| {
        all.push(recorded.clone());
        Ok(())
    })
    .await?;
    Ok(all)
}

async fn for_each_entry(
    shared: &Shared,
    id: ExecutionId,
    mut each: impl FnMut(&Recorded, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let rows = shared.journal.reads().entries(id, after, PAGE).await?;
        for row in &rows {
            if row.seq != after + 1 {
                let message = format!("entry {} follows entry {after}", row.seq);
                return Err(Error::JournalUnreadable { execution_id: id, seq: row.seq, message });
            }
            after = row.seq;
            let recorded = codec::decode(id, row)?;
            if row.seq == 1 && !matches!(recorded.entry, Entry::Scheduled { .. }) {
                let message = "the first entry is not scheduled".to_owned();
                return Err(Error::JournalUnreadable { execution_id: id, seq: 1, message });
            }
            each(&recorded, row.payload.len() as u64)?;
        }
        if rows.len() < PAGE as usize {
            return Ok(());
        }
    }
}
