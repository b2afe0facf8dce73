//! The task that reads, checks and passes on what a worker says, until one of both ends.

use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, ChildStderr};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, interval_at, timeout};

use super::{Link, Worker};
use crate::protocol::{FRAME_MAX, FromWorker, GuestId, Usage, call, frame};
use crate::sandbox::guest::{Event, Unread};
use crate::sandbox::watch::Violation;

/// A process that is not ready by then never will be.
const READY: Duration = Duration::from_secs(60);

/// A worker reads always; one that does not is broken.
const WRITE: Duration = Duration::from_secs(30);

/// So long a worker may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// Bytes of events that the engine has not read yet. The largest message fits.
const UNREAD_MAX: usize = FRAME_MAX + (16 << 20);

/// Speaks with the worker until it ends; then its guests are lost.
pub(super) async fn drive(
    worker: Arc<Worker>,
    link: Link,
    queue: mpsc::UnboundedReceiver<Vec<u8>>,
    fingerprint: [u8; 32],
    idle: Duration,
) {
    let Link { mut child, socket } = link;
    let (from, to) = socket.into_split();
    let said = tokio::spawn(said(child.stderr.take()));
    let mut writer = tokio::spawn(write(Arc::clone(&worker), queue, to));
    let reason = {
        let mut reading = pin!(read(&worker, from, fingerprint));
        tokio::select! {
            reason = &mut reading => reason,
            reason = quiet(&worker, idle) => reason,
            () = worker.stop.notified() => "it does not read what it is sent".to_owned(),
            // one that ended says more than one that cannot be written to
            written = &mut writer => timeout(GRACE, reading).await.unwrap_or_else(|_| match written {
                Ok(Err(error)) => format!("it cannot be written to: {error}"),
                _ => "nobody writes to it".to_owned(),
            }),
        }
    };
    // from here nobody begins something with it
    worker.refuse();
    writer.abort();
    let status = end(&mut child, reason == IDLE).await;
    let said = timeout(GRACE, said).await.ok().and_then(Result::ok).unwrap_or_default();
    if !said.is_empty() || reason != IDLE {
        tracing::warn!(process = worker.process_id, reason, status, said, "a worker has ended");
    }
    worker.close(&format!("{reason} ({status}) {said}"));
}

const IDLE: &str = "it had no guests";

/// Ends when the worker had no guests for so long.
async fn quiet(worker: &Worker, idle: Duration) -> String {
    let step = (idle / 4).max(Duration::from_millis(10));
    let mut ticks = interval_at(Instant::now() + step, step);
    loop {
        ticks.tick().await;
        if worker.close_if_idle(idle) {
            return IDLE.to_owned();
        }
    }
}

/// The socket is closed: it may end by itself, or is killed.
async fn end(child: &mut Child, gently: bool) -> String {
    let grace = if gently { GRACE } else { Duration::ZERO };
    let status = match timeout(grace, child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            kill(child);
            child.wait().await
        }
    };
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}

/// With whatever it may have started.
fn kill(child: &mut Child) {
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    // one that is gone already is what was wanted
    let _ = group.map(|group| kill_process_group(group, Signal::KILL));
    let _ = child.start_kill();
}

