//! The guests of one project, inside and waiting.

use std::collections::{BTreeMap, BTreeSet};

use super::Age;

/// The place in a project's line: who wants to grow comes before who wants to enter, then the older.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) enters: bool,
    pub(super) age: Age,
}

impl Key {
    pub(super) fn enter(age: Age) -> Self {
        Self { enters: true, age }
    }

    pub(super) fn grow(age: Age) -> Self {
        Self { enters: false, age }
    }
}

/// What somebody waits for.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) memory: u64,
    /// How often others came first.
    pub(super) passed: u32,
}

impl Wish {
    pub(super) fn of(memory: u64) -> Self {
        Self { memory, passed: 0 }
    }
}

#[derive(Debug, Default)]
pub(super) struct Project {
    /// Who is inside, oldest first.
    pub(super) holders: BTreeSet<Age>,
    pub(super) wishes: BTreeMap<Key, Wish>,
    /// Bytes that its holders have.
    pub(super) memory: u64,
    /// Bytes that its process uses besides.
    pub(super) extra: u64,
    /// Holders that wait for an answer, that want to grow, that were told to leave.
    pub(super) idle: usize,
    pub(super) growing: usize,
    pub(super) leaving: usize,
}

impl Project {
    pub(super) fn used(&self) -> u64 {
        self.memory + self.extra
    }

    /// Whether it would have more than this share. Its oldest guest may always have what it needs.
    pub(super) fn would_be_over(&self, share: u64, key: Key, memory: u64) -> bool {
        let is_oldest = self.holders.first().is_none_or(|oldest| !key.enters && *oldest == key.age);
        !is_oldest && self.used() + memory > share
    }

    /// Whether nobody of it will leave or give something back without being told to.
    pub(super) fn is_stuck(&self) -> bool {
        self.holders.len() <= self.idle + self.growing + self.leaving
    }

    /// Who has begun first of those that wait.
    pub(super) fn oldest_wish(&self) -> Option<Key> {
        let (grows, enters) = (Key::grow((0, 0)), Key::enter((0, 0)));
        let first = |from| self.wishes.range(from..).map(|(key, _)| *key).next();
        first(grows).into_iter().chain(first(enters)).min_by_key(|key| key.age)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.holders.is_empty() && self.wishes.is_empty() && self.extra == 0
    }
}
