//! CPython with our runtime and the standard library in memory, by componentize-py as a library.
//!
//! The bake is a program that runs, and whatever it sees of the machine would stay in its memory. So it sees one clock that
//! stands still, one stream of bytes for random, and files without times, in the order of their names.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context as _, Result};
use componentize_py::{ComponentGenerator, Ctx};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, DescriptorStat, DirectoryEntry, DirectoryEntryStream, ErrorCode, HostDescriptor as _,
    HostDirectoryEntryStream as _, MetadataHashValue, PathFlags,
};
use wasmtime_wasi::p2::{FsError, FsResult};

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
    linker.allow_shadowing(true);
    for name in IMPORTS {
        linker.root().func_new(name, move |_, _, _, _| Err(wasmtime::Error::msg(format!("{name} is for agents"))))?;
    }
    clocks(linker)?;
    random(linker)?;
    files(linker)
}

fn clocks(linker: &mut Linker<Ctx>) -> Result<()> {
    let fixed = || Datetime { seconds: NOW, nanoseconds: 0 };
    let mut wall = linker.instance(&versioned("wasi:clocks/wall-clock"))?;
    wall.func_wrap("now", move |_, (): ()| Ok((fixed(),)))?;
    let mut monotonic = linker.instance(&versioned("wasi:clocks/monotonic-clock"))?;
    monotonic.func_wrap("now", |_, (): ()| Ok((NOW * 1_000_000_000,)))?;
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

fn files(linker: &mut Linker<Ctx>) -> Result<()> {
    let mut types = linker.instance(&versioned("wasi:filesystem/types"))?;
    types.func_wrap_async("[method]descriptor.stat", |mut store, (descriptor,): (Resource<Descriptor>,)| {
        Box::new(async move {
            let mut view = store.data_mut().filesystem();
            let stat = view.stat(descriptor).await.map(timeless);
            Ok((code(stat)?,))
        })
    })?;
    types.func_wrap_async(
        "[method]descriptor.stat-at",
        |mut store, (descriptor, flags, path): (Resource<Descriptor>, PathFlags, String)| {
            Box::new(async move {
                let mut view = store.data_mut().filesystem();
                let stat = view.stat_at(descriptor, flags, path).await.map(timeless);
                Ok((code(stat)?,))
            })
        },
    )?;
    types.func_wrap_async("[method]descriptor.metadata-hash", |_, (_,): (Resource<Descriptor>,)| {
        Box::new(async move { Ok((code(Ok(MetadataHashValue { lower: 1, upper: 1 }))?,)) })
    })?;
    types.func_wrap_async(
        "[method]descriptor.metadata-hash-at",
        |_, (_, _, path): (Resource<Descriptor>, PathFlags, String)| {
            let lower = path.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
            Box::new(async move { Ok((code(Ok(MetadataHashValue { lower, upper: 1 }))?,)) })
        },
    )?;
    entries(&mut types)
}

/// Folders in the order of names. A stream is read to its end before its handle is used again.
fn entries(types: &mut LinkerInstance<'_, Ctx>) -> Result<()> {
    static OPEN: Mutex<Option<HashMap<u32, VecDeque<DirectoryEntry>>>> = Mutex::new(None);
    types.func_wrap_async(
        "[method]directory-entry-stream.read-directory-entry",
        |mut store, (stream,): (Resource<DirectoryEntryStream>,)| {
            Box::new(async move {
                let handle = stream.rep();
                let known = OPEN.lock().expect("no panic").get_or_insert_default().contains_key(&handle);
                if !known {
                    let mut view = store.data_mut().filesystem();
                    let mut list = Vec::new();
                    loop {
                        let entry = view.read_directory_entry(Resource::new_borrow(handle)).await;
                        match code(entry)? {
                            Ok(Some(entry)) => list.push(entry),
                            Ok(None) => break,
                            Err(code) => return Ok((Err(code),)),
                        }
                    }
                    list.sort_by(|a, b| a.name.cmp(&b.name));
                    OPEN.lock().expect("no panic").get_or_insert_default().insert(handle, list.into());
                }
                let mut open = OPEN.lock().expect("no panic");
                let open = open.get_or_insert_default();
                let next = open.get_mut(&handle).and_then(VecDeque::pop_front);
                if next.is_none() {
                    open.remove(&handle);
                }
                Ok((Ok::<_, ErrorCode>(next),))
            })
        },
    )?;
    Ok(())
}

fn timeless(stat: DescriptorStat) -> DescriptorStat {
    let at = Some(Datetime { seconds: NOW, nanoseconds: 0 });
    let size = if stat.type_ == types::DescriptorType::Directory { 4096 } else { stat.size };
    DescriptorStat {
        link_count: 1,
        size,
        data_access_timestamp: at,
        data_modification_timestamp: at,
        status_change_timestamp: at,
        ..stat
    }
}

/// An error that the guest may see, or one that ends it.
fn code<T>(result: FsResult<T>) -> wasmtime::Result<Result<T, ErrorCode>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => FsError::downcast(error).map(Err),
    }
}

/// The version of WASI that componentize-py's wasmtime-wasi has.
fn versioned(interface: &str) -> String {
    format!("{interface}@0.2.12")
}
