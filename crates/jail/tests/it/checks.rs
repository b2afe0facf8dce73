//! What must work inside, and what the server can rely on.

mod cost;
mod groups;
mod layers;
mod life;
mod work;

use std::process::ExitCode;

use crate::Test;
use crate::inmate::Task;

/// What an inmate does instead of an attempt.
pub(crate) type Act = fn(Task<'_>) -> ExitCode;

pub(crate) fn tests() -> Vec<Test> {
    [work::TESTS, layers::TESTS, life::TESTS, groups::TESTS].concat()
}

pub(crate) fn measurements() -> Vec<Test> {
    cost::TESTS.to_vec()
}

pub(crate) fn named(name: &str) -> Option<Act> {
    [work::TASKS, life::TASKS, groups::TASKS].concat().into_iter().find(|(other, _)| *other == name).map(|(_, act)| act)
}
