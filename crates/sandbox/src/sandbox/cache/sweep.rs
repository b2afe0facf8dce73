//! Compiled images are only a cache: what is not used is deleted, and so is what is too much.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Bytes of all compiled components of users. That of 8 MiB has some 50.
pub(super) const MOST: u64 = 4 << 30;

/// What was used by nobody for so long goes, those that an earlier release compiled as well.
const UNUSED: Duration = Duration::from_hours(7 * 24);

/// A file that was begun and never finished.
const UNFINISHED: Duration = Duration::from_hours(24);

struct Found {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// Deletes what has not been used for long below `root`; then of the projects that have most what has not been used
/// longest, until all of them together have no more than `most` bytes. Returns the images that are gone.
///
/// What a worker has open stays its own until it ends; whoever needs it later compiles it once more.
pub(super) fn sweep(root: &Path, most: u64, now: SystemTime) -> Vec<PathBuf> {
    let mut gone = Vec::new();
    for found in images(&root.join("engines"), now) {
        if is_old(&found, UNUSED, now) {
            delete(found.path, &mut gone);
        }
    }
    let mut projects: BTreeMap<PathBuf, Vec<Found>> = BTreeMap::new();
    for folder in entries(&root.join("projects")) {
        let (old, mut kept): (Vec<_>, Vec<_>) =
            images(&folder, now).into_iter().partition(|found| is_old(found, UNUSED, now));
        for found in old {
            delete(found.path, &mut gone);
        }
        kept.sort_by_key(|found| std::cmp::Reverse(found.used));
        projects.insert(folder, kept);
    }
    let bytes = |images: &Vec<Found>| images.iter().map(|found| found.bytes).sum::<u64>();
    while projects.values().map(bytes).sum::<u64>() > most {
        let Some(largest) = projects.values_mut().max_by_key(|images| bytes(images)) else { break };
        let Some(found) = largest.pop() else { break };
        delete(found.path, &mut gone);
    }
    for folder in projects.into_iter().filter(|(_, images)| images.is_empty()).map(|(folder, _)| folder) {
        // only when it is empty
        let _ = fs::remove_dir(folder);
    }
    gone
}

/// Says that an image is used now. Returns whether it is there.
pub(super) fn touch(path: &Path) -> bool {
    let Ok(file) = fs::File::open(path) else { return false };
    // one whose time cannot be set is deleted a little early, and made anew
    let _ = file.set_modified(now());
    true
}

/// Times of files are of the machine's clock.
#[expect(clippy::disallowed_methods, reason = "compared with nothing but the times of files")]
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}

fn images(folder: &Path, now: SystemTime) -> Vec<Found> {
    let mut found = Vec::new();
    for path in entries(folder) {
        let Ok(data) = fs::metadata(&path) else { continue };
        let Ok(used) = data.modified() else { continue };
        let one = Found { bytes: data.len(), used, path };
        match one.path.extension().and_then(|ending| ending.to_str()) {
            Some("image") => found.push(one),
            Some("tag") => {}
            _ if is_old(&one, UNFINISHED, now) => {
                let _ = fs::remove_file(one.path);
            }
            _ => {}
        }
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn is_old(found: &Found, most: Duration, now: SystemTime) -> bool {
    now.duration_since(found.used).is_ok_and(|age| age > most)
}

fn delete(path: PathBuf, gone: &mut Vec<PathBuf>) {
    // the code goes first: an image without it is none
    let _ = fs::remove_file(super::tag_of(&path));
    let _ = fs::remove_file(&path);
    gone.push(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, name: &str, bytes: usize, age: Duration) -> PathBuf {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, vec![0; bytes]).unwrap();
        fs::write(super::super::tag_of(&path), b"tag").unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(now() - age).unwrap();
        path
    }

    #[test]
    fn what_nobody_uses_goes() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let old = put(root, "engines/old.image", 1, UNUSED * 2);
        let used = put(root, "engines/used.image", 1, UNUSED / 2);
        let of_one = put(root, "projects/one/a.image", 1, UNUSED * 2);
        let half = put(root, "projects/two/a.image.12-0", 1, UNFINISHED * 2);
        touch(&of_one);
        assert_eq!(sweep(root, u64::MAX, now()), [old.as_path()]);
        assert!(!old.is_file() && !super::super::tag_of(&old).is_file() && used.is_file() && of_one.is_file());
        assert!(!half.is_file());
    }

    #[test]
    fn who_has_most_loses_what_it_used_least() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let hour = Duration::from_hours(1);
        let small = put(root, "projects/small/a.image", 10, hour * 9);
        let first = put(root, "projects/large/a.image", 30, hour * 2);
        let second = put(root, "projects/large/b.image", 30, hour * 3);
        let third = put(root, "projects/large/c.image", 30, hour);
        assert_eq!(sweep(root, 75, now()), [second.as_path()]);
        assert!(small.is_file() && first.is_file() && third.is_file());
        assert_eq!(sweep(root, 0, now()).len(), 3);
        assert!(!root.join("projects/small").is_dir());
    }
}
