//! From inputs to components.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::manifest::Measured;
use super::{guests, inputs, work};
use crate::{process, workspace};

/// The images, by name.
pub(super) const NAMES: [&str; 3] = ["javascript", "python", "typescript"];

/// The program that knows WebAssembly. It has dependencies that nothing else here needs, so it is no member.
pub(super) struct Tools(PathBuf);

impl Tools {
    pub(super) fn build() -> Result<Self> {
        let mut cargo = process::cargo();
        cargo.args(["build", "--release", "--locked", "--manifest-path"]).arg(guests().join("tools/Cargo.toml"));
        cargo.arg("--target-dir").arg(workspace::target_dir());
        process::run(cargo)?;
        Ok(Self(workspace::built("release", "guest-tools")))
    }

    /// Builds an image; answers with its file.
    pub(super) fn image(&self, name: &str) -> Result<PathBuf> {
        let out = work().join(format!("{name}.wasm"));
        std::fs::create_dir_all(work())?;
        let wit = workspace::root().join("crates/sandbox/wit/engine.wit");
        let mut tools = process::command(&self.0);
        tools.arg(name);
        match name {
            "javascript" => {
                tools.arg(inputs::zig()?).arg(inputs::quickjs()?).arg(guests()).arg(wit).arg(work()).arg(&out);
            }
            "python" => {
                tools.arg(guests()).arg(wit).arg(work()).arg(&out);
            }
            "typescript" => {
                let module = rust_module(&guests().join("typescript"), "typescript_guest", &["--locked"])?;
                self.component(&module, &out)?;
                return Ok(out);
            }
            _ => bail!("there is no image {name:?}"),
        }
        process::run(tools)?;
        Ok(out)
    }

    /// Makes a component of a module.
    pub(super) fn component(&self, module: &Path, out: &Path) -> Result<()> {
        let mut tools = process::command(&self.0);
        tools.arg("component").arg(module).arg(out);
        process::run(tools)
    }

    pub(super) fn pack(&self, wasm: &Path, packed: &Path) -> Result<()> {
        let mut tools = process::command(&self.0);
        tools.arg("pack").arg(wasm).arg(packed);
        process::run(tools)
    }

    pub(super) fn measure(&self, file: &Path) -> Result<Measured> {
        let mut tools = process::command(&self.0);
        tools.arg("hash").arg(file);
        let line = process::output(tools)?;
        let (bytes, sha256) = line.split_once(' ').context("size and hash")?;
        Ok(Measured { bytes: bytes.parse()?, sha256: sha256.to_owned() })
    }
}

/// The module of a package in Rust, with its standard library built for it.
pub(super) fn rust_module(folder: &Path, name: &str, options: &[&str]) -> Result<PathBuf> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let rust = inputs::rust()?;
    let target = work().join("rust-target");
    let mut cargo = process::cargo();
    cargo.args(["build", "--release", "-Zbuild-std=std,panic_abort", "--target", TARGET, "--target-dir"]);
    cargo.arg(&target).args(options).current_dir(folder);
    // no path of this machine stays in what is built
    let mut flags = vec![remap(&rust.root, "/rust"), remap(folder, "/guest")];
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).context("find cargo's home")?;
    for registry in std::fs::read_dir(home.join("registry/src")).context("list the registry's sources")? {
        flags.push(remap(&registry?.path(), "/cargo"));
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}")).env_remove("RUSTFLAGS");
    cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTC", &rust.compiler);
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker()?);
    process::run(cargo)?;
    Ok(target.join(TARGET).join("release").join(format!("{name}.wasm")))
}

fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", from.display())
}

/// The linker that comes with the Rust that runs us.
fn linker() -> Result<PathBuf> {
    let mut rustc = process::command("rustc");
    rustc.args(["--print", "sysroot"]);
    Ok(Path::new(&process::output(rustc)?).join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld"))
}
