//! Loading of compiled images: the only place that trusts bytes.
#![expect(unsafe_code, reason = "wasmtime cannot check machine code; docs/adr/0011 says why these files are ours")]

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Result};

use super::host::Host;
use super::wasi;
use crate::world::{self, EnginePre};

/// An image, ready to be instantiated.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) engine: Engine,
    pub(crate) pre: Arc<EnginePre<Host>>,
}

/// Reads a compiled image.
pub(crate) fn load(engine: &Engine, mut file: File) -> Result<Loaded> {
    let mut code = Vec::new();
    file.read_to_end(&mut code)?;
    // SAFETY: the server sends files of its own cache alone. They were written by its compile process, and their
    // authentication codes were checked with a key that only the server's user can read.
    let component = unsafe { Component::deserialize(engine, &code)? };
    let mut linker = Linker::new(engine);
    world::Engine::add_to_linker::<_, wasmtime::component::HasSelf<_>>(&mut linker, |host: &mut Host| host)?;
    wasi::add(engine, &mut linker, &component)?;
    let pre = EnginePre::new(linker.instantiate_pre(&component)?)?;
    Ok(Loaded { engine: engine.clone(), pre: Arc::new(pre) })
}
