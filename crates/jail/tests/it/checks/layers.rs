//! Each layer denies its part alone: one with a hole is not the end.

use moltforge_jail::Ended;

use crate::Test;
use crate::facts::Facts;
use crate::outside::Outside;
use crate::server::{By, run};

pub(super) const TESTS: &[Test] = &[
    ("layers::the_empty_root_and_the_namespaces_deny_alone", namespaces),
    ("layers::landlock_denies_alone", landlock),
    ("layers::a_user_without_capabilities_is_denied_the_rest", capabilities),
    ("layers::what_is_left_out_can_be_done_again", control),
];

const FILES: &[&str] = &[
    "read_passwd",
    "read_secret",
    "list_proc",
    "write_tmp",
    "write_open_folder",
    "append_to_file",
    "make_folder",
    "rename_file",
    "truncate_by_path",
];
const ROOT: &[&str] =
    &["become_root", "join_groups", "mount", "change_root", "real_time_scheduling", "read_kernel_log"];

fn denied(without: &str, attempts: &[&str]) {
    let outside = Outside::new();
    let facts = outside.facts.clone().with("without", without);
    for by in [By::Tester, By::Nobody] {
        for attempt in attempts {
            let outcome = run(by, "worker", attempt, &facts);
            assert!(outcome.said.starts_with("denied "), "{attempt} without {without}: {outcome:?}");
        }
    }
    outside.check_unharmed();
}

fn namespaces() {
    let network = ["connect_tcp", "send_udp", "connect_unix", "connect_abstract"];
    let processes = ["kill_neighbour", "trace_neighbour", "hold_neighbour", "read_environment_of_server"];
    denied("landlock,system_calls", &[FILES, &network, &processes].concat());
}

fn landlock() {
    denied("namespaces,root,system_calls", &[FILES, &["connect_tcp", "connect_abstract", "kill_neighbour"]].concat());
}

fn capabilities() {
    denied("namespaces,root,landlock,system_calls", ROOT);
}

/// The filter is what denies these: nothing else does, and without it they can be done.
fn control() {
    let facts = Facts::default().with("without", "system_calls");
    for (attempt, expected) in [("keyring", "done"), ("personality", "done"), ("timer_signal", "done")] {
        let outcome = run(By::Nobody, "worker", attempt, &facts);
        assert_eq!((outcome.said.as_str(), outcome.ended), (expected, Ended::Exited(0)), "{attempt}");
    }
}
