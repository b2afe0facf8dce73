//! What this process takes, and what the machine does at best.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::time::Instant;

use crate::Failed;
use crate::figures::Times;

/// Memory of this process, bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// All that is resident.
    pub(crate) resident: u64,
    /// The most that ever was.
    pub(crate) peak: u64,
}

impl Memory {
    /// Zero where the system does not say.
    pub(crate) fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0) * 1_024
        };
        Self { resident: field("VmRSS:"), peak: field("VmHWM:") }
    }
}

/// The settings that every section begins with.
pub(crate) fn print(database: &str, more: &[(&str, String)]) {
    let profile = if cfg!(debug_assertions) { "not optimised: the figures mean little" } else { "release" };
    println!("- {database}");
    println!("- build: {profile}");
    for (name, value) in more {
        println!("- {name}: {value}");
    }
    println!();
}

/// What overwriting 8 KiB and a sync cost here: the floor of a commit on SQLite.
pub(crate) fn sync(folder: &Path) -> Result<Times, Failed> {
    let path = folder.join("sync");
    let mut file = File::create(&path)?;
    let page = [7_u8; 8_192];
    file.write_all(&page)?;
    file.sync_all()?;
    let mut times = Times::default();
    for _ in 0..300 {
        let begun = Instant::now();
        file.rewind()?;
        file.write_all(&page)?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    std::fs::remove_file(path)?;
    Ok(times)
}
