//! The floor: what a durable write costs on this disk, without any database.

use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::figures;

/// Where and how long.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A folder on the disk in question
    folder: PathBuf,
    /// Seconds per way of writing
    #[arg(long, default_value_t = 2)]
    seconds: u64,
}

/// Appends 4 KiB and syncs; overwrites 8 KiB and syncs. One line each.
pub(crate) fn run(args: &Args) -> Result<()> {
    let path = args.folder.join("fsync-floor");
    let result = (|| {
        for (name, append, size) in
            [("append 4 KiB + fdatasync", true, 4096), ("overwrite 8 KiB + fdatasync", false, 8192)]
        {
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
            let block = vec![7_u8; size];
            file.write_all(&vec![0; size * 64])?;
            file.sync_all()?;
            let (started, mut times) = (Instant::now(), Vec::new());
            while started.elapsed() < Duration::from_secs(args.seconds) {
                let begun = Instant::now();
                if !append {
                    file.seek(SeekFrom::Start(0))?;
                }
                file.write_all(&block)?;
                file.sync_data()?;
                times.push(figures::millis(begun.elapsed()));
            }
            println!("{}", json!({ "floor": name, "latency": figures::latency(&mut times) }));
        }
        Ok::<(), std::io::Error>(())
    })();
    let _ = std::fs::remove_file(&path);
    result.with_context(|| format!("write to {}", path.display()))
}
