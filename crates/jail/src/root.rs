//! A root with nothing in it but what the policy lists.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, pivot_root};
use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};

use crate::error::{AtStep as _, JailError, Step};

/// Where the new root is put until it is the root. Every system has one of them.
const PLACES: [&str; 5] = ["/tmp", "/run", "/mnt", "/dev", "/proc"];
/// For folders and mount points alone.
const TMPFS: &str = "size=64k,nr_inodes=1024,mode=0755";

/// Something to be seen, taken before the place of the new root hides it.
struct Tree {
    path: PathBuf,
    folder: bool,
    mount: OwnedFd,
}

/// Makes it the root. Needs a mount namespace of its own.
pub(crate) fn empty_but(paths: &[PathBuf]) -> Result<(), JailError> {
    let nothing = None::<&str>;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nothing, "/", nothing, private, nothing).at(Step::Root, "keep mounts private")?;
    let trees = paths.iter().map(|path| take(path)).collect::<Result<Vec<_>, _>>()?;

    let place = PLACES.iter().copied().map(Path::new).find(|place| place.is_dir());
    let place = place.ok_or_else(|| JailError::new(Step::Root, "there is no folder to put it"))?;
    let sealed = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), place, Some("tmpfs"), sealed, Some(TMPFS)).at(Step::Root, "mount it")?;
    for tree in &trees {
        show(tree, place).at(Step::Root, &format!("show {}", tree.path.display()))?;
    }
    mount(nothing, place, nothing, READ_ONLY.union(sealed), nothing).at(Step::Root, "make it read-only")?;

    // the old root ends up below the new one, and goes
    chdir(place).at(Step::Root, "enter it")?;
    pivot_root(".", ".").at(Step::Root, "make it the root")?;
    umount2(".", MntFlags::MNT_DETACH).at(Step::Root, "let the old root go")?;
    chdir("/").at(Step::Root, "enter it")
}

const READ_ONLY: MsFlags = MsFlags::MS_BIND.union(MsFlags::MS_REMOUNT).union(MsFlags::MS_RDONLY);

fn take(path: &Path) -> Result<Tree, JailError> {
    let what = format!("open {}", path.display());
    let path = fs::canonicalize(path).at(Step::Root, &what)?;
    let folder = fs::metadata(&path).at(Step::Root, &what)?.is_dir();
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let mount = open_tree(CWD, &path, flags).at(Step::Root, &what)?;
    Ok(Tree { path, folder, mount })
}

fn show(tree: &Tree, place: &Path) -> io::Result<()> {
    let inside = place.join(tree.path.strip_prefix("/").unwrap_or(&tree.path));
    if tree.folder {
        fs::create_dir_all(&inside)?;
    } else {
        if let Some(folder) = inside.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::File::create(&inside)?;
    }
    move_mount(&tree.mount, "", CWD, &inside, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    // what is mounted below it stays as it was: Landlock refuses to write there
    let flags = READ_ONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    Ok(mount(None::<&str>, &inside, None::<&str>, flags, None::<&str>)?)
}
