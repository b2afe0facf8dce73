//! Attempts on the file system.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use nix::libc;

use super::{Attempt, anybody, root};
use crate::kernel::{at, call, text};
use crate::outside::SECRET;

pub(super) const ALL: &[Attempt] = &[
    anybody("read_passwd", |_| fs::read("/etc/passwd").map(drop)),
    anybody("read_secret", |facts| {
        let read = fs::read_to_string(facts.path("secret"))?;
        if read == SECRET { Ok(()) } else { Err(io::Error::other("something else is there")) }
    }),
    anybody("read_own_program", |_| File::open("/proc/self/exe").map(drop)),
    anybody("read_own_environment", |_| fs::read("/proc/self/environ").map(drop)),
    anybody("read_own_maps", |_| fs::read("/proc/self/maps").map(drop)),
    anybody("read_machine_id_of_boot", |_| fs::read("/proc/sys/kernel/random/boot_id").map(drop)),
    root("read_environment_of_server", |facts| fs::read(format!("/proc/{}/environ", facts.get("server"))).map(drop)),
    anybody("read_environment_of_neighbour", |facts| {
        fs::read(format!("/proc/{}/environ", facts.get("victim"))).map(drop)
    }),
    root("open_memory_of_neighbour", |facts| {
        let path = format!("/proc/{}/mem", facts.get("victim"));
        OpenOptions::new().read(true).write(true).open(path).map(drop)
    }),
    anybody("list_root", |_| fs::read_dir("/").map(drop)),
    anybody("list_proc", |_| fs::read_dir("/proc").map(drop)),
    anybody("list_own_descriptors", |_| fs::read_dir("/proc/self/fd").map(drop)),
    anybody("see_metadata", |_| fs::metadata("/etc/passwd").map(drop)),
    anybody("see_whether_it_is_there", |_| {
        call(libc::SYS_faccessat, [at_cwd(), at(text("/etc/passwd").as_c_str()), 0]).map(drop)
    }),
    anybody("follow_link", |_| fs::read_link("/proc/self/exe").map(drop)),
    anybody("open_device", |_| File::open("/dev/zero").map(drop)),
    anybody("write_tmp", |_| write_and_remove("/tmp/moltforge-jail-attempt")),
    anybody("write_open_folder", |facts| write_and_remove(facts.path("open").join("new").to_str().unwrap())),
    root("write_root", |_| write_and_remove("/moltforge-jail-attempt")),
    anybody("append_to_file", |facts| OpenOptions::new().append(true).open(facts.path("open").join("file")).map(drop)),
    anybody("make_folder", |facts| {
        let path = facts.path("open").join("folder");
        fs::create_dir(&path).and_then(|()| fs::remove_dir(path))
    }),
    anybody("make_link", |facts| {
        let path = facts.path("open").join("link");
        symlink("/etc/passwd", &path).and_then(|()| fs::remove_file(path))
    }),
    anybody("make_hard_link", |facts| {
        let path = facts.path("open").join("hard");
        fs::hard_link(facts.path("open").join("file"), &path).and_then(|()| fs::remove_file(path))
    }),
    anybody("rename_file", |facts| {
        let (from, to) = (facts.path("open").join("file"), facts.path("open").join("moved"));
        fs::rename(&from, &to).and_then(|()| fs::rename(to, from))
    }),
    root("change_permissions", |facts| {
        fs::set_permissions(facts.path("open").join("file"), Permissions::from_mode(0o666))
    }),
    anybody("truncate_by_path", |facts| {
        let path = text(facts.path("open").join("file").to_str().unwrap());
        call(libc::SYS_truncate, [at(path.as_c_str()), 13]).map(drop)
    }),
    anybody("change_folder", |_| std::env::set_current_dir("/tmp")),
    anybody("open_with_openat2", |_| {
        let how = [0_u64; 3];
        call(libc::SYS_openat2, [at_cwd(), at(text("/etc/passwd").as_c_str()), at(&how), 24]).map(drop)
    }),
    root("open_by_handle", |_| {
        // the handle of /etc/passwd, asked for and opened
        let (mut handle, mut mount) = ([0_u32; 34], 0_i32);
        handle[0] = 128;
        let path = text("/etc/passwd");
        let buffer = [at_cwd(), at(path.as_c_str()), at_mut(&mut handle), at_mut(&mut mount), 0];
        call(libc::SYS_name_to_handle_at, buffer)?;
        let folder = File::open("/etc")?;
        call(libc::SYS_open_by_handle_at, [fd(&folder), at(&handle), 0]).map(drop)
    }),
    anybody("watch_files", |_| call(libc::SYS_inotify_init1, [0]).map(drop)),
    anybody("read_inherited_descriptor", |facts| {
        call(libc::SYS_pread64, [facts.number("fd"), at_mut(&mut [0_u8; 4]), 4, 0]).map(drop)
    }),
    anybody("write_inherited_descriptor", |facts| {
        call(libc::SYS_pwrite64, [facts.number("fd"), at("to be"), 5, 0]).map(drop)
    }),
];

fn write_and_remove(path: &str) -> io::Result<()> {
    fs::write(path, "x")?;
    fs::remove_file(path)
}

pub(super) fn at_mut<T: ?Sized>(thing: &mut T) -> usize {
    std::ptr::from_mut(thing).cast::<u8>().expose_provenance()
}

fn at_cwd() -> usize {
    // sign and all
    libc::AT_FDCWD as usize
}

fn fd(file: &File) -> usize {
    use std::os::fd::AsRawFd as _;
    usize::try_from(file.as_raw_fd()).unwrap()
}
