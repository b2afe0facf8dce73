//! Checks of this machine.

use std::fs;
use std::path::{Path, PathBuf};

use moltforge_types::Ambient;

use super::{Check, Outcome};
use crate::config::Config;
use crate::connection::DEV_FOLDER;

/// 2026-01-01: no MoltForge ran before.
const OLDEST_MICROS: i64 = 1_767_225_600_000_000;
/// Connections, files and pipes of a busy server.
const WANTED_FILES: u64 = 4096;

/// The folder of `serve` when the configuration names one that is there, else that of `dev`.
pub(super) fn data_folder(config: &Config) -> PathBuf {
    let dev = PathBuf::from(DEV_FOLDER);
    let serves = config.data_dir.try_exists().unwrap_or(false) && !dev.try_exists().unwrap_or(false);
    if serves { config.data_dir.clone() } else { dev }
}

pub(super) fn folder(folder: &Path) -> Check {
    const NAME: &str = "data folder";
    let shown = folder.display();
    match fs::metadata(folder) {
        Ok(meta) if !meta.is_dir() => Check::new(NAME, Outcome::Failed, format!("{shown} is not a folder")),
        Ok(meta) if meta.permissions().readonly() => Check::new(NAME, Outcome::Failed, format!("{shown} is read-only")),
        Ok(_) => {
            let holder = fs::read_to_string(folder.join("lock")).unwrap_or_default();
            let locked = fs::File::open(folder.join("lock")).is_ok_and(|file| file.try_lock_shared().is_err());
            if locked {
                Check::ok(NAME, format!("{shown}, in use by process {}", holder.trim()))
            } else {
                Check::ok(NAME, format!("{shown}, not in use"))
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Check::new(NAME, Outcome::Info, format!("{shown} is not there yet; the first start makes it"))
        }
        Err(error) => Check::new(NAME, Outcome::Failed, format!("{shown}: {error}")),
    }
}

/// Ids and leases live by the clock. One that has been set back stands before what was written last.
pub(super) fn clock(folder: &Path) -> Check {
    const NAME: &str = "clock";
    let now = Ambient::system().now();
    let said = format!("{now}");
    if now.as_micros() < OLDEST_MICROS {
        return Check::new(NAME, Outcome::Failed, said).hint("set this machine's clock, best by NTP");
    }
    let newest = fs::metadata(folder).and_then(|meta| meta.modified()).ok();
    let newest = newest.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let ahead =
        newest.is_some_and(|time| i64::try_from(time.as_micros()).is_ok_and(|t| t > now.as_micros() + 60_000_000));
    if ahead {
        return Check::new(NAME, Outcome::Warning, format!("{said}, but the data folder was written later than that"))
            .hint("the clock was set back; ids made meanwhile do not sort by time");
    }
    Check::ok(NAME, said)
}

pub(super) fn open_files() -> Check {
    const NAME: &str = "open files";
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let Some(soft) = line.and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok()) else {
        return Check::new(NAME, Outcome::Info, "this system does not say its limit");
    };
    if soft >= WANTED_FILES {
        return Check::ok(NAME, format!("{soft} allowed"));
    }
    Check::new(NAME, Outcome::Warning, format!("{soft} allowed, {WANTED_FILES} wanted under load"))
        .hint(format!("`ulimit -n {WANTED_FILES}` before the start"))
}

pub(super) fn providers(config: &Config) -> Check {
    const NAME: &str = "models";
    let providers = &config.models.providers;
    if providers.is_empty() {
        return Check::new(NAME, Outcome::Info, "only `scripted`, which is offline")
            .hint("set OPENAI_API_KEY, or add [[models.providers]] to the configuration");
    }
    let keyless: Vec<&str> = providers
        .iter()
        .filter(|provider| provider.api_key_env.is_some() && provider.api_key.is_none())
        .map(|provider| provider.name.as_str())
        .collect();
    let names: Vec<&str> = providers.iter().map(|provider| provider.name.as_str()).collect();
    if keyless.is_empty() {
        return Check::ok(NAME, format!("scripted, {}", names.join(", ")));
    }
    Check::new(NAME, Outcome::Warning, format!("no key for {}", keyless.join(", ")))
        .hint("set the variable that its api_key_env names")
}

/// What the confinement of code agents is made of.
pub(super) fn isolation() -> Check {
    const NAME: &str = "isolation";
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut has = Vec::new();
    if read("/proc/sys/user/max_user_namespaces").trim().parse::<u64>().is_ok_and(|n| n > 0) {
        has.push("user namespaces");
    }
    if read("/proc/self/status").contains("\nSeccomp:") {
        has.push("seccomp");
    }
    if read("/sys/kernel/security/lsm").split(',').any(|module| module.trim() == "landlock") {
        has.push("landlock");
    }
    if !read("/sys/fs/cgroup/cgroup.controllers").is_empty() {
        has.push("cgroup v2");
    }
    let found = if has.is_empty() { "this kernel shows none".to_owned() } else { has.join(", ") };
    Check::new(NAME, Outcome::Info, found)
}
