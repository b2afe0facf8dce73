//! Requests that asked to wait for an end (`Prefer: wait`). They hold no slot of those that are at work, and one principal
//! cannot take all places.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::HeaderMap;

use crate::config::LimitsConfig;
use crate::error::Error;

/// Who waits.
pub(crate) struct Waiting {
    all: usize,
    each: usize,
    by: Mutex<By>,
}

#[derive(Default)]
struct By {
    all: usize,
    each: HashMap<u128, usize>,
}

/// One place; free again when it is dropped.
pub(crate) struct Place<'a> {
    waiting: &'a Waiting,
    principal: u128,
}

impl Waiting {
    pub(crate) fn new(limits: &LimitsConfig) -> Self {
        Self { all: limits.waiting, each: limits.waiting_per_key, by: Mutex::default() }
    }

    /// A place for one more request of this principal.
    pub(crate) fn enter(&self, principal: u128) -> Result<Place<'_>, Error> {
        let mut by = self.lock();
        let mine = by.each.get(&principal).copied().unwrap_or(0);
        if mine >= self.each {
            return Err(Error::TooManyWaiting(self.each));
        }
        if by.all >= self.all {
            return Err(Error::Overloaded);
        }
        by.all += 1;
        by.each.insert(principal, mine + 1);
        Ok(Place { waiting: self, principal })
    }

    fn lock(&self) -> MutexGuard<'_, By> {
        self.by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut by = self.waiting.lock();
        by.all = by.all.saturating_sub(1);
        if let Some(mine) = by.each.get_mut(&self.principal) {
            *mine -= 1;
            if *mine == 0 {
                by.each.remove(&self.principal);
            }
        }
    }
}

/// Whether a request asks to be answered later.
pub(crate) fn asks_to_wait(headers: &HeaderMap) -> bool {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .any(|part| part.trim().starts_with("wait="))
}
