//! What images are made from, each pinned by a hash. Everything comes through the ordinary clients (cargo, pip, apt), as the
//! machine has them configured.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{guests, work};
use crate::process;

/// The folder of `quickjs.c`: a crate whose hash is in the tools' lock file, and which is never compiled by cargo.
pub(super) fn quickjs() -> Result<PathBuf> {
    let mut cargo = process::cargo();
    cargo.args(["metadata", "--format-version=1", "--locked", "--manifest-path"]);
    cargo.arg(guests().join("tools/Cargo.toml"));
    let metadata: Value = serde_json::from_str(&process::output(cargo)?).context("read cargo's metadata")?;
    let packages = metadata.get("packages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let package = packages.iter().find(|package| package.get("name").and_then(Value::as_str) == Some("rquickjs-sys"));
    let manifest = package.and_then(|package| package.get("manifest_path")).and_then(Value::as_str);
    let manifest = Path::new(manifest.context("rquickjs-sys is not among the tools' dependencies")?);
    Ok(manifest.with_file_name("quickjs"))
}

/// The C compiler: a wheel, checked by pip against its hash.
pub(super) fn zig() -> Result<PathBuf> {
    let folder = work().join("zig");
    let program = folder.join("ziglang/zig");
    if program.try_exists()? {
        return Ok(program);
    }
    let wheels = work().join("wheels");
    let mut pip = process::command("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "-r"]);
    process::run({
        pip.arg(guests().join("zig.txt")).arg("-d").arg(&wheels);
        pip
    })?;
    let wheel = fs::read_dir(&wheels)?.filter_map(Result::ok).map(|entry| entry.path());
    let wheel =
        wheel.into_iter().find(|path| path.to_string_lossy().contains("ziglang")).context("pip left no wheel")?;
    // unpacked beside and moved: half of it must not look like all of it
    let half = work().join("zig.half");
    fs::remove_dir_all(&half).or_else(absent_is_fine)?;
    let mut unpack = process::command("python3");
    unpack.args(["-m", "zipfile", "-e"]).arg(wheel).arg(&half);
    process::run(unpack)?;
    fs::set_permissions(half.join("ziglang/zig"), fs::Permissions::from_mode(0o755))?;
    fs::rename(&half, &folder).context("keep zig")?;
    Ok(program)
}

/// Debian's Rust, with the source of its standard library.
pub(super) struct Rust {
    /// A script that runs the compiler where it was unpacked.
    pub compiler: PathBuf,
    /// Where its files are.
    pub root: PathBuf,
}

/// The compiler for WebAssembly, unpacked without being installed.
pub(super) fn rust() -> Result<Rust> {
    let root = work().join("rust/root");
    let compiler = work().join("rust/rustc");
    if compiler.try_exists()? {
        return Ok(Rust { compiler, root });
    }
    let debs = work().join("debs");
    fs::create_dir_all(&debs)?;
    fs::create_dir_all(&root)?;
    let list = fs::read_to_string(guests().join("debian.txt")).context("read debian.txt")?;
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let [package, version, hash] = line.split(' ').collect::<Vec<_>>()[..] else { bail!("debian.txt: {line:?}") };
        let deb = debian(&debs, package, version)?;
        let mut sum = process::command("sha256sum");
        sum.arg(&deb);
        if process::output(sum)?.split(' ').next() != Some(hash) {
            bail!("{} has another hash than debian.txt says", deb.display());
        }
        let mut unpack = process::command("dpkg");
        unpack.arg("-x").arg(&deb).arg(&root);
        process::run(unpack)?;
    }
    let libraries = format!("{0}/usr/lib/x86_64-linux-gnu:{0}/usr/lib/llvm-22/lib", root.display());
    let script = format!("#!/bin/sh\nLD_LIBRARY_PATH={libraries} exec {}/usr/bin/rustc \"$@\"\n", root.display());
    fs::write(&compiler, script)?;
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755))?;
    Ok(Rust { compiler, root })
}

fn debian(debs: &Path, package: &str, version: &str) -> Result<PathBuf> {
    let find = || {
        let names = fs::read_dir(debs).ok()?.filter_map(Result::ok).map(|entry| entry.path());
        let prefix = format!("{package}_");
        names.into_iter().find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)))
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    let mut apt = process::command("apt-get");
    apt.args(["download", "--quiet", &format!("{package}={version}")]).current_dir(debs);
    process::run(apt).with_context(|| {
        format!(
            "{package} {version} is not to be had (after `apt-get update`?). When Debian has a newer one: put its version \
             and its hash into debian.txt, and build the image again"
        )
    })?;
    find().with_context(|| format!("apt-get left no {package}"))
}

fn absent_is_fine(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
