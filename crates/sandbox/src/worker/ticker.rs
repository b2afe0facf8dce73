//! The clock that lets running guests be interrupted. It stands still while nobody runs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};

use crate::config::TICK;

/// After so many ticks without a guest the thread sleeps until there is one.
const PATIENCE: u32 = 10;

/// The thread that ticks.
pub(crate) struct Ticker {
    flags: Arc<Flags>,
    thread: Thread,
}

#[derive(Default)]
struct Flags {
    running: AtomicBool,
    asleep: AtomicBool,
}

impl Ticker {
    /// Starts the thread.
    pub(crate) fn start(engine: wasmtime::Engine) -> io::Result<Arc<Self>> {
        let flags = Arc::new(Flags::default());
        let theirs = Arc::clone(&flags);
        let handle = thread::Builder::new().name("ticker".into()).spawn(move || tick(&engine, &theirs))?;
        Ok(Arc::new(Self { flags, thread: handle.thread().clone() }))
    }

    /// A guest begins to run.
    pub(crate) fn begin(&self) {
        self.flags.running.store(true, Ordering::SeqCst);
        if self.flags.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
    }

    /// It stopped, for now.
    pub(crate) fn end(&self) {
        self.flags.running.store(false, Ordering::SeqCst);
    }
}

fn tick(engine: &wasmtime::Engine, flags: &Flags) {
    let mut idle = 0;
    loop {
        // a real wait: this is the clock itself
        thread::sleep(TICK);
        if flags.running.load(Ordering::SeqCst) {
            idle = 0;
            engine.increment_epoch();
            continue;
        }
        idle += 1;
        if idle > PATIENCE {
            flags.asleep.store(true, Ordering::SeqCst);
            // either `begin` sees that this sleeps, or this sees that somebody runs
            while !flags.running.load(Ordering::SeqCst) {
                thread::park();
            }
            flags.asleep.store(false, Ordering::SeqCst);
            idle = 0;
        }
    }
}
