//! The one constructor of wasmtime's configuration.
//!
//! Every limit that wasmtime leaves to its embedder is set here, or for each guest in `worker/guest.rs`. The compile
//! process and the workers must agree on what changes the code: a compiled image is named by a hash of it
//! ([`fingerprint`]).

use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::error::Error;

/// How often a running guest is looked at.
pub(crate) const TICK: std::time::Duration = std::time::Duration::from_millis(10);

/// The largest memory that any guest can have.
pub(crate) const MEMORY_MAX: usize = 256 * MIB;

/// Elements of all tables of a guest.
pub(crate) const TABLE_ELEMENTS: usize = 100_000;

/// Handles of resources that a guest may have beside those of its calls: each is kept outside of its memory.
pub(crate) const HANDLES: usize = 10_000;

const MIB: usize = 1 << 20;

/// Module instances within one component: CPython with its libraries has about fourteen.
const CORE_INSTANCES: u32 = 60;
const TABLES: u32 = 60;
const MEMORIES: u32 = 2;

/// What differs between the processes. Nothing of it changes the code that is compiled.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Compile, and run nothing.
    Compile,
    /// Run at most so many guests at once.
    Run { guests: u32 },
}

/// An engine for the purpose.
pub(crate) fn engine(purpose: Purpose) -> wasmtime::Result<Engine> {
    Engine::new(&config(purpose))
}

fn config(purpose: Purpose) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .wasm_component_model(true)
        .concurrency_support(false)
        // the same bits on every machine
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .relaxed_simd_deterministic(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .shared_memory(false)
        // a guest's own stack, with as much again for the host's part of a call
        .max_wasm_stack(MIB)
        .async_stack_size(2 * MIB)
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .memory_may_move(false)
        .memory_init_cow(true)
        .native_unwind_info(false);
    if let Purpose::Run { guests } = purpose {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(guests)));
        config.with_custom_code_memory(crate::worker::publisher());
    }
    config
}

/// The pool of a worker. Its slots are address space; what a guest touched is given back when it ends, but for what
/// `keep_resident` says.
fn pool(guests: u32) -> PoolingAllocationConfig {
    // an instance that ends and the one in its place may overlap for a moment
    let guests = guests.saturating_add(16);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(guests)
        .total_core_instances(guests.saturating_mul(CORE_INSTANCES))
        .total_memories(guests.saturating_mul(MEMORIES))
        .total_tables(guests.saturating_mul(TABLES))
        .total_stacks(guests)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_memory_size(MEMORY_MAX)
        .table_elements(TABLE_ELEMENTS)
        .max_unused_warm_slots(guests.min(256))
        .linear_memory_keep_resident(256 * 1024)
        .async_stack_keep_resident(16 * 1024)
        .table_keep_resident(32 * 1024);
    pool
}

/// Names everything that decides about the compiled code: wasmtime's version, these settings, the processor.
pub fn fingerprint() -> Result<[u8; 32], Error> {
    let engine = engine(Purpose::Compile).map_err(|error| Error::Worker(format!("{error:#}")))?;
    Ok(fingerprint_of(&engine))
}

/// The same, of an engine. Its purpose does not matter.
pub(crate) fn fingerprint_of(engine: &Engine) -> [u8; 32] {
    let mut digest = Bytes(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut digest);
    digest.0.finalize().into()
}

/// Feeds what is hashed into a digest that is the same in every process.
struct Bytes(Sha256);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_the_same_each_time() {
        assert_eq!(fingerprint().unwrap(), fingerprint().unwrap());
    }

    #[test]
    fn a_worker_runs_what_was_compiled() {
        let compiled = engine(Purpose::Compile).unwrap().precompile_component(b"\0asm\x0d\0\x01\0").unwrap();
        assert!(Engine::detect_precompiled(&compiled).is_some());
        let worker = engine(Purpose::Run { guests: 1 }).unwrap();
        assert_eq!(fingerprint_of(&worker), fingerprint().unwrap());
    }
}
