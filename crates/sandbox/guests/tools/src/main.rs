//! Builds the guest images of code agents from their sources. `cargo xtask images` knows where the inputs are and calls
//! this; nothing here reaches a network.
//!
//! What it writes depends on its inputs alone: not on paths, times, the machine or chance.

mod component;
mod javascript;
mod python;
mod wizer;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

const USAGE: &str = "\
guest-tools javascript <zig> <folder of quickjs.c> <guests> <engine.wit> <work folder> <out.wasm>
guest-tools python <guests> <engine.wit> <work folder> <out.wasm>
guest-tools component <module with an embedded world> <out.wasm>
guest-tools pack <in.wasm> <out.wasm.zst>
guest-tools hash <file>";

/// The best that can be unpacked with the usual window.
const LEVEL: i32 = 19;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["javascript", zig, quickjs, guests, wit, work, out] => {
            let sources = javascript::Sources { zig, quickjs: Path::new(quickjs), guests: Path::new(guests) };
            let core = wizer::snapshot(&sources.compile(Path::new(work))?)?;
            write(out, &component::of_module(&core, &read_text(wit)?)?)
        }
        ["python", guests, wit, work, out] => {
            python::bake(Path::new(guests), Path::new(wit), Path::new(work), Path::new(out))
        }
        ["component", module, out] => write(out, &component::encode(&read(module)?)?),
        ["pack", wasm, out] => write(out, &zstd::encode_all(read(wasm)?.as_slice(), LEVEL)?),
        ["hash", file] => {
            let bytes = read(file)?;
            println!("{} {}", bytes.len(), hash(&bytes));
            Ok(())
        }
        _ => bail!("usage:\n{USAGE}"),
    }
}

fn read(path: &str) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {path}"))
}

fn read_text(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {path}"))
}

fn write(path: &str, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("write {path}"))
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
