//! Control groups of this machine, if there are any.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use moltforge_jail::{Ended, Group, GroupLimits, Groups};

use super::Act;
use crate::Test;
use crate::facts::Facts;
use crate::inmate::Task;
use crate::server::{By, start};

pub(super) const TESTS: &[Test] = &[
    ("groups::memory_is_limited_and_counted", memory),
    ("groups::processes_are_limited", processes),
    ("groups::a_server_has_one_of_its_own_and_removes_those_of_the_dead", own),
    ("groups::processor_time_is_counted_and_a_group_goes_with_its_process", time),
];

pub(super) const TASKS: &[(&str, Act)] = &[("fills", fills)];

const MEGABYTE: u64 = 1 << 20;

fn group(limits: &GroupLimits) -> Option<Group> {
    match Groups::find() {
        Ok(groups) => Some(groups.make(limits).unwrap()),
        Err(error) => {
            println!("  NOT TRIED: {error}");
            None
        }
    }
}

fn memory() {
    let Some(group) = group(&GroupLimits { memory: Some(64 * MEGABYTE), ..GroupLimits::default() }) else { return };
    let fill = |megabytes: u64| {
        let facts = Facts::default().with("megabytes", &megabytes);
        start(By::Nobody, "worker", "fills", &facts, Some(&group))
    };
    // less than the limit: it lives, and is counted
    let mut small = fill(32);
    small.socket.read_exact(&mut [0; 6]).unwrap();
    let used = group.memory_usage().unwrap();
    assert!((32 * MEGABYTE..64 * MEGABYTE).contains(&used), "{used}");
    assert_eq!(group.out_of_memory(), Some(0));
    drop(small.socket);
    small.child.wait().unwrap();
    // more: it is killed
    let large = fill(256).outcome();
    assert_eq!((large.said.as_str(), large.ended), ("", Ended::Killed));
    assert!(group.out_of_memory().unwrap() >= 1);
}

fn processes() {
    let Some(group) = group(&GroupLimits { processes: Some(1), ..GroupLimits::default() }) else { return };
    // the supervisor is one, the confined process would be two
    let outcome = start(By::Nobody, "worker", "report", &Facts::default(), Some(&group)).outcome();
    assert!(outcome.said.starts_with("refused Supervisor "), "{outcome:?}");
}

fn time() {
    let Some(group) = group(&GroupLimits { cpu_milli: Some(500), ..GroupLimits::default() }) else { return };
    let running = start(By::Nobody, "worker", "report", &Facts::default(), Some(&group));
    assert_eq!(running.outcome().ended, Ended::Exited(0));
    assert!(group.cpu_micros().unwrap() > 0);
    drop(group);
    let name = format!("moltforge-{}-", std::process::id());
    let left = left_below("/sys/fs/cgroup".as_ref(), &name, 4);
    assert!(left.is_empty(), "{left:?}");
}

fn own() {
    let groups = match Groups::of_server(&GroupLimits { cpu_milli: Some(1500), ..GroupLimits::default() }) {
        Ok(groups) => groups,
        Err(error) => return println!("  NOT TRIED: {error}"),
    };
    println!("  {}", groups.words());
    let mut group = groups.make(&GroupLimits { memory: Some(512 * MEGABYTE), ..GroupLimits::default() }).unwrap();
    let running = start(By::Nobody, "worker", "report", &Facts::default(), Some(&group));
    assert_eq!(running.outcome().ended, Ended::Exited(0));
    let left = || left_below("/sys/fs/cgroup".as_ref(), "moltforge-node-", 4);
    let mine = |all: &[std::path::PathBuf]| {
        let name = format!("moltforge-node-{}-", std::process::id());
        all.iter().filter(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&name))).count()
    };
    assert!(mine(&left()) > 0);
    assert!(group.remove(), "nobody is in it");
    drop((group, groups));
    assert_eq!(mine(&left()), 0);
}

fn left_below(folder: &std::path::Path, name: &str, depth: u32) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let folders = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir() && !path.is_symlink());
    folders
        .flat_map(|path| {
            let here = path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
            let mut left = if depth > 0 { left_below(&path, name, depth - 1) } else { Vec::new() };
            left.extend(here.then_some(path));
            left
        })
        .collect()
}

fn fills(mut task: Task<'_>) -> ExitCode {
    let megabytes: usize = task.facts.number("megabytes");
    let filled = vec![1_u8; megabytes << 20];
    task.socket.write_all(b"filled").unwrap();
    let _ = task.socket.read(&mut [0]);
    std::hint::black_box(filled);
    ExitCode::SUCCESS
}
