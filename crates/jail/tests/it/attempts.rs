//! Attempts to get out, each with its control.

mod files;
mod kernel;
mod limits;
mod network;
mod processes;

use std::io;

use moltforge_attempts::Row;
use moltforge_jail::Ended;

use crate::Test;
use crate::facts::Facts;
use crate::outside::Outside;
use crate::server::{By, is_root, run};

/// Tries one thing. `Ok` when it could be done.
pub(crate) type Act = fn(&Facts) -> io::Result<()>;

/// Who can do it without confinement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nobody,
    Root,
}

/// One attempt.
#[derive(Clone, Copy)]
pub(crate) struct Attempt {
    pub(crate) name: &'static str,
    pub(crate) needs: Needs,
    /// The policies that must prevent it.
    pub(crate) policies: &'static [&'static str],
    pub(crate) act: Act,
}

const BOTH: &[&str] = &["worker", "compiler"];

/// What everybody can do.
const fn anybody(name: &'static str, act: Act) -> Attempt {
    Attempt { name, needs: Needs::Nobody, policies: BOTH, act }
}

/// What root can do.
const fn root(name: &'static str, act: Act) -> Attempt {
    Attempt { name, needs: Needs::Root, policies: BOTH, act }
}

/// What everybody can do, prevented by one policy.
const fn under(policy: &'static [&'static str], name: &'static str, act: Act) -> Attempt {
    Attempt { name, needs: Needs::Nobody, policies: policy, act }
}

/// All of them by their category.
const ALL: [(&str, &[Attempt]); 5] = [
    ("files", files::ALL),
    ("processes", processes::ALL),
    ("kernel", kernel::ALL),
    ("network", network::ALL),
    ("limits", limits::ALL),
];

pub(crate) fn all() -> Vec<Attempt> {
    ALL.map(|(_, attempts)| attempts).concat()
}

/// As the page lists them.
fn rows() -> Vec<Row> {
    let row = |category: &str, attempt: &Attempt| {
        let places: Vec<_> =
            attempt.policies.iter().map(|policy| policy.replace("small", "worker with little")).collect();
        let tried = format!("in the place of a {}: {}", places.join(" or a "), words(attempt.name));
        let who = if attempt.needs == Needs::Root { "root" } else { "an ordinary user" };
        let control = format!("the same program does it without confinement, as {who}");
        Row::new(attempt.name, category, &tried, "it is refused, or the process ends", &control)
    };
    ALL.iter().flat_map(|(category, attempts)| attempts.iter().map(move |attempt| row(category, attempt))).collect()
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

pub(crate) fn named(name: &str) -> Option<Act> {
    all().into_iter().find(|attempt| attempt.name == name).map(|attempt| attempt.act)
}

pub(crate) fn tests() -> Vec<Test> {
    vec![
        ("attempts::the_page_lists_them", || moltforge_attempts::check_page("jail", &rows())),
        ("attempts::each_succeeds_without_confinement", controls),
        ("attempts::none_succeeds_in_what_an_ordinary_user_starts", || confined(By::Nobody)),
        ("attempts::none_succeeds_in_what_this_user_starts", || confined(By::Tester)),
    ]
}

/// Without these the others would show nothing.
fn controls() {
    let outside = Outside::new();
    let (mut failed, mut seen) = (Vec::new(), 0);
    for attempt in all() {
        let by = match attempt.needs {
            Needs::Root if !is_root() => {
                println!("  not tried, it takes root: {}", attempt.name);
                continue;
            }
            Needs::Root => By::Tester,
            Needs::Nobody => By::Nobody,
        };
        let outcome = run(by, "free", attempt.name, &outside.facts);
        seen += 1;
        if outcome.said != "done" {
            failed.push(format!("{}: {outcome:?}", attempt.name));
        }
    }
    println!("  {seen} things can be done without confinement");
    assert!(failed.is_empty(), "not possible outside either, so nothing is shown:\n{}", failed.join("\n"));
}

fn confined(by: By) {
    let outside = Outside::new();
    let (mut failed, mut ended, mut refused) = (Vec::new(), 0, 0);
    for attempt in all() {
        // the lists are the same for both: one of them is enough the second time
        let policies = if by == By::Nobody { attempt.policies } else { &attempt.policies[..1] };
        for policy in policies {
            let outcome = run(by, policy, attempt.name, &outside.facts);
            let denied = outcome.said.starts_with("denied ");
            match outcome.ended {
                Ended::Exited(0) if denied => refused += 1,
                Ended::Violation if outcome.said.is_empty() => ended += 1,
                // the limit of processor time
                Ended::Killed if attempt.name == "much_time" => ended += 1,
                _ => failed.push(format!("{} under {policy}: {outcome:?}", attempt.name)),
            }
        }
    }
    let count = all().len();
    println!("  {count} attempts: {refused} refused, {ended} ended the process");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(count >= 70, "{count} attempts");
    outside.check_unharmed();
}
