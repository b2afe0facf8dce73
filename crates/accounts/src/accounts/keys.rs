//! API keys: create, get, list, revoke.

use moltforge_api::keys::{CreateKey, CreatedKey, Key};
use moltforge_api::{Page, ProblemItem};
use moltforge_store::{self as store, NewKey};
use moltforge_types::{KeyId, Principal, Scope, Timestamp};
use serde_json::json;

use super::Accounts;
use crate::error::Error;
use crate::secrets;

/// The longest name, in characters.
const MAX_NAME: usize = 100;

impl Accounts {
    /// Makes a key with at most its maker's scopes, and with exactly those when none is named. The secret is in the
    /// answer and nowhere else.
    ///
    /// # Errors
    /// `key_invalid`, `key_scope_exceeds`.
    pub async fn create_key(&self, maker: &Principal, wanted: CreateKey) -> Result<CreatedKey, Error> {
        check_name(&wanted.name)?;
        let scopes = scopes(maker, &wanted.scopes)?;
        let expires_at =
            wanted.expires_at.as_deref().map(|text| expiry(text, self.store.ambient().now())).transpose()?;
        let secret = secrets::new_key_secret(self.store.ambient());
        let mut tx = self.store.begin().await?;
        let new = NewKey {
            name: &wanted.name,
            secret_hash: &secrets::hash(secret.expose()),
            hint: &secrets::hint(secret.expose()),
            scopes: &scopes,
            created_by: maker.actor,
            expires_at,
        };
        let key = tx.keys(maker.project_id).insert(new).await?;
        let data = json!({"name": key.name, "scopes": key.scopes});
        tx.changes(maker.project_id).insert(maker.actor, "key.created", key.key_id, &data).await?;
        tx.commit().await?;
        Ok(CreatedKey { key: to_api(key), secret: secret.expose().to_owned() })
    }

    /// A key of the caller's project.
    ///
    /// # Errors
    /// `key_not_found`.
    pub async fn get_key(&self, asker: &Principal, key_id: KeyId) -> Result<Key, Error> {
        let key = self.store.keys(asker.project_id).find(key_id).await?;
        key.map(to_api).ok_or(Error::KeyNotFound(key_id))
    }

    /// A page of keys, newest first, older than `before`; and the id to go on from, when there are more.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list_keys(
        &self,
        asker: &Principal,
        before: Option<KeyId>,
        limit: u32,
    ) -> Result<(Page<Key>, Option<KeyId>), Error> {
        let mut keys = self.store.keys(asker.project_id).list(before, limit.saturating_add(1)).await?;
        let more = keys.len() > limit as usize;
        keys.truncate(limit as usize);
        let next = keys.last().map(|key| key.key_id).filter(|_| more);
        Ok((Page { items: keys.into_iter().map(to_api).collect(), next: None }, next))
    }

    /// Revokes a key, and with it every session that was opened with it. Revoking again changes nothing.
    ///
    /// # Errors
    /// `key_not_found`.
    pub async fn revoke_key(&self, asker: &Principal, key_id: KeyId) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        if tx.keys(asker.project_id).revoke(key_id).await? {
            tx.changes(asker.project_id).insert(asker.actor, "key.revoked", key_id, &json!({})).await?;
            return Ok(tx.commit().await?);
        }
        match tx.keys(asker.project_id).find(key_id).await? {
            Some(_) => Ok(()),
            None => Err(Error::KeyNotFound(key_id)),
        }
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let fits = (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(invalid("/name", "expected 1 to 100 characters without control characters")) }
}

fn scopes(maker: &Principal, wanted: &[String]) -> Result<Vec<Scope>, Error> {
    if wanted.is_empty() {
        return Ok(maker.scopes.clone());
    }
    let mut scopes = Vec::with_capacity(Scope::ALL.len());
    for (at, text) in wanted.iter().enumerate() {
        let scope: Scope = text.parse().map_err(|message: String| invalid(&format!("/scopes/{at}"), &message))?;
        if !maker.may(scope) {
            return Err(Error::KeyScopeExceeds(scope.as_str()));
        }
        if scopes.contains(&scope) {
            return Err(invalid(&format!("/scopes/{at}"), "the scope appears twice"));
        }
        scopes.push(scope);
    }
    Ok(scopes)
}

fn expiry(text: &str, now: Timestamp) -> Result<Timestamp, Error> {
    let at: Timestamp = text.parse().map_err(|message: String| invalid("/expires_at", &message))?;
    if at > now { Ok(at) } else { Err(invalid("/expires_at", "expected a time in the future")) }
}

fn invalid(pointer: &str, message: &str) -> Error {
    Error::KeyInvalid(ProblemItem {
        pointer: pointer.to_owned(),
        message: message.to_owned(),
        line: None,
        column: None,
    })
}

fn to_api(key: store::Key) -> Key {
    Key {
        key_id: key.key_id.to_string(),
        name: key.name,
        hint: key.hint,
        scopes: key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        created_at: key.created_at.to_string(),
        created_by: key.created_by,
        expires_at: key.expires_at.map(|at| at.to_string()),
        revoked_at: key.revoked_at.map(|at| at.to_string()),
        last_used_at: key.last_used_at.map(|at| at.to_string()),
    }
}
