//! Versions, compiled once and kept.

use std::sync::{Arc, Mutex, PoisonError};

use moltforge_store::Reads;
use moltforge_types::journal::ErrorInfo;
use moltforge_types::{AgentId, ProjectId, VersionId};

use super::kept::Kept;
use crate::engine::{EffectKeys, Spec};
use crate::error::Error;

/// Versions kept in memory, and their bytes; beyond that those go that were used longest ago. What runs keeps its own.
const MAX_KEPT: usize = 4_096;
const MAX_BYTES: usize = 128 * 1024 * 1024;

pub(crate) struct Specs {
    effect_keys: EffectKeys,
    kept: Mutex<Kept<VersionId, Arc<Spec>>>,
}

/// What names a version.
#[derive(Clone, Copy)]
pub(crate) struct VersionRef {
    pub(crate) project_id: ProjectId,
    pub(crate) agent_id: AgentId,
    pub(crate) version_id: VersionId,
    pub(crate) version: u32,
}

impl Specs {
    pub(crate) fn new(effect_keys: EffectKeys) -> Self {
        Self { effect_keys, kept: Mutex::new(Kept::new(MAX_KEPT, MAX_BYTES)) }
    }

    /// A version by its id. `Ok(Err(..))` when it is there but cannot run here.
    pub(crate) async fn get(&self, reads: &dyn Reads, of: VersionRef) -> Result<Result<Arc<Spec>, ErrorInfo>, Error> {
        if let Some(spec) = self.find(of) {
            return Ok(Ok(spec));
        }
        let Some(row) = reads.version(of.project_id, of.version_id).await? else {
            return Ok(Err(ErrorInfo::new("version_missing", format!("the version {} is gone", of.version_id))));
        };
        Ok(self.compile(of, &row.config))
    }

    /// A version whose configuration the caller has at hand.
    pub(crate) fn compile(&self, of: VersionRef, config: &str) -> Result<Arc<Spec>, ErrorInfo> {
        if let Some(spec) = self.find(of) {
            return Ok(spec);
        }
        let config = serde_json::from_str(config)
            .map_err(|error| ErrorInfo::new("version_invalid", format!("its configuration cannot be read: {error}")))?;
        let keys = self.effect_keys.clone();
        let spec = Arc::new(Spec::compile(of.project_id, of.agent_id, of.version_id, of.version, config, keys)?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(of.version_id, spec.clone(), spec.weight);
        Ok(spec)
    }

    /// A version that is at hand already.
    pub(crate) fn find(&self, of: VersionRef) -> Option<Arc<Spec>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&of.version_id).filter(|spec| spec.project_id == of.project_id).cloned()
    }
}
