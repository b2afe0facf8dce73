//! How a confined process lives and ends, seen by its server.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use moltforge_jail::Ended;
use nix::libc;

use super::Act;
use crate::Test;
use crate::facts::Facts;
use crate::inmate::Task;
use crate::kernel::call;
use crate::server::{By, is_root, run, start};

pub(super) const TESTS: &[Test] = &[
    ("life::its_code_and_its_signal_are_the_servers_to_see", ends),
    ("life::it_ends_with_its_server", server_gone),
    ("life::nothing_is_left_when_it_is_killed", killed),
    ("life::others_of_its_user_cannot_look_into_it", hidden),
    ("life::a_server_that_never_says_go_starts_nothing", never_released),
];

pub(super) const TASKS: &[(&str, Act)] = &[
    ("waits", waits),
    ("exits", |_| ExitCode::from(7)),
    ("aborts", |_| std::process::abort()),
    ("breaks", |_| {
        let _ = call(libc::SYS_chroot, [0]);
        ExitCode::SUCCESS
    }),
    ("spins", spins),
];

fn ends() {
    let ended = |task| run(By::Nobody, "worker", task, &Facts::default()).ended;
    assert_eq!(ended("exits"), Ended::Exited(7));
    assert_eq!(ended("breaks"), Ended::Violation);
    // the first process of a namespace gets no signal of its own: it ends by the trap that follows
    assert!(matches!(ended("aborts"), Ended::Signal(_)), "{:?}", ended("aborts"));
}

/// It never looks at the socket: its supervisor does.
fn server_gone() {
    let mut running = start(By::Nobody, "worker", "spins", &Facts::default(), None);
    running.socket.read_exact(&mut [0; 5]).unwrap();
    drop(running.socket);
    assert_eq!(Ended::from(running.child.wait().unwrap()), Ended::Killed);
}

fn killed() {
    let mut running = start(By::Nobody, "worker", "spins", &Facts::default(), None);
    running.socket.read_exact(&mut [0; 5]).unwrap();
    // the supervisor: the confined process is not the server's child
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    // the socket is closed by the last process that has it
    assert_eq!(running.socket.read(&mut [0]).unwrap_or(0), 0);
}

/// Another process of the same user, in the parent namespace.
fn hidden() {
    if !is_root() {
        println!("  not tried: an ordinary user's tests cannot start two inmates of a user without groups");
        return;
    }
    for (policy, expected) in [("free", "done"), ("worker", "denied Permission denied (os error 13)")] {
        let mut running = start(By::Nobody, policy, "spins", &Facts::default(), None);
        running.socket.read_exact(&mut [0; 5]).unwrap();
        let facts = Facts::default().with("victim", &running.child.id());
        let outcome = run(By::Nobody, "free", "read_environment_of_neighbour", &facts);
        assert_eq!(outcome.said, expected, "{policy}");
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    }
}

fn never_released() {
    let arguments = [crate::server::INMATE, "worker", "exits"];
    let (mut command, starting) =
        moltforge_jail::Start::program(std::env::current_exe().unwrap(), arguments).prepare().unwrap();
    let mut child = command.spawn().unwrap();
    drop(command);
    drop(starting);
    assert_eq!(Ended::from(child.wait().unwrap()), Ended::Exited(1), "not 7: it did nothing");
}

/// Until the server closes the socket.
fn waits(mut task: Task<'_>) -> ExitCode {
    let _ = task.socket.read(&mut [0]);
    ExitCode::SUCCESS
}

fn spins(mut task: Task<'_>) -> ExitCode {
    task.socket.write_all(b"spins").unwrap();
    loop {
        std::hint::spin_loop();
    }
}
