//! Runs a module's initialization and keeps what its memory is then.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use anyhow::Result;
use wasmtime::{Caller, Config, Engine, Extern, Instance, Linker, Module, Store, Val};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

struct State<'a> {
    store: &'a mut Store<()>,
    instance: Instance,
}

impl InstanceState for State<'_> {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self.instance.get_global(&mut *self.store, name).expect("a global that instrumenting exported");
        match global.get(&mut *self.store) {
            Val::I32(value) => SnapshotVal::I32(value),
            Val::I64(value) => SnapshotVal::I64(value),
            Val::F32(bits) => SnapshotVal::F32(bits),
            Val::F64(bits) => SnapshotVal::F64(bits),
            other => panic!("a global of an unexpected type: {other:?}"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        let memory = self.instance.get_memory(&mut *self.store, name).expect("a memory that instrumenting exported");
        contents(memory.data(&*self.store));
    }
}

/// The module after `wizer-initialize`.
pub fn snapshot(module: &[u8]) -> Result<Vec<u8>> {
    let wizer = Wizer::new();
    let (context, instrumented) = wizer.instrument(module)?;
    let mut config = Config::new();
    config.cranelift_nan_canonicalization(true).max_wasm_stack(2 << 20);
    let engine = Engine::new(&config)?;
    let module = Module::new(&engine, &instrumented)?;
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker.func_wrap("$root", "log", |mut caller: Caller<'_, ()>, _level: i32, at: i32, len: i32| {
        let Some(Extern::Memory(memory)) = caller.get_export("memory") else { return };
        let text = usize::try_from(at).ok().zip(usize::try_from(len).ok());
        let text = text.and_then(|(at, len)| memory.data(&caller).get(at..at.checked_add(len)?));
        eprintln!("{}", String::from_utf8_lossy(text.unwrap_or_default()));
    })?;
    linker.define_unknown_imports_as_traps(&module)?;
    let instance = linker.instantiate(&mut store, &module)?;
    for name in ["_initialize", "wizer-initialize"] {
        instance
            .get_typed_func::<(), ()>(&mut store, name)?
            .call(&mut store, ())
            .map_err(|error| anyhow::Error::from(error).context(format!("call {name}")))?;
    }
    let mut state = State { store: &mut store, instance };
    Ok(block_on(wizer.snapshot(context, &mut state))?)
}

/// Nothing in it ever waits.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}
