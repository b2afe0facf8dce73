//! A worker: the process that runs the guests of one project.
//!
//! One thread runs all of them, ten milliseconds at a time; a second one only ticks. It knows no project, holds no
//! secret and decides nothing: it hands completions over in the order in which they come and reports what guests ask.

mod agent;
mod guest;
mod host;
mod load;
mod memory;
mod meter;
mod report;
mod ticker;
mod wasi;

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use moltforge_jail::Report;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::config::{self, Purpose};
use crate::confine::{self, Arguments};
use crate::protocol::descriptor::Receiver;
use crate::protocol::{Completion, Failure, FailureKind, FromWorker, GuestId, ToWorker, frame};

pub use agent::Pending;
pub(crate) use load::publisher;

/// Of a hidden subcommand: speaks with the server over the socket that is its standard input, until that closes. `args`
/// are those that follow the subcommand.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    // what broke once is not trusted to go on: its guests are rebuilt elsewhere
    std::panic::set_hook(Box::new(|info| {
        let _ = writeln!(io::stderr(), "{info}");
        std::process::abort();
    }));
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: impl IntoIterator<Item = OsString>) -> io::Result<()> {
    let args = Arguments::read(args)?;
    let policy = args.worker();
    let begun = confine::begin(&policy)?;
    // the pool asks the kernel which pages were written, through a file that is out of reach afterwards
    let engine = config::engine(Purpose::Run { guests: args.guests }).map_err(io::Error::other)?;
    let (report, socket) = confine::finish(begun)?;
    socket.set_nonblocking(true)?;
    // guests that compute must not keep messages waiting: look at the socket after every other turn
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().event_interval(2).build()?;
    runtime.block_on(async { Worker::serve(UnixStream::from_std(socket)?, engine, report).await })
}

/// What the messages of the server change.
struct Worker {
    engine: wasmtime::Engine,
    ticker: Arc<ticker::Ticker>,
    images: HashMap<u32, Result<load::Loaded, Failure>>,
    guests: HashMap<GuestId, Running>,
    out: mpsc::UnboundedSender<FromWorker>,
}

struct Running {
    inbox: mpsc::UnboundedSender<Completion>,
    grants: mpsc::UnboundedSender<u64>,
    task: AbortHandle,
}

impl Worker {
    async fn serve(socket: UnixStream, engine: wasmtime::Engine, report: Report) -> io::Result<()> {
        let (from, to) = socket.into_split();
        let mut from = Receiver::new(from);
        let (out, queue) = mpsc::unbounded_channel();
        let fingerprint = config::fingerprint_of(&engine);
        let ticker = ticker::Ticker::start(engine.clone())?;
        let mut worker = Self { engine, ticker, images: HashMap::new(), guests: HashMap::new(), out };
        let writer = tokio::spawn(write(queue, to));
        worker.send(FromWorker::Ready { fingerprint, report: serde_json::to_string(&report)? });
        while let Some(message) = frame::read(&mut from).await? {
            if writer.is_finished() {
                break;
            }
            worker.apply(message, &mut from)?;
        }
        Ok(())
    }

    fn apply(&mut self, message: ToWorker, from: &mut Receiver) -> io::Result<()> {
        match message {
            ToWorker::Load { image, world } => {
                let file = from.file().ok_or_else(|| io::Error::other("an image without a file"))?;
                let loaded = load::load(&self.engine, world, file.into());
                self.images.insert(image, loaded);
            }
            ToWorker::Start { guest, start } => {
                let (inbox, completions) = mpsc::unbounded_channel();
                let (grants, granted) = mpsc::unbounded_channel();
                let loaded = self.images.get(&start.image).cloned();
                let loaded = loaded.unwrap_or_else(|| {
                    let (message, stack) = ("no such image".to_owned(), String::new());
                    Err(Failure { kind: FailureKind::Engine, message, stack })
                });
                let report = report::Report::new(guest, self.out.clone());
                let task = guest::run(loaded, *start, completions, granted, report, Arc::clone(&self.ticker));
                self.guests.insert(guest, Running { inbox, grants, task: tokio::spawn(task).abort_handle() });
            }
            ToWorker::Deliver { guest, completion } => {
                if let Some(running) = self.guests.get(&guest) {
                    // a guest that has ended hears no more
                    let _ = running.inbox.send(completion);
                }
            }
            ToWorker::Granted { guest, bytes } => {
                if let Some(running) = self.guests.get(&guest) {
                    let _ = running.grants.send(bytes);
                }
            }
            ToWorker::Stop { guest } => {
                if let Some(running) = self.guests.remove(&guest) {
                    running.task.abort();
                }
            }
        }
        Ok(())
    }

    fn send(&self, message: FromWorker) {
        // the writer ends with the process
        let _ = self.out.send(message);
    }
}

/// Writes what there is, as few times as possible.
async fn write(mut queue: mpsc::UnboundedReceiver<FromWorker>, mut to: OwnedWriteHalf) -> io::Result<()> {
    while let Some(message) = queue.recv().await {
        let mut bytes = frame::encode(&message)?;
        while bytes.len() < 64 << 10
            && let Ok(message) = queue.try_recv()
        {
            bytes.extend(frame::encode(&message)?);
        }
        to.write_all(&bytes).await?;
    }
    Ok(())
}
