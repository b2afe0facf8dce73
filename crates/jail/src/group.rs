//! Control groups, the server's side: memory, processes and processor time of a confined process and its supervisor.
//!
//! Version 1 and version 2, whatever is mounted, also both at once. Without one that can be written everything works,
//! and [`Groups::find`] says why there is none.

mod machine;
mod mounts;
mod server;
mod v1;
mod v2;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub use machine::memory;

use crate::error::{AtStep as _, JailError, Step};

/// Where groups can be made.
#[derive(Debug)]
pub struct Groups {
    place: Place,
    made: AtomicU64,
    /// The server's own group, in which these are made.
    _own: Option<server::Own>,
}

#[derive(Debug)]
enum Place {
    /// A folder per controller.
    V1(v1::Controllers),
    /// One folder for all.
    V2(PathBuf),
}

/// Limits of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupLimits {
    /// Bytes of memory, swap included where the kernel counts it. Beyond them the kernel kills.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u32>,
    /// Thousandths of a processor.
    pub cpu_milli: Option<u32>,
}

/// A group for one process. Dropped when the process is gone: its folders go with it.
#[derive(Debug)]
pub struct Group {
    folders: Folders,
}

/// The folders of one group, by what they are for.
#[derive(Debug)]
struct Folders {
    memory: Option<PathBuf>,
    all: Vec<PathBuf>,
    version: u8,
    cpu: Option<PathBuf>,
}

impl Groups {
    /// Looks for a place beneath this process's own group.
    ///
    /// # Errors
    /// There is none, or it cannot be written; the message says which. Nothing needs it to work.
    pub fn find() -> Result<Self, JailError> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").at(Step::Group, "read the mounts")?;
        let own = fs::read_to_string("/proc/self/cgroup").at(Step::Group, "read the own group")?;
        Self::find_in(&mounts, &own)
    }

    fn find_in(mounts: &str, own: &str) -> Result<Self, JailError> {
        // a mounted version 2 may have no controller that is of use while version 1 holds them
        let v2 = mounts::unified(mounts, own).map(v2::prepare);
        if let Some(Ok(folder)) = v2 {
            return Ok(Self::at(Place::V2(folder)));
        }
        match (v1::Controllers::find(mounts, own), v2) {
            (Ok(controllers), _) => Ok(Self::at(Place::V1(controllers))),
            (Err(_), Some(Err(error))) => Err(JailError::new(Step::Group, format!("version 2: {error}"))),
            (Err(error), _) => Err(JailError::new(Step::Group, format!("version 1: {error}"))),
        }
    }

    fn at(place: Place) -> Self {
        Self { place, made: AtomicU64::new(0), _own: None }
    }

    /// What there is, for people.
    pub fn words(&self) -> String {
        server::words(&self.place)
    }

    /// Makes a group with limits. A limit whose controller this machine does not have is an error, as is one that the
    /// kernel refuses.
    ///
    /// # Errors
    /// What could not be written.
    pub fn make(&self, limits: &GroupLimits) -> Result<Group, JailError> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let name = format!("moltforge-{}-{number}", std::process::id());
        let folders = match &self.place {
            Place::V1(controllers) => controllers.make(&name, limits),
            Place::V2(folder) => v2::make(folder, &name, limits),
        };
        Ok(Group { folders: folders.at(Step::Group, "make it")? })
    }
}

impl Group {
    /// Puts a process into it; what that starts is in it too.
    pub(crate) fn add(&self, id: u32) -> Result<(), JailError> {
        self.folders.all.iter().try_for_each(|folder| {
            fs::write(folder.join("cgroup.procs"), id.to_string()).at(Step::Group, "put the process into it")
        })
    }

    /// Bytes of memory in use now.
    pub fn memory_usage(&self) -> Option<u64> {
        let file = if self.folders.version == 1 { "memory.usage_in_bytes" } else { "memory.current" };
        number(&self.folders.memory.as_ref()?.join(file))
    }

    /// Microseconds of processor time used so far.
    pub fn cpu_micros(&self) -> Option<u64> {
        let folder = self.folders.cpu.as_ref()?;
        if self.folders.version == 1 {
            return number(&folder.join("cpuacct.usage")).map(|nanos| nanos / 1000);
        }
        field(&folder.join("cpu.stat"), "usage_usec")
    }

    /// How often the kernel has killed something in it because memory ran out.
    pub fn out_of_memory(&self) -> Option<u64> {
        let file = if self.folders.version == 1 { "memory.oom_control" } else { "memory.events" };
        field(&self.folders.memory.as_ref()?.join(file), "oom_kill")
    }
}

impl Group {
    /// Removes it. Not while a process is in it, and one that was killed may be for a moment.
    pub fn remove(&mut self) -> bool {
        self.folders.all.retain(|folder| match fs::remove_dir(folder) {
            Ok(()) => false,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        });
        self.folders.all.is_empty()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // one that is not empty stays; its limits still hold
        self.remove();
    }
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// A line `name value`.
fn field(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// Writes a limit, and says which one was refused.
fn set(folder: &Path, file: &str, value: &dyn std::fmt::Display) -> io::Result<()> {
    let value = value.to_string();
    fs::write(folder.join(file), &value).map_err(|e| io::Error::new(e.kind(), format!("{file} = {value}: {e}")))
}
