//! The table `sign_in_code`: one-time codes that open a session. They are redeemed through [`crate::Credentials`].

use moltforge_types::{KeyId, ProjectId, Timestamp};

use crate::error::Error;
use crate::sql::At;

/// The sign-in codes of a project.
#[derive(Debug)]
pub struct SignInCodes<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(sign_in_codes -> SignInCodes { project_id: ProjectId });

impl SignInCodes<'_> {
    /// Writes a new code for a key.
    ///
    /// # Errors
    /// [`Error::Reference`] when there is no such key.
    pub async fn insert(&mut self, key_id: KeyId, code_hash: &[u8; 32], expires_at: Timestamp) -> Result<(), Error> {
        let now = self.at.tx()?.now();
        self.at
            .query(
                "INSERT INTO sign_in_code(project_id, code_hash, key_id, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(self.project_id)
            .bind(code_hash.as_slice())
            .bind(key_id)
            .bind(now)
            .bind(expires_at)
            .execute()
            .await?;
        Ok(())
    }

    /// Deletes at most `limit` codes that expired before `before`; how many.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn delete_expired(&mut self, before: Timestamp, limit: u32) -> Result<u64, Error> {
        self.at
            .query(
                "DELETE FROM sign_in_code WHERE project_id = $1 AND code_hash IN (\
                 SELECT code_hash FROM sign_in_code WHERE project_id = $1 AND expires_at < $2 LIMIT $3)",
            )
            .bind(self.project_id)
            .bind(before)
            .bind(limit)
            .execute()
            .await
    }
}
