//! `cargo xtask images`: builds the guest images of code agents from `crates/sandbox/guests`, from inputs that are pinned by
//! their hashes, and writes them compressed to `crates/sandbox/images`. With `--check` it writes nothing and compares: the
//! same sources must give the same bytes.

mod build;
mod components;
mod inputs;
mod manifest;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use self::build::Tools;
use self::manifest::Manifest;
use crate::workspace;

/// What to build.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these; all when none is named
    #[arg(value_parser = [build::NAMES.as_slice(), &[components::NAME]].concat())]
    images: Vec<String>,
    /// Build and compare with what is in the tree; write nothing there
    #[arg(long)]
    check: bool,
}

/// The command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let tools = Tools::build()?;
    let mut manifest = Manifest::read(&folder().join("MANIFEST.toml"))?;
    let mut different = Vec::new();
    let wanted = |name: &str| args.images.is_empty() || args.images.iter().any(|one| one == name);
    for name in build::NAMES.iter().filter(|name| wanted(name)) {
        let wasm = tools.image(name)?;
        let packed = wasm.with_extension("wasm.zst");
        tools.pack(&wasm, &packed)?;
        let built = [tools.measure(&wasm)?, tools.measure(&packed)?];
        println!("  {name}: {} bytes, {} packed, sha256 {}", built[0].bytes, built[1].bytes, built[0].sha256);
        if args.check {
            different.extend(manifest.compare(name, &built)?.map(|what| format!("{name}: {what}")));
            let kept = tools.measure(&folder().join(format!("{name}.wasm.zst")))?;
            different.extend(manifest.compare_packed(name, &kept)?.map(|what| format!("{name} in the tree: {what}")));
        } else {
            fs::copy(&packed, folder().join(format!("{name}.wasm.zst"))).context("keep the image")?;
            manifest.record(name, &built)?;
        }
    }
    if wanted(components::NAME) {
        different.extend(components::run(&tools, args.check)?);
    }
    if !different.is_empty() {
        bail!("not the same bytes:\n  {}", different.join("\n  "));
    }
    if args.check { Ok(()) } else { manifest.write() }
}

/// Everything again, compared: what a nightly run does.
pub(crate) fn check() -> Result<()> {
    run(&Args { images: Vec::new(), check: true })
}

/// Where the images are kept.
fn folder() -> PathBuf {
    workspace::root().join("crates/sandbox/images")
}

/// Where they are made from.
fn guests() -> PathBuf {
    workspace::root().join("crates/sandbox/guests")
}

/// Where inputs and everything half made stay. It may be deleted at any time.
fn work() -> PathBuf {
    workspace::target_dir().join("images")
}
