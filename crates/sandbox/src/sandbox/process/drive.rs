//! The task that reads, checks and passes on what a worker says, until one of both ends.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use moltforge_jail::Report;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, interval_at, timeout};

use super::{Expected, Patience, Unsent, Worker};
use crate::protocol::{FRAME_MAX, FromWorker, GuestId, REPORT_MAX, ToWorker, Usage, call, descriptor, frame};
use crate::sandbox::admission::Growth;
use crate::sandbox::guest::{Event, Meter, Unread};
use crate::sandbox::resident::resident;
use crate::sandbox::spawn::{Link, kill, said};
use crate::sandbox::watch::Violation;

/// A process that is not ready by then never will be.
const READY: Duration = Duration::from_mins(1);

/// A worker reads always; one that does not is broken.
const WRITE: Duration = Duration::from_secs(30);

/// How often it is looked at what a worker uses.
const MEASURE: Duration = Duration::from_millis(250);

/// So long a worker may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// Bytes of events that the engine has not read yet. The largest message fits.
const UNREAD_MAX: usize = FRAME_MAX + (16 << 20);

/// Speaks with the worker until it ends; then its guests are lost.
pub(super) async fn drive(
    worker: Arc<Worker>,
    link: Link,
    queue: mpsc::UnboundedReceiver<Unsent>,
    expected: Expected,
    patience: Patience,
) {
    let Link { mut child, socket, group } = link;
    let (from, to) = socket.into_split();
    let errors = tokio::spawn(said(child.stderr.take()));
    let mut writer = tokio::spawn(write(queue, to));
    let reason = {
        let mut reading = pin!(read(&worker, from, expected, patience.silence));
        tokio::select! {
            reason = &mut reading => reason,
            reason = quiet(&worker, patience.idle) => reason,
            () = measure(&worker) => String::new(),
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
    worker.is_measured(None);
    let reason = if group.ran_out() { format!("the kernel ended it, its memory ran out: {reason}") } else { reason };
    drop(group);
    let said = timeout(GRACE, errors).await.ok().and_then(Result::ok).unwrap_or_default();
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

/// Looks again and again at what the process really uses.
async fn measure(worker: &Worker) {
    let mut ticks = interval_at(Instant::now() + MEASURE, MEASURE);
    loop {
        ticks.tick().await;
        worker.is_measured(worker.process_id.and_then(resident));
    }
}

/// The socket is closed: it may end by itself, or is killed.
async fn end(child: &mut Child, gently: bool) -> String {
    let grace = if gently { GRACE } else { Duration::ZERO };
    let status = if let Ok(status) = timeout(grace, child.wait()).await {
        status
    } else {
        kill(child);
        child.wait().await
    };
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}

/// Ends when the worker owes a word for too long.
async fn silence(worker: &Worker, patience: Duration) {
    let since = std::time::Instant::now();
    loop {
        // a real wait: another process is to speak
        tokio::time::sleep(patience / 8).await;
        if worker.is_silent(since, patience) {
            return;
        }
    }
}

async fn write(mut queue: mpsc::UnboundedReceiver<Unsent>, mut to: OwnedWriteHalf) -> io::Result<()> {
    let mut next = None;
    loop {
        let Some(Unsent { frame: mut bytes, file, _room: room }) = (match next.take() {
            Some(unsent) => Some(unsent),
            None => queue.recv().await,
        }) else {
            return Ok(());
        };
        if let Some(file) = file {
            let sent = timeout(WRITE, descriptor::send(to.as_ref(), &bytes, &file)).await.map_err(too_slow)??;
            bytes.drain(..sent);
        }
        while bytes.len() < 64 << 10
            && let Ok(more) = queue.try_recv()
        {
            if more.file.is_some() {
                next = Some(more);
                break;
            }
            bytes.extend(more.frame);
        }
        for chunk in bytes.chunks(1 << 20) {
            timeout(WRITE, to.write_all(chunk)).await.map_err(too_slow)??;
        }
        drop(room);
    }
}

fn too_slow(_: Elapsed) -> io::Error {
    io::ErrorKind::TimedOut.into()
}

/// Hears that it is ready, or says what is wrong.
async fn begin(from: &mut OwnedReadHalf, expected: Expected) -> Result<(), String> {
    let (fingerprint, report) = match timeout(READY, frame::read(from)).await {
        Ok(Ok(Some(FromWorker::Ready { fingerprint, report }))) => (fingerprint, report),
        Ok(Ok(Some(_))) => return Err("it spoke before it was ready".to_owned()),
        Ok(Ok(None)) => return Err("it ended before it was ready".to_owned()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(format!("it does not speak our language: {error}"));
        }
        Ok(Err(error)) => return Err(format!("it ended before it was ready: {error}")),
        Err(_) => return Err(format!("it is not ready after {} s", READY.as_secs())),
    };
    if fingerprint != expected.fingerprint {
        return Err("it is of another version".to_owned());
    }
    if report.len() > REPORT_MAX {
        return Err(format!("it says too much of its confinement: {} bytes", report.len()));
    }
    let report: Report =
        serde_json::from_str(&report).map_err(|error| format!("it does not speak our language: {error}"))?;
    if report.is_complete() {
        return Ok(());
    }
    if expected.confined {
        return Err(format!("it is not confined as it must be: {report}"));
    }
    tracing::warn!(?report.missing, report.reason, "a worker is not confined as it should be");
    Ok(())
}

/// Reads until something is wrong, and says what.
async fn read(worker: &Arc<Worker>, mut from: OwnedReadHalf, expected: Expected, patience: Duration) -> String {
    match begin(&mut from, expected).await {
        Ok(()) => worker.is_ready(),
        Err(reason) => return reason,
    }
    let unread = Arc::new(Semaphore::new(UNREAD_MAX));
    loop {
        // only while this waits: what the engine has not read yet is not the worker's silence
        let heard = tokio::select! {
            biased;
            heard = frame::read(&mut from) => heard,
            () = silence(worker, patience) => return "it says nothing".to_owned(),
        };
        let message = match heard {
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
fn check(worker: &Arc<Worker>, message: FromWorker) -> Result<Passed, Violation> {
    let mut state = worker.lock();
    let (guest, usage) = subject(&message).ok_or("it is ready twice")?;
    if guest == 0 || guest >= state.next_guest {
        return Err(format!("there is no guest {guest}"));
    }
    if !state.guests.contains_key(&guest) {
        // one that was stopped while this was on its way
        state.late = state.late.checked_sub(1).ok_or_else(|| format!("guest {guest} is no more"))?;
        return Ok(None);
    }
    let Some(watched) = state.guests.get_mut(&guest) else { return Ok(None) };
    let watch = &mut watched.watch;
    let (event, weight) = match message {
        FromWorker::Ready { .. } => return Ok(None),
        FromWorker::Used { .. } => {
            watch.used(usage)?;
            watched.meter.set(usage);
            return Ok(None);
        }
        FromWorker::Grow { bytes, .. } => {
            watch.grows(bytes, usage)?;
            watched.meter.set(usage);
            let growth = watched.account.grow(bytes);
            if matches!(growth, Growth::Now | Growth::Never) {
                watch.granted();
            }
            grow(worker, guest, bytes, growth, watched.meter.clone());
            return Ok(None);
        }
        FromWorker::Asked { asked, .. } => {
            watch.asked(&asked, usage)?;
            watched.account.is_idle(watch.is_waiting());
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
    watched.meter.set(usage);
    let events = watched.events.clone();
    if !matches!(event, Event::Asked(_)) {
        state.guests.remove(&guest);
        state.idle_since = std::time::Instant::now();
    }
    Ok(Some((event, weight, events)))
}

/// Tells a guest what becomes of its wish for memory: at once, or when there is room.
fn grow(worker: &Arc<Worker>, guest: GuestId, bytes: u64, growth: Growth, meter: Meter) {
    let granted = match growth {
        Growth::Now => bytes,
        Growth::Never => 0,
        Growth::Leaves => return,
        Growth::Later(granted) => {
            meter.set_waits_for_memory(true);
            let worker = Arc::clone(worker);
            // ends with the guest
            tokio::spawn(async move {
                let granted = granted.await;
                meter.set_waits_for_memory(false);
                if granted.is_ok() {
                    worker.grant(guest, bytes);
                }
            });
            return;
        }
    };
    let _ = worker.send(&ToWorker::Granted { guest, bytes: granted });
}

fn subject(message: &FromWorker) -> Option<(GuestId, Usage)> {
    match message {
        FromWorker::Ready { .. } => None,
        FromWorker::Asked { guest, usage, .. }
        | FromWorker::Ended { guest, usage, .. }
        | FromWorker::Failed { guest, usage, .. }
        | FromWorker::Grow { guest, usage, .. }
        | FromWorker::Used { guest, usage } => Some((*guest, *usage)),
    }
}
