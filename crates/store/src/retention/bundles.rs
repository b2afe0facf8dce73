//! Bundles that nothing refers to any more.

use moltforge_types::Timestamp;

use super::Retention;
use crate::error::Error;

/// Referred to by a version of an agent that is not deleted, or of which an execution is left: that one may be looked at,
/// replayed or forked. The time is asked of the row itself again: whoever uses the bundle meanwhile keeps it.
const SWEEP: &str = "\
    DELETE FROM bundle WHERE used_at < $1 AND (project_id, sha256) IN ( \
      SELECT b.project_id, b.sha256 FROM bundle b WHERE b.used_at < $1 AND NOT EXISTS ( \
        SELECT 1 FROM agent_version v JOIN agent a ON a.project_id = v.project_id AND a.agent_id = v.agent_id \
        WHERE v.project_id = b.project_id AND v.bundle = b.sha256 AND (a.deleted_at IS NULL OR EXISTS ( \
          SELECT 1 FROM execution e WHERE e.project_id = v.project_id AND e.agent_id = v.agent_id))) \
      ORDER BY b.used_at LIMIT $2)";

impl Retention<'_> {
    /// Deletes bundles, at most `limit`, that were last used before `before` and are of no use: no version was made of
    /// them, or their agents are deleted and nothing is left of what those did. Returns how many.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn sweep_bundles(&mut self, before: Timestamp, limit: u32) -> Result<u64, Error> {
        self.at.query(SWEEP).bind(before).bind(limit).execute().await
    }
}
