//! The key that the secrets of webhooks and the tokens of approvals are derived from (ADR 0010). It is never in the
//! database.

use std::path::Path;

use moltforge_execution::triggers::WebhookKey;
use moltforge_types::{Ambient, Secret};

use crate::Error;
use crate::config::Config;
use crate::output::{Attempt as _, Failure};
use crate::private_file;

/// Where an embedded server keeps the key that it made for itself.
pub const FILE: &str = "webhook.key";

/// The configured key, or for an embedded store one of its own making. With PostgreSQL and no configured key there is
/// none: several processes would each keep another one.
pub fn load(config: &Config, ambient: &Ambient) -> Result<Option<WebhookKey>, Failure> {
    let attempted = || "set up the webhook key".to_owned();
    match &config.webhook_key {
        Some(text) => Ok(Some(parse(text, "webhook_key").attempt(attempted)?)),
        None if config.store.url.is_none() => Ok(Some(kept(&config.data_dir.join(FILE), ambient).attempt(attempted)?)),
        None => Ok(None),
    }
}

fn parse(text: &Secret, place: &str) -> Result<WebhookKey, Error> {
    WebhookKey::parse(text).map_err(|message| Error::ConfigInvalid(vec![format!("{place}: {message}")]))
}

fn kept(path: &Path, ambient: &Ambient) -> Result<WebhookKey, Error> {
    if let Some(text) = private_file::read(path)? {
        return parse(&Secret::new(text.trim()), &path.display().to_string());
    }
    let key = WebhookKey::new(ambient.bytes());
    private_file::write(path, format!("{}\n", key.to_text().expose()).as_bytes())?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        let ambient = Ambient::system();
        let key = load(&config, &ambient).unwrap().unwrap().to_text();
        assert_eq!(load(&config, &ambient).unwrap().unwrap().to_text().expose(), key.expose());
        let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn with_postgresql_the_operator_gives_it() {
        let mut config = Config::default();
        config.store.url = Some(Secret::new("postgres://x"));
        assert!(load(&config, &Ambient::system()).unwrap().is_none());
        config.webhook_key = Some(Secret::new("short"));
        assert!(load(&config, &Ambient::system()).is_err());
        config.webhook_key = Some(WebhookKey::new([1; 32]).to_text());
        assert!(load(&config, &Ambient::system()).unwrap().is_some());
    }
}
