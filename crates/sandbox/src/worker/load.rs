//! Loading of compiled images: the only place that trusts bytes.
#![expect(unsafe_code, reason = "wasmtime cannot check machine code; docs/adr/0011 says why these files are ours")]

use std::fs::File;
use std::io::Read;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mprotect, munmap};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{CustomCodeMemory, Engine, Result};

use super::host::Host;
use super::wasi;
use crate::protocol::{Failure, FailureKind, World};
use crate::world::agent::{Agent, AgentPre};
use crate::world::typescript::TypescriptPre;
use crate::world::{self, EnginePre};

/// An image, ready to be instantiated.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) engine: Engine,
    pub(crate) program: Program,
}

/// What an image is.
#[derive(Clone)]
pub(crate) enum Program {
    /// It runs an agent.
    Engine(Arc<EnginePre<Host>>),
    /// It strips types.
    TypeScript(Arc<TypescriptPre<Host>>),
    /// It is an agent.
    Agent(Arc<AgentPre<Host>>),
}

impl Loaded {
    /// Whether it is one of those that come with the program, whose memory is shared until it is written.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.program, Program::Engine(_) | Program::TypeScript(_))
    }
}

/// Reads a compiled image.
pub(crate) fn load(engine: &Engine, world: World, file: File) -> Result<Loaded, Failure> {
    let broken = |error: wasmtime::Error| failed(FailureKind::Engine, &error);
    // the pool of this process refuses what it has no place for
    let kind = if world == World::Agent { FailureKind::Size } else { FailureKind::Engine };
    let component = component(engine, file).map_err(|error| failed(kind, &error))?;
    let mut linker = Linker::new(engine);
    wasi::add(engine, &mut linker, &component, world).map_err(broken)?;
    let program = match world {
        World::Engine => {
            world::Engine::add_to_linker::<_, HasSelf<_>>(&mut linker, |host: &mut Host| host).map_err(broken)?;
            let pre = linker.instantiate_pre(&component).and_then(EnginePre::new).map_err(broken)?;
            Program::Engine(Arc::new(pre))
        }
        World::TypeScript => {
            let pre = linker.instantiate_pre(&component).and_then(TypescriptPre::new).map_err(broken)?;
            Program::TypeScript(Arc::new(pre))
        }
        // the compile process has looked at names alone
        World::Agent => {
            Agent::add_to_linker::<_, HasSelf<_>>(&mut linker, |host: &mut Host| host).map_err(broken)?;
            let pre = linker.instantiate_pre(&component).map_err(|error| failed(FailureKind::Imports, &error))?;
            let pre = AgentPre::new(pre).map_err(|error| {
                let is = "func(input: string) -> result<string, error>";
                let message = format!("its `run` is another than the world's, which is `{is}`: {error:#}");
                Failure {
                    kind: FailureKind::Exports,
                    message: super::guest::cut(message, 8 << 10),
                    stack: String::new(),
                }
            })?;
            Program::Agent(Arc::new(pre))
        }
    };
    Ok(Loaded { engine: engine.clone(), program })
}

/// The machine code of a file.
fn component(engine: &Engine, mut file: File) -> Result<Component> {
    if let Some(code) = mapped(&file) {
        // SAFETY: the server sends files of its own cache alone. They were written by its compile process, and their
        // authentication codes were checked with a key that only the server's user can read. A file of the cache is replaced
        // or deleted and never changed, and the mapping stays for as long as this process.
        return unsafe { Component::deserialize_raw(engine, code) };
    }
    let mut code = Vec::new();
    file.read_to_end(&mut code)?;
    // SAFETY: as above, and the copy is wasmtime's own
    unsafe { Component::deserialize(engine, &code) }
}

/// A file in memory, whose pages all workers share. Nothing where its file system may not hold programs (`noexec`).
fn mapped(file: &File) -> Option<NonNull<[u8]>> {
    if !PUBLISHES {
        return None;
    }
    let len = usize::try_from(file.metadata().ok()?.len()).ok()?;
    let none = ptr::null_mut();
    // SAFETY: the kernel chooses the places of new mappings, and what is unmapped is the first one
    let code = unsafe {
        let probe = mmap(none, PAGE, ProtFlags::READ | ProtFlags::EXEC, MapFlags::PRIVATE, file, 0).ok()?;
        munmap(probe, PAGE).ok()?;
        mmap(none, len, ProtFlags::READ, MapFlags::PRIVATE, file, 0).ok()?
    };
    NonNull::new(ptr::slice_from_raw_parts_mut(code.cast(), len))
}

/// Other processors must be told of new code, and wasmtime does so in memory of its own.
const PUBLISHES: bool = cfg!(target_arch = "x86_64");

/// Of an x86-64. A confined process cannot ask the system.
const PAGE: usize = 4096;

/// Makes code of what was mapped; wasmtime does so only for memory of its own.
struct Publisher;

/// What [`load`] needs of the configuration of an engine that runs.
pub(crate) fn publisher() -> Option<Arc<dyn CustomCodeMemory>> {
    PUBLISHES.then(|| Arc::new(Publisher) as Arc<dyn CustomCodeMemory>)
}

impl CustomCodeMemory for Publisher {
    fn required_alignment(&self) -> usize {
        PAGE
    }

    fn publish_executable(&self, code: *const u8, len: usize) -> Result<()> {
        // SAFETY: it is the code of an image that is being loaded: nothing else is there, and nobody writes to it
        Ok(unsafe { mprotect(code.cast_mut().cast(), len, MprotectFlags::READ | MprotectFlags::EXEC) }?)
    }

    fn unpublish_executable(&self, code: *const u8, len: usize) -> Result<()> {
        // SAFETY: wasmtime asks for it when nothing runs there any more
        Ok(unsafe { mprotect(code.cast_mut().cast(), len, MprotectFlags::READ | MprotectFlags::WRITE) }?)
    }
}

fn failed(kind: FailureKind, error: &wasmtime::Error) -> Failure {
    Failure { kind, message: super::guest::cut(format!("{error:#}"), 8 << 10), stack: String::new() }
}
