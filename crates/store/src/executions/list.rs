//! What a page of executions reads: a statement per shape of filter, each along one index, and no more bytes than a page
//! may have.

use moltforge_types::ExecutionId;
use moltforge_types::execution::State;

use super::{ExecutionFilter, select};

/// A page ends early when its inputs and outputs have more bytes than this together.
const PAGE_BYTES: i64 = 4 * 1024 * 1024;

/// One statement of a list. Parameters: project, before, agent, state, limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    All,
    Agent,
    State(State),
}

/// What a filter reads, to be merged.
pub(super) fn shapes(filter: ExecutionFilter<'_>) -> impl Iterator<Item = Shape> {
    let plain = filter.states.is_empty().then(|| if filter.agent_id.is_some() { Shape::Agent } else { Shape::All });
    // in the order of the states, each once
    let states = State::ALL.iter().filter(move |state| filter.states.contains(state));
    plain.into_iter().chain(states.map(|state| Shape::State(*state)))
}

macro_rules! all {
    () => {
        "WHERE e.project_id = $1 AND ($2 IS NULL OR e.execution_id < $2) AND $3 IS NULL AND $4 IS NULL \
         ORDER BY e.execution_id DESC LIMIT $5"
    };
}

macro_rules! agent {
    () => {
        "WHERE e.project_id = $1 AND e.agent_id = $3 AND ($2 IS NULL OR e.execution_id < $2) AND $4 IS NULL \
         ORDER BY e.execution_id DESC LIMIT $5"
    };
}

macro_rules! state {
    () => {
        "WHERE e.project_id = $1 AND e.state = $4 AND ($2 IS NULL OR e.execution_id < $2) \
         AND ($3 IS NULL OR e.agent_id = $3) ORDER BY e.execution_id DESC LIMIT $5"
    };
}

macro_rules! sizes {
    ($rest:expr) => {
        concat!(
            "SELECT e.execution_id, octet_length(i.input) + COALESCE(octet_length(e.output), 0) AS size \
             FROM execution e \
             JOIN execution_input i ON i.project_id = e.project_id AND i.execution_id = e.execution_id ",
            $rest
        )
    };
}

impl Shape {
    /// Identities and sizes alone.
    pub(super) const fn sizes(self) -> &'static str {
        match self {
            Self::All => sizes!(all!()),
            Self::Agent => sizes!(agent!()),
            Self::State(_) => sizes!(state!()),
        }
    }

    /// Whole rows.
    pub(super) const fn rows(self) -> &'static str {
        match self {
            Self::All => select!(all!()),
            Self::Agent => select!(agent!()),
            Self::State(_) => select!(state!()),
        }
    }
}

/// The beginning that fits a page, and whether something is left.
pub(super) fn fitting<T>(sizes: &[(ExecutionId, i64, T)], limit: usize) -> (&[(ExecutionId, i64, T)], bool) {
    let mut bytes = 0_i64;
    let mut count = 0;
    for (_, size, _) in sizes.iter().take(limit) {
        bytes = bytes.saturating_add(*size);
        if count > 0 && bytes > PAGE_BYTES {
            break;
        }
        count += 1;
    }
    (&sizes[..count], sizes.len() > count)
}

#[cfg(test)]
mod tests {
    use moltforge_types::Id as _;

    use super::*;

    #[test]
    fn a_page_is_bounded_by_count_and_by_bytes() {
        let sizes =
            |sizes: &[i64]| -> Vec<_> { sizes.iter().map(|size| (ExecutionId::from_u128(1), *size, ())).collect() };
        let counted = |list: &[i64], limit| {
            let list = sizes(list);
            let (kept, more) = fitting(&list, limit);
            (kept.len(), more)
        };
        assert_eq!(counted(&[], 2), (0, false));
        assert_eq!(counted(&[1, 1], 2), (2, false));
        assert_eq!(counted(&[1, 1, 1], 2), (2, true));
        assert_eq!(counted(&[PAGE_BYTES, 1], 5), (1, true));
        assert_eq!(counted(&[PAGE_BYTES * 2, 1], 5), (1, true), "one at least");
        assert_eq!(counted(&[PAGE_BYTES - 1, 1, 1], 5), (2, true));
    }
}
