use moltforge_types::{Id as _, Timestamp};

use super::*;

fn id(number: u128) -> ExecutionId {
    ExecutionId::from_u128(number)
}

fn columns() -> Columns {
    Columns {
        state: State::Running,
        reason: None,
        attempt: 1,
        wake_at: None,
        waiting_for: None,
        finished_at: None,
        output: None,
        error: None,
        tokens: 0,
    }
}

fn batch(folds: &[(u128, u64, u64)], entries: &[(u128, u64)]) -> Batch {
    let token = LaneToken { node_id: NodeId::from_u128(1), lane: 0, incarnation: 1 };
    let mut batch = Batch::new(token, Timestamp::from_micros(0));
    for (number, prev_seq, last_seq) in folds {
        batch.folds.push(Fold {
            project_id: ProjectId::from_u128(1),
            execution_id: id(*number),
            prev_seq: *prev_seq,
            last_seq: *last_seq,
            columns: columns(),
        });
    }
    for (number, seq) in entries {
        batch.entries.push(NewEntry {
            shard: 0,
            execution_id: id(*number),
            seq: *seq,
            kind: 1,
            at: Timestamp::from_micros(0),
            payload: b"{}".to_vec(),
        });
    }
    batch
}

#[test]
fn a_sound_batch_passes() {
    assert_eq!(batch(&[(1, 3, 5), (2, 1, 2)], &[(1, 4), (2, 2), (1, 5)]).check(), Ok(()));
}

#[test]
fn a_malformed_batch_is_refused() {
    for (case, bad) in [
        ("empty", batch(&[], &[])),
        ("gap", batch(&[(1, 3, 6)], &[(1, 4), (1, 6)])),
        ("missing last", batch(&[(1, 3, 5)], &[(1, 4)])),
        ("too many", batch(&[(1, 3, 4)], &[(1, 4), (1, 5)])),
        ("foreign entry", batch(&[(1, 3, 4)], &[(1, 4), (2, 1)])),
        ("twice", batch(&[(1, 3, 4), (1, 4, 5)], &[(1, 4), (1, 5)])),
        ("nothing new", batch(&[(1, 3, 3), (2, 0, 1)], &[(2, 1)])),
    ] {
        assert!(bad.check().is_err(), "{case}");
    }
    let mut ended = batch(&[(1, 0, 1)], &[(1, 1)]);
    ended.folds[0].columns.state = State::Completed;
    assert!(ended.check().is_err(), "terminal without finished_at");
    let mut nul = batch(&[(1, 0, 1)], &[(1, 1)]);
    nul.folds[0].columns.error = Some("a\0b".to_owned());
    assert!(nul.check().is_err(), "nul");
}

#[test]
fn the_last_write_of_a_key_counts() {
    let mut batch = batch(&[], &[]);
    for (key, value) in [("b", Some("1")), ("a", Some("1")), ("b", None), ("a", Some("2"))] {
        batch.writes.push(StateRow {
            project_id: ProjectId::from_u128(1),
            agent_id: AgentId::from_u128(1),
            key: key.to_owned(),
            value: value.map(str::to_owned),
            execution_id: id(1),
            at: Timestamp::from_micros(0),
        });
    }
    let last: Vec<_> = batch.last_writes().into_iter().map(|row| (row.key.as_str(), row.value.as_deref())).collect();
    assert_eq!(last, [("a", Some("2")), ("b", None)]);
}
