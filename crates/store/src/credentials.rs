//! From the hash of a secret to whom it stands for: the only statements without a project, because it is the secret
//! that names the project. They look at nothing but the hash; what is expired or revoked, the caller decides.

use moltforge_types::{KeyId, ProjectId, Timestamp};

use crate::error::Error;
use crate::keys::Key;
use crate::sessions::Session;
use crate::sql::At;

/// Keys, sessions and codes by the hash of their secret.
#[derive(Debug)]
pub struct Credentials<'c> {
    at: At<'c>,
}

crate::accessor!(credentials -> Credentials);

/// A sign-in code, as it was before it was redeemed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedeemedCode {
    /// The project.
    pub project_id: ProjectId,
    /// The key that it was made with.
    pub key_id: KeyId,
}

impl Credentials<'_> {
    /// The key with this secret, expired and revoked ones too.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn find_key(&mut self, secret_hash: &[u8; 32]) -> Result<Option<Key>, Error> {
        self.at
            .query(
                "SELECT project_id, key_id, name, hint, scopes, created_at, created_by, expires_at, revoked_at, \
                 last_used_at FROM key WHERE secret_hash = $1",
            )
            .bind(secret_hash.as_slice())
            .optional(|row| Key::from_row(&row))
            .await
    }

    /// The session with this token and the key that it was opened with; ended ones too.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn find_session(&mut self, token_hash: &[u8; 32]) -> Result<Option<(Session, Key)>, Error> {
        self.at
            .query(
                "SELECT s.session_id, s.created_at AS opened_at, s.last_used_at AS session_used_at, \
                 s.expires_at AS session_expires_at, s.ended_at, k.project_id, k.key_id, k.name, k.hint, k.scopes, \
                 k.created_at, k.created_by, k.expires_at, k.revoked_at, k.last_used_at \
                 FROM session s JOIN key k ON k.project_id = s.project_id AND k.key_id = s.key_id \
                 WHERE s.token_hash = $1",
            )
            .bind(token_hash.as_slice())
            .optional(|row| {
                let key = Key::from_row(&row)?;
                let session = Session {
                    project_id: key.project_id,
                    session_id: row.get("session_id")?,
                    key_id: key.key_id,
                    created_at: row.get("opened_at")?,
                    last_used_at: row.get("session_used_at")?,
                    expires_at: row.get("session_expires_at")?,
                    ended_at: row.get("ended_at")?,
                };
                Ok((session, key))
            })
            .await
    }

    /// Uses up a code that was not used and has not expired at `now`. Of two at the same time one gets it.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn redeem_code(&mut self, code_hash: &[u8; 32], now: Timestamp) -> Result<Option<RedeemedCode>, Error> {
        self.at
            .query(
                "UPDATE sign_in_code SET used_at = $2 \
                 WHERE code_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING project_id, key_id",
            )
            .bind(code_hash.as_slice())
            .bind(now)
            .optional(|row| Ok(RedeemedCode { project_id: row.get("project_id")?, key_id: row.get("key_id")? }))
            .await
    }
}
