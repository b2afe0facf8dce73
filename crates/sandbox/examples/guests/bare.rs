//! The floor: the same images in this process, with wasmtime and nothing of ours.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use moltforge_sandbox::Image;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker, Val};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store};

use crate::programs::Language;
use crate::{Failed, virtual_wasi};

mod world {
    #![allow(clippy::all, clippy::pedantic, reason = "generated from wit/engine.wit")]
    wasmtime::component::bindgen!({
        path: "wit",
        world: "engine",
        imports: { "next": async | trappable, default: trappable },
        exports: { default: async },
    });
}

/// How a guest can be interrupted while it computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    None,
    Epoch,
    Fuel,
    Both,
}

impl Interruption {
    pub(crate) const ALL: [Self; 4] = [Self::None, Self::Epoch, Self::Fuel, Self::Both];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "cannot be interrupted",
            Self::Epoch => "epochs: what we have",
            Self::Fuel => "fuel: each instruction is counted",
            Self::Both => "epochs and fuel",
        }
    }
}

/// An image, compiled and linked.
pub(crate) struct Bare {
    engine: Engine,
    pre: world::EnginePre<Host>,
}

/// A guest of it.
struct Host {
    began: Instant,
    first: Option<Duration>,
    open: VecDeque<u32>,
    /// Answers that are left.
    answers: usize,
    /// Without an answer it waits for ever; else that is an error.
    waits: bool,
}

impl Host {
    /// Of a guest that begins now.
    fn new(answers: usize) -> Self {
        Self { began: Instant::now(), first: None, open: VecDeque::new(), answers, waits: false }
    }
}

impl world::EngineImports for Host {
    fn submit(&mut self, id: u32, _name: String, _args: String) -> Result<()> {
        self.first.get_or_insert_with(|| self.began.elapsed());
        self.open.push_back(id);
        Ok(())
    }

    fn cancel(&mut self, _id: u32) -> Result<()> {
        Ok(())
    }

    async fn next(&mut self) -> Result<world::Completion> {
        if self.waits {
            std::future::pending::<()>().await;
        }
        let id = self.open.pop_front().filter(|_| self.answers > 0);
        self.answers = self.answers.saturating_sub(1);
        let id = id.ok_or_else(|| wasmtime::Error::msg("there are no more answers"))?;
        let moltforge_sandbox::Completion { at, value, .. } = crate::node::answer(id);
        Ok(world::Completion { id, at, value })
    }

    fn log(&mut self, _level: u8, _message: String) -> Result<()> {
        Ok(())
    }
}

impl Bare {
    /// Compiles the image of a language; nothing for what comes without one.
    pub(crate) fn new(language: &Language, kind: Interruption) -> Option<Result<Self, Failed>> {
        Self::with(language, kind, 16)
    }

    /// The same, for so many guests at once.
    pub(crate) fn with(language: &Language, kind: Interruption, guests: u32) -> Option<Result<Self, Failed>> {
        let name = match language.image {
            Image::JavaScript => "javascript",
            Image::Python => "python",
            _ => return None,
        };
        Some(Self::compile(name, kind, guests))
    }

