//! Which server a command talks to, and as whom.

use std::path::{Path, PathBuf};

use moltforge_client::Client;
use moltforge_types::Secret;
use serde::{Deserialize, Serialize};

/// Where `dev` keeps its data when nobody says otherwise.
pub const DEV_FOLDER: &str = ".moltforge";
/// What a running `dev` says about itself.
pub const SERVER_FILE: &str = "server.json";
/// The key of a `dev` folder.
pub const KEY_FILE: &str = "dev.key";
/// Where a server is when nothing else is known.
pub const DEFAULT_URL: &str = "http://127.0.0.1:8420";

/// The content of [`SERVER_FILE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningServer {
    /// Where it listens.
    pub url: String,
    /// Its process.
    pub pid: u32,
}

/// Where the server's address was said, when it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// `--server`.
    Flag,
    /// `MOLTFORGE_URL`.
    Variable,
}

/// What the command line and the environment say.
#[derive(Debug)]
pub struct Connection {
    server: Option<String>,
    said: Said,
    key: Option<Secret>,
}

/// A server and a caller.
#[derive(Debug)]
pub struct Resolved {
    /// The server's address.
    pub url: String,
    /// The key, if one is known.
    pub key: Option<Secret>,
    /// Where the address is from, for `doctor`.
    pub origin: String,
}

impl Connection {
    /// From `--server` and `--key`, or their variables.
    pub fn new(server: Option<String>, said: Said, key: Option<String>) -> Self {
        // an empty variable is an unset one
        let server = server.filter(|text| !text.trim().is_empty());
        let key = key.filter(|text| !text.trim().is_empty()).map(|text| Secret::new(text.trim()));
        Self { server, said, key }
    }

    /// Fills in from the development server of this folder or of one above.
    pub fn resolve(&self) -> Resolved {
        let here = std::env::current_dir().unwrap_or_default();
        self.resolve_from(&here)
    }

    fn resolve_from(&self, folder: &Path) -> Resolved {
        let dev = folder.ancestors().map(|folder| folder.join(DEV_FOLDER)).find_map(|folder| DevServer::read(&folder));
        let said = match self.said {
            Said::Flag => "--server",
            Said::Variable => "MOLTFORGE_URL",
        };
        match (&self.server, &self.key, dev) {
            (Some(url), Some(key), _) => Resolved { url: url.clone(), key: Some(key.clone()), origin: said.to_owned() },
            (Some(url), None, Some(dev)) if dev.is_at(url) => {
                Resolved { url: url.clone(), key: Some(dev.key), origin: said.to_owned() }
            }
            (Some(url), None, _) => Resolved { url: url.clone(), key: None, origin: said.to_owned() },
            (None, key, Some(dev)) => Resolved {
                url: dev.url,
                key: Some(key.clone().unwrap_or(dev.key)),
                origin: dev.folder.display().to_string(),
            },
            (None, key, None) => {
                Resolved { url: DEFAULT_URL.to_owned(), key: key.clone(), origin: "default".to_owned() }
            }
        }
    }

    /// A client of that server.
    pub fn client(&self) -> Result<Client, moltforge_client::Error> {
        let resolved = self.resolve();
        Client::remote(&resolved.url, resolved.key.as_ref())
    }
}

struct DevServer {
    folder: PathBuf,
    url: String,
    key: Secret,
}

impl DevServer {
    /// The server of a data folder. A key that others could have written or read is not trusted: it would send this
    /// person's agents to somebody else's server.
    fn read(folder: &Path) -> Option<Self> {
        let key_path = folder.join(KEY_FILE);
        if !is_private(&key_path) {
            return None;
        }
        let key = Secret::new(std::fs::read_to_string(key_path).ok()?.trim());
        let running = std::fs::read(folder.join(SERVER_FILE)).ok();
        let running: Option<RunningServer> = running.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let url = running.map_or_else(|| DEFAULT_URL.to_owned(), |running| running.url);
        Some(Self { folder: folder.to_owned(), url, key })
    }

    fn is_at(&self, url: &str) -> bool {
        self.url.trim_end_matches('/') == url.trim_end_matches('/')
    }
}

#[cfg(unix)]
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode().trailing_zeros() >= 6)
}

#[cfg(not(unix))]
fn is_private(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dev_folder(mode: u32) -> tempfile::TempDir {
        use std::os::unix::fs::PermissionsExt as _;
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join(DEV_FOLDER);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(KEY_FILE), "mf_dev\n").unwrap();
        std::fs::set_permissions(folder.join(KEY_FILE), std::fs::Permissions::from_mode(mode)).unwrap();
        let running = RunningServer { url: "http://127.0.0.1:9999".to_owned(), pid: 1 };
        std::fs::write(folder.join(SERVER_FILE), serde_json::to_vec(&running).unwrap()).unwrap();
        parent
    }

    fn resolved(server: Option<&str>, key: Option<&str>, folder: &Path) -> (String, Option<String>) {
        let connection = Connection::new(server.map(str::to_owned), Said::Flag, key.map(str::to_owned));
        let resolved = connection.resolve_from(folder);
        (resolved.url, resolved.key.map(|key| key.expose().to_owned()))
    }

    #[test]
    fn the_dev_server_of_a_folder_above_is_found() {
        let parent = dev_folder(0o600);
        let below = parent.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        let dev = ("http://127.0.0.1:9999".to_owned(), Some("mf_dev".to_owned()));
        assert_eq!(resolved(None, None, &below), dev);
        assert_eq!(resolved(Some("http://127.0.0.1:9999/"), None, &below).1, dev.1);
        assert_eq!(resolved(None, Some("mf_mine"), &below), (dev.0, Some("mf_mine".to_owned())));
    }

    #[test]
    fn the_dev_key_goes_to_no_other_server() {
        let parent = dev_folder(0o600);
        assert_eq!(resolved(Some("https://example.com"), None, parent.path()).1, None);
    }

    #[test]
    fn a_key_that_others_can_read_is_not_trusted() {
        let parent = dev_folder(0o644);
        assert_eq!(resolved(None, None, parent.path()), (DEFAULT_URL.to_owned(), None));
    }
}
