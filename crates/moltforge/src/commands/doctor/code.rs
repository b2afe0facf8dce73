//! Whether code agents can run: starts the processes that they run in, confined, and ends them again.

use std::path::PathBuf;

use moltforge_sandbox::Sandbox;

use super::{Check, Outcome};
use crate::config::Config;
use crate::guests;

const NAME: &str = "code agents";

pub(super) async fn check(config: &Config) -> Check {
    if !config.sandbox.enabled {
        return Check::new(NAME, Outcome::Info, "not run here: `sandbox.enabled` is false");
    }
    let folder = Folder::new();
    let mut settings = config.sandbox.clone();
    settings.cache_dir = Some(folder.0.clone());
    let probed = match Sandbox::new(settings.sandbox(&folder.0)) {
        Ok(sandbox) => guests::probe(&sandbox).await.map(|()| sandbox.groups()),
        Err(error) => Err(error.to_string()),
    };
    match (probed, &config.sandbox.best_effort_because) {
        (Ok(groups), None) => Check::ok(NAME, format!("their processes are confined here; {groups}")),
        (Ok(groups), Some(reason)) => {
            Check::new(NAME, Outcome::Warning, format!("confined as far as this kernel goes: {reason}; {groups}"))
                .hint("`sandbox.best_effort_because` is for development; remove it where strangers deploy")
        }
        (Err(reason), _) => Check::new(NAME, Outcome::Warning, format!("cannot run here: {reason}"))
            .hint("prompt agents run all the same; for development there is `sandbox.best_effort_because`"),
    }
}

/// A folder of its own, gone with the value: a look changes nothing.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = hex::encode(moltforge_types::Ambient::system().bytes::<8>());
        Self(std::env::temp_dir().join(format!("moltforge-doctor-{name}")))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
