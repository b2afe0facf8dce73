//! The table `key`: API keys, without their secrets.

use moltforge_types::{Actor, KeyId, ProjectId, Scope, Timestamp};

use crate::error::Error;
use crate::sql::{At, Row};

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The project that it acts in.
    pub project_id: ProjectId,
    /// `key_...`
    pub key_id: KeyId,
    /// What it is for.
    pub name: String,
    /// The first characters of the secret.
    pub hint: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it: a key, a session or `system`.
    pub created_by: String,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl Key {
    pub(crate) fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            project_id: row.get("project_id")?,
            key_id: row.get("key_id")?,
            name: row.get("name")?,
            hint: row.get("hint")?,
            scopes: row.json("scopes")?,
            created_at: row.get("created_at")?,
            created_by: row.get("created_by")?,
            expires_at: row.get("expires_at")?,
            revoked_at: row.get("revoked_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    }
}

/// A key to be written.
#[derive(Debug)]
pub struct NewKey<'a> {
    /// What it is for.
    pub name: &'a str,
    /// SHA-256 of the secret.
    pub secret_hash: &'a [u8; 32],
    /// The first characters of the secret.
    pub hint: &'a str,
    /// What it may do.
    pub scopes: &'a [Scope],
    /// Who makes it.
    pub created_by: Actor,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// The keys of a project.
#[derive(Debug)]
pub struct Keys<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(keys -> Keys { project_id: ProjectId });

impl Keys<'_> {
    /// Writes a new key.
    ///
    /// # Errors
    /// [`Error::Unique`] when a key with this secret exists, in any project.
    pub async fn insert(&mut self, new: NewKey<'_>) -> Result<Key, Error> {
        let tx = self.at.tx()?;
        let key = Key {
            project_id: self.project_id,
            key_id: tx.id(),
            name: new.name.to_owned(),
            hint: new.hint.to_owned(),
            scopes: new.scopes.to_vec(),
            created_at: tx.now(),
            created_by: new.created_by.to_string(),
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let scopes = serde_json::to_string(&key.scopes)
            .map_err(|error| Error::Internal { table: "key", source: error.into() })?;
        self.at
            .query(
                "INSERT INTO key(project_id, key_id, name, secret_hash, hint, scopes, created_at, created_by, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(key.project_id)
            .bind(key.key_id)
            .bind(new.name)
            .bind(new.secret_hash.as_slice())
            .bind(new.hint)
            .bind(scopes)
            .bind(key.created_at)
            .bind(key.created_by.as_str())
            .bind(key.expires_at)
            .execute()
            .await?;
        Ok(key)
    }

    /// A key by id, revoked ones too.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn find(&mut self, key_id: KeyId) -> Result<Option<Key>, Error> {
        self.at
            .query(
                "SELECT project_id, key_id, name, hint, scopes, created_at, created_by, expires_at, revoked_at, \
                 last_used_at FROM key WHERE project_id = $1 AND key_id = $2",
            )
            .bind(self.project_id)
            .bind(key_id)
            .optional(|row| Key::from_row(&row))
            .await
    }

    /// A page of keys, newest first, older than `before`; revoked ones too.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn list(&mut self, before: Option<KeyId>, limit: u32) -> Result<Vec<Key>, Error> {
        self.at
            .query(
                "SELECT project_id, key_id, name, hint, scopes, created_at, created_by, expires_at, revoked_at, \
                 last_used_at FROM key WHERE project_id = $1 AND ($2 IS NULL OR key_id < $2) \
                 ORDER BY key_id DESC LIMIT $3",
            )
            .bind(self.project_id)
            .bind(before)
            .bind(limit)
            .all(|row| Key::from_row(&row))
            .await
    }

    /// Revokes a key as of this transaction; `false` when there is none or it was revoked before.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn revoke(&mut self, key_id: KeyId) -> Result<bool, Error> {
        let now = self.at.tx()?.now();
        let rows = self
            .at
            .query("UPDATE key SET revoked_at = $3 WHERE project_id = $1 AND key_id = $2 AND revoked_at IS NULL")
            .bind(self.project_id)
            .bind(key_id)
            .bind(now)
            .execute()
            .await?;
        Ok(rows == 1)
    }

    /// Notes that a key was used. Later uses win, whatever the order of the writes.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn touch(&mut self, key_id: KeyId, used_at: Timestamp) -> Result<(), Error> {
        self.at
            .query(
                "UPDATE key SET last_used_at = $3 \
                 WHERE project_id = $1 AND key_id = $2 AND (last_used_at IS NULL OR last_used_at < $3)",
            )
            .bind(self.project_id)
            .bind(key_id)
            .bind(used_at)
            .execute()
            .await?;
        Ok(())
    }
}
