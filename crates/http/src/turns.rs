//! Turns of projects: what takes much memory happens a few times at once in each, and no project waits for another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use moltforge_types::ProjectId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Projects that are remembered though nothing happens in them.
const IDLE: usize = 1024;

/// The turns of all projects.
#[derive(Debug)]
pub struct Turns {
    at_once: usize,
    projects: Mutex<HashMap<ProjectId, Arc<Semaphore>>>,
}

impl Turns {
    /// So many at once in each project.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self { at_once, projects: Mutex::default() }
    }

    /// Waits for a turn, which lasts until the answer is dropped. Never nothing: these semaphores are not closed.
    pub async fn enter(&self, project_id: ProjectId) -> Option<OwnedSemaphorePermit> {
        self.of(project_id).acquire_owned().await.ok()
    }

    fn of(&self, project_id: ProjectId) -> Arc<Semaphore> {
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        if projects.len() >= IDLE {
            projects.retain(|_, turns| Arc::strong_count(turns) > 1);
        }
        Arc::clone(projects.entry(project_id).or_insert_with(|| Arc::new(Semaphore::new(self.at_once))))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use moltforge_types::Id as _;

    use super::*;

    fn project(n: usize) -> ProjectId {
        ProjectId::from_u128(n as u128)
    }

    #[test]
    fn a_project_takes_turns_and_keeps_nobody_waiting() {
        let turns = Turns::new(2);
        let (first, second) = (turns.enter(project(1)).now_or_never(), turns.enter(project(1)).now_or_never());
        assert!(first.is_some() && second.is_some());
        assert!(turns.enter(project(1)).now_or_never().is_none());
        for other in 2..2 * IDLE {
            assert!(turns.enter(project(other)).now_or_never().is_some());
        }
        assert!(turns.projects.lock().unwrap().len() <= IDLE, "others are forgotten");
        assert!(turns.enter(project(1)).now_or_never().is_none(), "this one is not");
        drop(first);
        assert!(turns.enter(project(1)).now_or_never().is_some());
    }
}
