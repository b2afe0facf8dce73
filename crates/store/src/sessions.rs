//! The table `session`: who is signed in to the dashboard.

use moltforge_types::{KeyId, ProjectId, SessionId, Timestamp};

use crate::error::Error;
use crate::sql::At;

/// A session, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The project.
    pub project_id: ProjectId,
    /// `ses_...`
    pub session_id: SessionId,
    /// The key that it was opened with.
    pub key_id: KeyId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// When somebody signed out.
    pub ended_at: Option<Timestamp>,
}

/// The sessions of a project.
#[derive(Debug)]
pub struct Sessions<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(sessions -> Sessions { project_id: ProjectId });

impl Sessions<'_> {
    /// Writes a new session.
    ///
    /// # Errors
    /// [`Error::Reference`] when there is no such key.
    pub async fn insert(
        &mut self,
        key_id: KeyId,
        token_hash: &[u8; 32],
        expires_at: Timestamp,
    ) -> Result<Session, Error> {
        let tx = self.at.tx()?;
        let now = tx.now();
        let session = Session {
            project_id: self.project_id,
            session_id: tx.id(),
            key_id,
            created_at: now,
            last_used_at: now,
            expires_at,
            ended_at: None,
        };
        self.at
            .query(
                "INSERT INTO session(project_id, session_id, key_id, token_hash, created_at, last_used_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $5, $6)",
            )
            .bind(session.project_id)
            .bind(session.session_id)
            .bind(key_id)
            .bind(token_hash.as_slice())
            .bind(now)
            .bind(expires_at)
            .execute()
            .await?;
        Ok(session)
    }

    /// Ends a session as of this transaction; `false` when there is none or it was ended before.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn end(&mut self, session_id: SessionId) -> Result<bool, Error> {
        let now = self.at.tx()?.now();
        let rows = self
            .at
            .query("UPDATE session SET ended_at = $3 WHERE project_id = $1 AND session_id = $2 AND ended_at IS NULL")
            .bind(self.project_id)
            .bind(session_id)
            .bind(now)
            .execute()
            .await?;
        Ok(rows == 1)
    }

    /// Notes that a session was used. Later uses win, whatever the order of the writes.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn touch(&mut self, session_id: SessionId, used_at: Timestamp) -> Result<(), Error> {
        self.at
            .query(
                "UPDATE session SET last_used_at = $3 \
                 WHERE project_id = $1 AND session_id = $2 AND last_used_at < $3",
            )
            .bind(self.project_id)
            .bind(session_id)
            .bind(used_at)
            .execute()
            .await?;
        Ok(())
    }

    /// Deletes at most `limit` sessions that ended by themselves before `before`; how many.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn delete_expired(&mut self, before: Timestamp, limit: u32) -> Result<u64, Error> {
        self.at
            .query(
                "DELETE FROM session WHERE project_id = $1 AND session_id IN (\
                 SELECT session_id FROM session WHERE project_id = $1 AND expires_at < $2 LIMIT $3)",
            )
            .bind(self.project_id)
            .bind(before)
            .bind(limit)
            .execute()
            .await
    }
}
