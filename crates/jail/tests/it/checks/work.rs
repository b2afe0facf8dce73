//! What a confined process needs works.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use moltforge_jail::{Ended, Report};
use nix::libc;

use super::Act;
use crate::Test;
use crate::facts::Facts;
use crate::inmate::Task;
use crate::kernel::{at, call, text};
use crate::outside::Outside;
use crate::server::{By, run, start};

pub(super) const TESTS: &[Test] = &[
    ("work::every_step_holds", complete),
    ("work::threads_time_randomness_and_memory_work", works),
    ("work::an_event_loop_and_code_in_memory_work_for_a_worker", works_for_a_worker),
    ("work::what_is_listed_can_be_read_and_nothing_else", shown),
    ("work::a_descriptor_that_is_kept_stays_open", kept),
];

pub(super) const TASKS: &[(&str, Act)] =
    &[("report", report), ("works", inside), ("works_for_a_worker", worker_inside), ("reads", reads)];

fn complete() {
    for by in [By::Tester, By::Nobody] {
        for policy in ["worker", "compiler"] {
            let outcome = run(by, policy, "report", &Facts::default());
            let report: Report = serde_json::from_str(&outcome.said).unwrap_or_else(|e| panic!("{e}: {outcome:?}"));
            assert!(report.is_complete() && report.enforced.len() == 12, "{report:?}");
        }
    }
}

fn works() {
    for policy in ["worker", "compiler"] {
        let mut running = start(By::Nobody, policy, "works", &Facts::default(), None);
        running.socket.write_all(b"said before").unwrap();
        running.socket.shutdown(std::net::Shutdown::Write).unwrap();
        let outcome = running.outcome();
        assert_eq!((outcome.said.as_str(), outcome.ended), ("heard said before", Ended::Exited(0)), "{policy}");
    }
}

fn works_for_a_worker() {
    let outcome = run(By::Nobody, "worker", "works_for_a_worker", &Facts::default());
    assert_eq!((outcome.said.as_str(), outcome.ended), ("it works", Ended::Exited(0)));
}

fn shown() {
    let outside = Outside::new();
    for by in [By::Tester, By::Nobody] {
        let outcome = run(by, "reads", "reads", &outside.facts);
        assert_eq!((outcome.said.as_str(), outcome.ended), ("to be read", Ended::Exited(0)), "{by:?}");
        for attempt in ["read_passwd", "read_secret", "list_proc", "write_tmp", "write_open_folder", "append_to_file"] {
            let outcome = run(by, "reads", attempt, &outside.facts);
            assert!(outcome.said.starts_with("denied "), "{attempt}: {outcome:?}");
        }
    }
}

fn kept() {
    let outside = Outside::new();
    for (policy, expected) in [("keeps", "done"), ("worker", "denied Bad file descriptor (os error 9)")] {
        let outcome = run(By::Nobody, policy, "read_inherited_descriptor", &outside.facts);
        assert_eq!(outcome.said, expected, "{policy}");
    }
}

fn report(mut task: Task<'_>) -> ExitCode {
    let report = serde_json::to_string(&task.report).unwrap();
    writeln!(task.socket, "{report}").unwrap();
    ExitCode::SUCCESS
}

fn inside(mut task: Task<'_>) -> ExitCode {
    let threads: Vec<_> = (0..8)
        .map(|number| thread::Builder::new().name(format!("n{number}")).spawn(move || vec![number; 1 << 20].len()))
        .collect();
    assert!(threads.into_iter().all(|thread| thread.unwrap().join().unwrap() == 1 << 20));
    assert!(thread::available_parallelism().is_ok());
    assert_eq!(HashMap::from([(1, 2)])[&1], 2, "its keys are random");
    let before = Instant::now();
    let (sender, receiver) = mpsc::channel::<()>();
    assert!(receiver.recv_timeout(Duration::from_millis(5)).is_err() && before.elapsed() >= Duration::from_millis(5));
    drop(sender);
    // a message with a backtrace goes to standard error, which looks for files
    std::panic::set_hook(Box::new(|_| drop(std::backtrace::Backtrace::force_capture().to_string())));
    assert!(catch_unwind(|| panic!("caught")).is_err());
    let mut heard = String::new();
    task.socket.read_to_string(&mut heard).unwrap();
    write!(task.socket, "heard {heard}").unwrap();
    ExitCode::SUCCESS
}

fn worker_inside(mut task: Task<'_>) -> ExitCode {
    let [page, read, write, run] = [4096, libc::PROT_READ, libc::PROT_WRITE, libc::PROT_EXEC].map(word);
    let private = word(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let place = call(libc::SYS_mmap, [0, page, read | write, private, usize::MAX, 0]).unwrap();
    call(libc::SYS_mprotect, [usize::try_from(place).unwrap(), page, read | run]).unwrap();
    let file = word(i32::try_from(call(libc::SYS_memfd_create, [at(text("x").as_c_str()), 2]).unwrap()).unwrap());
    call(libc::SYS_ftruncate, [file, page]).unwrap();
    call(libc::SYS_fcntl, [file, word(libc::F_ADD_SEALS), word(libc::F_SEAL_GROW)]).unwrap();
    call(libc::SYS_mmap, [0, page, read, word(libc::MAP_PRIVATE), file, 0]).unwrap();
    let (mut one, two) = UnixStream::pair().unwrap();
    two.set_nonblocking(true).unwrap();
    let events = rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC).unwrap();
    let (data, flags) = (rustix::event::epoll::EventData::new_u64(7), rustix::event::epoll::EventFlags::IN);
    rustix::event::epoll::add(&events, &two, data, flags).unwrap();
    one.write_all(b"x").unwrap();
    let mut ready = Vec::with_capacity(4);
    rustix::event::epoll::wait(&events, rustix::buffer::spare_capacity(&mut ready), None).unwrap();
    assert_eq!(ready.len(), 1);
    rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap();
    writeln!(task.socket, "it works").unwrap();
    ExitCode::SUCCESS
}

fn reads(mut task: Task<'_>) -> ExitCode {
    let read = std::fs::read(task.facts.path("shown").join("file")).unwrap();
    task.socket.write_all(&read).unwrap();
    ExitCode::SUCCESS
}

fn word(number: i32) -> usize {
    usize::try_from(number).unwrap()
}
