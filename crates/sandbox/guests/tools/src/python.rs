//! CPython with our runtime and the standard library in memory, by componentize-py as a library.
//!
//! The bake is a program that runs, and whatever it sees of the machine would stay in its memory. So it sees one clock that
//! stands still, one stream of bytes for random, and files without times, in the order of their names.

mod files;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use componentize_py::{ComponentGenerator, Ctx};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance};
use wasmtime_wasi::filesystem::WasiFilesystemView as _;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::{Pollable, subscribe};

/// When the bake takes place, in seconds since 1970.
const NOW: u64 = 1_700_000_000;
const IMPORTS: [&str; 4] = ["submit", "cancel", "next", "log"];

/// Writes the component.
pub fn bake(guests: &Path, wit: &Path, work: &Path, out: &Path) -> Result<()> {
    // the WIT alone, as componentize-py reads whole folders
    let world = work.join("wit");
    fs::create_dir_all(&world)?;
    fs::copy(wit, world.join("engine.wit")).with_context(|| format!("copy {}", wit.display()))?;
    let sources = work.join("python");
    copy_sources(&guests.join("python"), &sources)?;
    let names = HashMap::new();
    let generator = ComponentGenerator {
        wit_paths: &[&world],
        worlds: &["engine"],
        features: &[],
        all_features: false,
        world_module: None,
        python_path: &[sources.to_str().context("a path that is text")?],
        module_worlds: &[],
        app_name: "guest",
        output_path: out,
        add_to_linker: Some(&add_to_linker),
        stub_wasi: false,
        import_interface_names: &names,
        export_interface_names: &names,
        full_names: false,
        intersect_world: None,
    };
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(generator.generate())
}

/// The runtime without the tests, and without what an editor left there.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    for folder in ["", "_moltforge"] {
        fs::create_dir_all(to.join(folder))?;
        for entry in fs::read_dir(from.join(folder))? {
            let path = entry?.path();
            if let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|own| own == "py")) {
                fs::copy(&path, to.join(folder).join(name))?;
            }
        }
    }
    Ok(())
}

fn add_to_linker(linker: &mut Linker<Ctx>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    // an interface that is opened again begins empty: each of these is defined whole
    linker.allow_shadowing(true);
    for name in IMPORTS {
        linker.root().func_new(name, move |_, _, _, _| Err(wasmtime::Error::msg(format!("{name} is for agents"))))?;
    }
    clocks(linker)?;
    random(linker)?;
    files::add(linker)
}

fn clocks(linker: &mut Linker<Ctx>) -> Result<()> {
    let fixed = || Datetime { seconds: NOW, nanoseconds: 0 };
    let mut wall = linker.instance(&versioned("wasi:clocks/wall-clock"))?;
    wall.func_wrap("now", move |_, (): ()| Ok((fixed(),)))?;
    wall.func_wrap("resolution", |_, (): ()| Ok((Datetime { seconds: 0, nanoseconds: 1000 },)))?;
    let mut monotonic = linker.instance(&versioned("wasi:clocks/monotonic-clock"))?;
    monotonic.func_wrap("now", |_, (): ()| Ok((NOW * 1_000_000_000,)))?;
    monotonic.func_wrap("resolution", |_, (): ()| Ok((1000_u64,)))?;
    for name in ["subscribe-instant", "subscribe-duration"] {
        monotonic.func_wrap(name, |mut store, (_,): (u64,)| {
            let table = store.data_mut().filesystem().table;
            let over = table.push(Over)?;
            Ok((subscribe(table, over)?,))
        })?;
    }
    Ok(())
}

/// A wait for a clock that stands still is over at once.
struct Over;

#[wasmtime_wasi::async_trait]
impl Pollable for Over {
    async fn ready(&mut self) {}
}

/// What the bake has no need of ends it.
fn absent(interface: &mut LinkerInstance<'_, Ctx>, names: &[&str]) -> Result<()> {
    for name in names {
        let message = format!("the bake has no {name}");
        interface.func_new(name, move |_, _, _, _| Err(wasmtime::Error::msg(message.clone())))?;
    }
    Ok(())
}

// Not random at all: what needs random bytes asks for them again when an execution begins.
fn bytes(_: StoreContextMut<'_, Ctx>, (len,): (u64,)) -> wasmtime::Result<(Vec<u8>,)> {
    Ok((vec![7; usize::try_from(len)?],))
}

fn number(_: StoreContextMut<'_, Ctx>, (): ()) -> wasmtime::Result<(u64,)> {
    Ok((7,))
}

fn random(linker: &mut Linker<Ctx>) -> Result<()> {
    let mut random = linker.instance(&versioned("wasi:random/random"))?;
    random.func_wrap("get-random-bytes", bytes)?;
    random.func_wrap("get-random-u64", number)?;
    let mut insecure = linker.instance(&versioned("wasi:random/insecure"))?;
    insecure.func_wrap("get-insecure-random-bytes", bytes)?;
    insecure.func_wrap("get-insecure-random-u64", number)?;
    let mut seed = linker.instance(&versioned("wasi:random/insecure-seed"))?;
    seed.func_wrap("insecure-seed", |_, (): ()| Ok(((7_u64, 7_u64),)))?;
    Ok(())
}

/// The version of WASI that componentize-py's wasmtime-wasi has.
fn versioned(interface: &str) -> String {
    format!("{interface}@0.2.12")
}