/// The beginning of what it wrote to its standard error. The rest is read and dropped: it must not block there.
async fn said(from: Option<ChildStderr>) -> String {
    let Some(mut from) = from else { return String::new() };
    let mut kept = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let room = 4096_usize.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(&buffer[..room]);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

async fn write(
    worker: Arc<Worker>,
    mut queue: mpsc::UnboundedReceiver<Vec<u8>>,
    mut to: OwnedWriteHalf,
) -> io::Result<()> {
    while let Some(mut bytes) = queue.recv().await {
        while bytes.len() < 64 << 10
            && let Ok(more) = queue.try_recv()
        {
            bytes.extend(more);
        }
        timeout(WRITE, to.write_all(&bytes)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        worker.unsent.fetch_sub(bytes.len(), Ordering::Relaxed);
    }
    Ok(())
}

/// Reads until something is wrong, and says what.
async fn read(worker: &Worker, mut from: OwnedReadHalf, fingerprint: [u8; 32]) -> String {
    match timeout(READY, frame::read(&mut from)).await {
        Ok(Ok(Some(FromWorker::Ready { fingerprint: theirs }))) if theirs == fingerprint => {}
        Ok(Ok(Some(FromWorker::Ready { .. }))) => return "it is of another version".to_owned(),
        Ok(Ok(Some(_))) => return "it spoke before it was ready".to_owned(),
        Ok(Ok(None)) => return "it ended before it was ready".to_owned(),
        Ok(Err(error)) => return format!("it does not speak our language: {error}"),
        Err(_) => return format!("it is not ready after {} s", READY.as_secs()),
    }
    let unread = Arc::new(Semaphore::new(UNREAD_MAX));
    loop {
        let message = match frame::read(&mut from).await {
            Ok(Some(message)) => message,
            Ok(None) => return "it ended".to_owned(),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return format!("it broke the protocol: {error}");
            }
            Err(error) => return format!("it ended: {error}"),
        };
        let passed = match check(worker, message) {
            Ok(passed) => passed,
            Err(violation) => return format!("it broke the protocol: {violation}"),
        };
        if let Some((event, weight, events)) = passed {
            // whoever reads slowly slows the worker down, nothing piles up
            let weight = u32::try_from(weight.min(UNREAD_MAX)).unwrap_or(u32::MAX);
            let permit = Arc::clone(&unread).acquire_many_owned(weight).await.ok();
            let _ = events.send(Unread { event, _weight: permit });
        }
    }
}

type Passed = Option<(Event, usize, mpsc::UnboundedSender<Unread>)>;

/// Checks a message against what is known of its guest.
fn check(worker: &Worker, message: FromWorker) -> Result<Passed, Violation> {
    let mut state = worker.lock();
    let (guest, usage) = subject(&message).ok_or("it is ready twice")?;
    if guest == 0 || guest >= state.next_guest {
        return Err(format!("there is no guest {guest}"));
    }
    // one that was stopped while this was on its way
    let Some(watched) = state.guests.get_mut(&guest) else { return Ok(None) };
    let watch = &mut watched.watch;
    let (event, weight) = match message {
        FromWorker::Ready { .. } => return Ok(None),
        FromWorker::Used { .. } => {
            watch.used(usage)?;
            *watched.usage.lock().unwrap_or_else(PoisonError::into_inner) = usage;
            return Ok(None);
        }
        FromWorker::Asked { asked, .. } => {
            watch.asked(&asked, usage)?;
            let weight = call::weight(&asked);
            (Event::Asked(asked), weight)
        }
        FromWorker::Ended { end, .. } => {
            watch.ended(&end, usage)?;
            let weight = call::weight(&end.last) + end.output.len();
            (Event::Ended(end), weight)
        }
        FromWorker::Failed { failure, last, .. } => {
            watch.failed(&failure, &last, usage)?;
            let weight = call::weight(&last) + failure.message.len() + failure.stack.len();
            (Event::Failed { failure, last }, weight)
        }
    };
    *watched.usage.lock().unwrap_or_else(PoisonError::into_inner) = usage;
    let events = watched.events.clone();
    if !matches!(event, Event::Asked(_)) {
        state.guests.remove(&guest);
        state.idle_since = std::time::Instant::now();
    }
    Ok(Some((event, weight, events)))
}

fn subject(message: &FromWorker) -> Option<(GuestId, Usage)> {
    match message {
        FromWorker::Ready { .. } => None,
        FromWorker::Asked { guest, usage, .. }
        | FromWorker::Ended { guest, usage, .. }
        | FromWorker::Failed { guest, usage, .. }
        | FromWorker::Used { guest, usage } => Some((*guest, *usage)),
    }
}
