//! The escape suite's table: every attempt to get out of the sandbox that a test makes, and the page that lists them.
//!
//! Attempts are made where what they attack is tested: `crates/jail` (native code in a worker's place), `crates/sandbox`
//! (programs, and workers that lie), `crates/egress` (addresses), `crates/moltforge` (the whole server). Each of those
//! suites has its attempts as values, makes all of them with one loop, and hands their rows to [`check_page`]: so
//! docs/security-tests.md lists what is really tried. A row without a control is refused: a check that has never seen a
//! success shows nothing.
//!
//! **Never here:** an attempt. Never a normal dependency.

mod page;
mod summary;

pub use page::{check_page, path};
pub use summary::{Page, read};

/// What an attempt is after. The order is that of the page.
pub const CATEGORIES: [(&str, &str); 10] = [
    ("files", "the file system of the machine"),
    ("processes", "other processes, and becoming another user"),
    ("kernel", "what the kernel offers beside files, sockets and processes"),
    ("network", "sockets, private addresses, metadata services"),
    ("engine", "tricks with the language: prototypes, modules, the runtime's own code, clocks and chance"),
    ("neighbours", "other guests and other projects: their state, executions, agents, approvals, programs"),
    ("capabilities", "calls that were not granted, or that are no calls"),
    ("protocol", "a worker that lies to the server"),
    ("secrets", "keys, environment, what error texts say"),
    ("limits", "memory, time, stack, sizes, counts"),
];

/// One attempt, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name: unique within its suite.
    pub name: String,
    /// One of [`CATEGORIES`].
    pub category: String,
    /// What is tried.
    pub tried: String,
    /// What must happen.
    pub expected: String,
    /// The same where it must succeed, seen by the same check.
    pub control: String,
}

impl Row {
    /// From texts, in the order of the page.
    pub fn new(name: &str, category: &str, tried: &str, expected: &str, control: &str) -> Self {
        let [name, category, tried, expected, control] = [name, category, tried, expected, control].map(str::to_owned);
        Self { name, category, tried, expected, control }
    }

    /// What is wrong with it.
    pub fn fault(&self) -> Option<String> {
        let empty = [&self.name, &self.tried, &self.expected, &self.control].iter().any(|text| text.trim().is_empty());
        if empty {
            return Some(format!("{self:?} has an empty column: without a control it shows nothing"));
        }
        let known = CATEGORIES.iter().any(|(name, _)| *name == self.category);
        (!known).then(|| format!("{} has the category {:?}, which does not exist", self.name, self.category))
    }
}

#[cfg(test)]
mod tests;
