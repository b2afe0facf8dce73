//! The key that an installation has from its first start.

use std::path::Path;

use moltforge_store::Store;
use moltforge_types::{Ambient, Fault as _, Secret};

use crate::Error;
use crate::config::Config;
use crate::output::{Attempt as _, Failure};
use crate::private_file;

/// Where an embedded server keeps the key that it made for itself.
pub const FILE: &str = "first.key";

/// Makes sure that somebody can get in: the configured key, or for an embedded store one of its own making. With
/// PostgreSQL and no configured key nothing is made: several processes would each keep another one.
pub async fn ensure(config: &Config, store: &Store, ambient: &Ambient) -> Result<(), Failure> {
    let attempted = || "set up the first key".to_owned();
    let path = config.data_dir.join(FILE);
    let (key, own) = match &config.first_key {
        Some(key) => (Some(key.clone()), false),
        None if config.store.url.is_none() => (Some(kept(&path, ambient).attempt(attempted)?), true),
        None => (None, false),
    };
    match moltforge_accounts::bootstrap(store, key.as_ref()).await {
        // whoever revoked it has other keys
        Err(error) if own && error.code() == "key_revoked" => {
            moltforge_accounts::bootstrap(store, None).await.attempt(attempted)?;
        }
        other => {
            other.attempt(attempted)?;
        }
    }
    Ok(())
}

fn kept(path: &Path, ambient: &Ambient) -> Result<Secret, Error> {
    if let Some(text) = private_file::read(path)? {
        return Ok(Secret::new(text.trim()));
    }
    let key = moltforge_accounts::new_key_secret(ambient);
    private_file::write(path, format!("{}\n", key.expose()).as_bytes())?;
    tracing::info!(path = %path.display(), "made the first API key");
    Ok(key)
}
