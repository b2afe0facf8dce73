//! Forks and replays: what a fork copied is what the original wrote, and every journal is what the engine writes when it is
//! run over it again.

use moltforge_types::journal::Entry;

use super::Told;
use crate::engine::Recorded;
use crate::engine::replay::{Journaled, Options, replay};
use crate::sim::agents;
use crate::sim::state::State;

pub(super) fn check(state: &State, all: &[Told], told: &Told) {
    let id = told.row.execution_id;
    let forked = told.entries.iter().rev().find_map(|(at, _, entry)| match entry {
        Entry::Forked { execution_id, seq, .. } => Some((*at, *execution_id, *seq)),
        _ => None,
    });
    if let Some((at, from, seq)) = forked {
        let original = all.iter().find(|told| told.row.execution_id == from);
        // the first entry says that it is a fork
        let copied = original.map(|original| {
            let (theirs, ours) = (original.stored.iter().skip(1), told.stored.iter().skip(1));
            seq + 1 == at
                && theirs.zip(ours).take(seq as usize - 1).all(|(theirs, ours)| theirs.payload == ours.payload)
        });
        if copied != Some(true) || told.row.forked_from != Some(from) {
            state.violated("fork", format!("{id} is no copy of {from} up to {seq}"));
        }
    }
    let Some(spec) = agents::spec_of(told.row.version_id) else { return };
    let recorded = told.entries.iter().map(|(seq, at, entry)| Recorded { seq: *seq, at: *at, entry: entry.clone() });
    let journal: Vec<_> = recorded
        .zip(&told.stored)
        .map(|(recorded, row)| Journaled { recorded, bytes: row.payload.len() as u64 })
        .collect();
    if let Err(difference) = replay(id, &spec, &journal, Options::default()) {
        let near = |journaled: &&Journaled| journaled.recorded.seq.abs_diff(difference.seq) < 8;
        let journal: Vec<_> = journal.iter().filter(near).map(|journaled| &journaled.recorded).collect();
        state.trace(|| format!("the journal of {id} there: {journal:#?}"));
        state.violated("replay", format!("{id}: {difference:?}"));
    }
}
