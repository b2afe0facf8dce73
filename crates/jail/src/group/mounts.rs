//! Where the control groups of this process are in the file system.

use std::path::{Path, PathBuf};

/// One mount of a control group file system.
struct Mount<'a> {
    root: &'a str,
    point: &'a str,
    kind: &'a str,
    options: &'a str,
}

/// The folder of the own group in version 2.
pub(super) fn unified(mounts: &str, own: &str) -> Option<PathBuf> {
    let group = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mount = parse(mounts).find(|mount| mount.kind == "cgroup2")?;
    folder(&mount, group)
}

/// The folder of the own group for a controller of version 1.
pub(super) fn controller(mounts: &str, own: &str, name: &str) -> Option<PathBuf> {
    let has = |list: &str| list.split(',').any(|other| other == name);
    let group = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        parts.next().filter(|names| has(names)).and(parts.next())
    })?;
    let mount = parse(mounts).find(|mount| mount.kind == "cgroup" && has(mount.options))?;
    folder(&mount, group)
}

/// The mount may show no more than a part, which the names of groups begin with.
fn folder(mount: &Mount<'_>, group: &str) -> Option<PathBuf> {
    let below = Path::new(group).strip_prefix(mount.root).ok()?;
    Some(Path::new(mount.point).join(below))
}

/// Lines of `/proc/self/mountinfo`: `id parent dev root point options [tags] - kind source options`.
fn parse(mounts: &str) -> impl Iterator<Item = Mount<'_>> {
    mounts.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let mut right = right.split(' ');
        let (root, point) = (left.next()?, left.next()?);
        let (kind, options) = (right.next()?, right.nth(1)?);
        Some(Mount { root, point, kind, options })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "30 1 0:5 / / rw - ext4 /dev/vda rw\n\
        41 30 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
        42 30 0:31 /docker/12 /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        43 30 0:32 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n";
    const OWN: &str = "5:cpu,cpuacct:/a/b\n4:memory:/docker/12/x\n1:name=systemd:/s\n0::/user.slice/one\n";

    #[test]
    fn the_own_group_is_found_below_its_mount() {
        let of = |name| controller(MOUNTS, OWN, name);
        assert_eq!(of("cpu").unwrap(), Path::new("/sys/fs/cgroup/cpu,cpuacct/a/b"));
        assert_eq!(of("cpuacct").unwrap(), Path::new("/sys/fs/cgroup/cpu,cpuacct/a/b"));
        assert_eq!(of("memory").unwrap(), Path::new("/sys/fs/cgroup/memory/x"));
        assert_eq!(of("pids"), None);
        assert_eq!(unified(MOUNTS, OWN).unwrap(), Path::new("/sys/fs/cgroup/unified/user.slice/one"));
        assert_eq!(unified("", OWN), None);
    }
}