    fn compile(name: &str, kind: Interruption, guests: u32) -> Result<Self, Failed> {
        let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("images/{name}.wasm.zst"));
        let packed = std::fs::read(packed)?;
        let mut wasm = Vec::new();
        std::io::Read::read_to_end(&mut ruzstd::decoding::StreamingDecoder::new(packed.as_slice())?, &mut wasm)?;
        let engine = Engine::new(&config(kind, guests))?;
        let component = Component::new(&engine, &wasm)?;
        let mut linker = Linker::new(&engine);
        world::Engine::add_to_linker::<_, HasSelf<_>>(&mut linker, |host: &mut Host| host)?;
        virtual_wasi::add(&engine, &mut linker, &component)?;
        let pre = world::EnginePre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self { engine, pre })
    }

    /// To the first call.
    pub(crate) async fn first(&self, entry: &str, source: &str) -> Result<Duration, Failed> {
        let (host, _) = self.run(entry, source, "1", 0).await?;
        host.first.ok_or_else(|| "it asked for nothing".into())
    }

    /// So many calls, one after another.
    pub(crate) async fn often(&self, entry: &str, source: &str, calls: usize) -> Result<Duration, Failed> {
        let (host, took) = self.run(entry, source, &calls.to_string(), calls).await?;
        host.first.map(|first| took.saturating_sub(first)).ok_or_else(|| "it asked for nothing".into())
    }

    /// So many calls from its start on, each answered at once, to its output.
    pub(crate) async fn replayed(&self, entry: &str, source: &str, calls: usize) -> Result<Duration, Failed> {
        Ok(self.run(entry, source, &calls.to_string(), calls).await?.1)
    }

    /// One that waits for ever, once this was polled.
    pub(crate) async fn waits(&self, entry: &str, source: &str) -> Result<(), Failed> {
        let host = Host { waits: true, ..Host::new(0) };
        self.run_in(host, entry, source, "1").await.map(drop)
    }

    /// From its start to its output.
    pub(crate) async fn whole(&self, entry: &str, source: &str, input: &str) -> Result<Duration, Failed> {
        Ok(self.run(entry, source, input, 0).await?.1)
    }

    async fn run(&self, entry: &str, source: &str, input: &str, answers: usize) -> Result<(Host, Duration), Failed> {
        self.run_in(Host::new(answers), entry, source, input).await
    }

    async fn run_in(&self, host: Host, entry: &str, source: &str, input: &str) -> Result<(Host, Duration), Failed> {
        let files = [world::File { name: entry.to_owned(), text: source.to_owned() }];
        let (began, answers) = (host.began, host.answers);
        let mut store = Store::new(&self.engine, host);
        // nobody ticks: what is measured is that it looks
        store.set_epoch_deadline(1 << 40);
        // fails where it is not counted
        let _ = store.set_fuel(u64::MAX);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let result = instance.call_run(&mut store, &files, entry, input, &[7; 32], 1_700_000_000_000_000).await;
        let took = began.elapsed();
        let host = store.into_data();
        match result {
            Ok(Ok(_)) => Ok((host, took)),
            // it was left without an answer
            Err(_) if host.first.is_some() && answers == 0 => Ok((host, took)),
            Ok(Err(failure)) => Err(format!("{}: {}", failure.kind, failure.message).into()),
            Err(error) => Err(format!("{error:#}").into()),
        }
    }
}

/// A component of a user, of which nothing is known: whatever it asks for first ends it.
pub(crate) struct Unknown {
    engine: Engine,
    pre: InstancePre<()>,
}

impl Unknown {
    /// Compiles it.
    pub(crate) fn new(path: &Path) -> Result<Self, Failed> {
        let engine = Engine::new(&config(Interruption::Epoch, 16))?;
        let component = Component::new(&engine, std::fs::read(path)?)?;
        let mut linker = Linker::new(&engine);
        virtual_wasi::add(&engine, &mut linker, &component)?;
        linker.define_unknown_imports_as_traps(&component)?;
        let pre = linker.instantiate_pre(&component)?;
        Ok(Self { engine, pre })
    }

    /// To the first thing that it asks for.
    pub(crate) async fn first(&self) -> Result<Duration, Failed> {
        let began = Instant::now();
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(1 << 40);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let run = instance.get_func(&mut store, "run").ok_or("it has no run")?;
        match run.call_async(&mut store, &[Val::String("1".to_owned())], &mut [Val::Bool(false)]).await {
            Ok(()) => Err("it asked for nothing".into()),
            Err(_) => Ok(began.elapsed()),
        }
    }
}

/// The settings of the workers, as far as they change what is measured.
fn config(kind: Interruption, guests: u32) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(guests)
        .total_core_instances(guests * 60)
        .total_memories(guests * 2)
        .total_tables(guests * 60)
        .total_stacks(guests)
        .max_unused_warm_slots(guests.min(256))
        .max_core_instances_per_component(60)
        .max_memories_per_component(2)
        .max_tables_per_component(60)
        .max_memory_size(256 << 20)
        .table_elements(100_000)
        .linear_memory_keep_resident(256 * 1024)
        .async_stack_keep_resident(16 * 1024)
        .table_keep_resident(32 * 1024);
    let mut config = Config::new();
    config
        .epoch_interruption(matches!(kind, Interruption::Epoch | Interruption::Both))
        .consume_fuel(matches!(kind, Interruption::Fuel | Interruption::Both))
        .concurrency_support(false)
        .cranelift_nan_canonicalization(true)
        .max_wasm_stack(1 << 20)
        .async_stack_size(2 << 20)
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .memory_may_move(false)
        .native_unwind_info(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}
