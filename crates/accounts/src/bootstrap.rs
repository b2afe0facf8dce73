//! The first organisation, the first project and, where one is handed in, the first key.

use moltforge_store::{Error as StoreError, Key, NewKey, Store, Tx};
use moltforge_types::{Actor, Principal, ProjectId, Scope, Secret};
use serde_json::json;

use crate::error::Error;
use crate::secrets;

/// The name of the organisation and of the project that every installation has.
const DEFAULT: &str = "default";
/// Two processes that start at the same time on one database may meet.
const ATTEMPTS: u32 = 5;

/// What every installation has.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// The default project.
    pub project_id: ProjectId,
    /// Whom the handed-in key stands for.
    pub principal: Option<Principal>,
}

/// Ensures the default organisation and project, and that `key` (a secret made by [`crate::new_key_secret`] and kept by
/// the caller) is a key of it with every scope. Safe to call at every start, by any number of processes.
///
/// # Errors
/// `key_secret_malformed`; `key_revoked` when somebody revoked the key: make a new secret.
pub async fn bootstrap(store: &Store, key: Option<&Secret>) -> Result<Bootstrap, Error> {
    if key.is_some_and(|secret| !secrets::is_key_secret(secret.expose())) {
        return Err(Error::KeySecretMalformed);
    }
    let mut attempt = 1;
    loop {
        match ensure(store, key).await {
            Err(Error::Store(StoreError::Unique { .. } | StoreError::Busy(_))) if attempt < ATTEMPTS => attempt += 1,
            result => return result,
        }
    }
}

async fn ensure(store: &Store, secret: Option<&Secret>) -> Result<Bootstrap, Error> {
    let mut tx = store.begin().await?;
    let project_id = ensure_project(&mut tx).await?;
    let key = match secret {
        None => None,
        Some(secret) => Some(ensure_key(&mut tx, project_id, secret).await?),
    };
    tx.commit().await?;
    let principal =
        key.map(|key| Principal { project_id: key.project_id, actor: Actor::Key(key.key_id), scopes: key.scopes });
    Ok(Bootstrap { project_id, principal })
}

async fn ensure_project(tx: &mut Tx) -> Result<ProjectId, StoreError> {
    let organisation = match tx.organisations().find(DEFAULT).await? {
        Some(organisation) => organisation,
        None => tx.organisations().insert(DEFAULT).await?,
    };
    let mut projects = tx.projects(organisation.organisation_id);
    Ok(match projects.find(DEFAULT).await? {
        Some(project) => project.project_id,
        None => projects.insert(DEFAULT).await?.project_id,
    })
}

async fn ensure_key(tx: &mut Tx, project_id: ProjectId, secret: &Secret) -> Result<Key, Error> {
    let secret_hash = secrets::hash(secret.expose());
    if let Some(key) = tx.credentials().find_key(&secret_hash).await? {
        return if key.revoked_at.is_some() { Err(Error::KeyRevoked(key.key_id)) } else { Ok(key) };
    }
    let new = NewKey {
        name: "first key",
        secret_hash: &secret_hash,
        hint: &secrets::hint(secret.expose()),
        scopes: &Scope::ALL,
        created_by: Actor::System,
        expires_at: None,
    };
    let key = tx.keys(project_id).insert(new).await?;
    let data = json!({"name": key.name, "scopes": key.scopes});
    tx.changes(project_id).insert(Actor::System, "key.created", key.key_id, &data).await?;
    Ok(key)
}
