//! `approval`, as commits write it.

use moltforge_store::{ApprovalChange, ApprovalFilter, ApprovalRow, Side};
use moltforge_testing::World;
use moltforge_types::approval::ApprovalState;
use moltforge_types::execution::State;
use moltforge_types::{ApprovalId, ExecutionId, Timestamp};

use crate::fixture::{Owner, columns};

moltforge_testing::worlds! { approvals_are_written_with_the_journal, pages_follow_their_indexes }

pub(crate) fn row(world: &World, owner: &Owner, execution_id: ExecutionId) -> ApprovalRow {
    ApprovalRow {
        project_id: owner.project_id,
        approval_id: world.ambient().id(),
        execution_id,
        agent_id: owner.agent_id,
        agent_name: "refund".to_owned(),
        version: 3,
        step: 2,
        tool: "bank.refund".to_owned(),
        arguments: "{\"amount\":120}".to_owned(),
        call_sha256: "ab".repeat(32),
        state: ApprovalState::Pending,
        approvers: "[\"finance\"]".to_owned(),
        expires_at: Timestamp::from_micros(90),
        on_expiry: "reject".to_owned(),
        escalate_at: Some(Timestamp::from_micros(50)),
        escalate_to: "[\"board\"]".to_owned(),
        escalated_at: None,
        created_at: Timestamp::from_micros(10),
        decided_at: None,
        decided_by: None,
        note: None,
        edited_arguments: None,
        answer: None,
        carried_out_at: None,
    }
}

async fn approvals_are_written_with_the_journal(world: &World) {
    let owner = Owner::new(world).await;
    let mut batch = owner.batch();
    let execution = owner.start(world, &mut batch, 1, columns(State::Suspended)).execution_id;
    let mut wanted = row(world, &owner, execution);
    batch.rows.push(Side::Approval(Box::new(wanted.clone())));
    owner.commit(batch).await.unwrap();
    let mut approvals = world.approvals(owner.project_id);
    assert_eq!(approvals.find(wanted.approval_id).await.unwrap(), Some(wanted.clone()));
    assert_eq!(approvals.count_pending(10).await.unwrap(), 1);
    assert_eq!(world.approvals(world.ambient().id()).find(wanted.approval_id).await.unwrap(), None);

    let moved = |execution_id, change| Side::ApprovalMoved {
        project_id: owner.project_id,
        approval_id: wanted.approval_id,
        execution_id,
        change: Box::new(change),
    };
    let state = Some(ApprovalState::Approved);
    let decided = ApprovalChange {
        state,
        decided_at: Some(Timestamp::from_micros(20)),
        decided_by: Some("key_1".to_owned()),
        edited_arguments: Some("{\"amount\":60}".to_owned()),
        ..ApprovalChange::default()
    };
    let mut batch = owner.batch();
    let other = owner.start(world, &mut batch, 1, columns(State::Suspended)).execution_id;
    // a fork knows the id of a request that is not its own
    batch.rows.push(moved(other, ApprovalChange { state: Some(ApprovalState::Reopened), ..ApprovalChange::default() }));
    batch.rows.push(moved(execution, decided));
    let carried_out_at = Some(Timestamp::from_micros(21));
    batch.rows.push(moved(execution, ApprovalChange { carried_out_at, ..ApprovalChange::default() }));
    owner.commit(batch).await.unwrap();
    wanted = ApprovalRow {
        state: ApprovalState::Approved,
        decided_at: Some(Timestamp::from_micros(20)),
        decided_by: Some("key_1".to_owned()),
        edited_arguments: Some("{\"amount\":60}".to_owned()),
        carried_out_at,
        ..wanted
    };
    assert_eq!(approvals.find(wanted.approval_id).await.unwrap(), Some(wanted.clone()));
    assert_eq!(approvals.count_pending(10).await.unwrap(), 0);
    // what began has begun
    let mut batch = owner.batch();
    let other = owner.start(world, &mut batch, 1, columns(State::Suspended)).execution_id;
    let pending = row(world, &owner, other);
    batch.rows.push(Side::Approval(Box::new(pending.clone())));
    for (execution_id, at) in [(execution, 77), (other, 77)] {
        let (project_id, at) = (owner.project_id, Timestamp::from_micros(at));
        batch.rows.push(Side::ApprovalCarriedOut { project_id, execution_id, step: 2, at });
    }
    owner.commit(batch).await.unwrap();
    assert_eq!(approvals.find(wanted.approval_id).await.unwrap().unwrap().carried_out_at, carried_out_at);
    assert_eq!(approvals.find(pending.approval_id).await.unwrap(), Some(pending), "nobody has decided");
}

async fn pages_follow_their_indexes(world: &World) {
    let owner = Owner::new(world).await;
    let mut batch = owner.batch();
    let one = owner.start(world, &mut batch, 1, columns(State::Suspended)).execution_id;
    let two = owner.start(world, &mut batch, 1, columns(State::Suspended)).execution_id;
    let mut ids: Vec<ApprovalId> = Vec::new();
    for execution in [one, one, two] {
        world.clock().advance(std::time::Duration::from_millis(2));
        let row = row(world, &owner, execution);
        ids.push(row.approval_id);
        batch.rows.push(Side::Approval(Box::new(row)));
    }
    owner.commit(batch).await.unwrap();
    ids.reverse();
    let list = async |filter, limit| {
        let rows = world.approvals(owner.project_id).list(filter, limit).await.unwrap();
        rows.into_iter().map(|row| row.approval_id).collect::<Vec<_>>()
    };
    let all = ApprovalFilter::default();
    assert_eq!(list(all, 2).await, ids[..2]);
    assert_eq!(list(ApprovalFilter { before: Some(ids[1]), ..all }, 9).await, ids[2..]);
    let pending = ApprovalFilter { state: Some(ApprovalState::Pending), ..all };
    assert_eq!(list(pending, 9).await, ids);
    assert_eq!(list(ApprovalFilter { agent_id: Some(world.ambient().id()), ..pending }, 9).await, []);
    assert_eq!(list(ApprovalFilter { state: Some(ApprovalState::Expired), ..all }, 9).await, []);
    assert_eq!(list(ApprovalFilter { execution_id: Some(two), ..all }, 9).await, ids[..1]);
    assert_eq!(list(ApprovalFilter { execution_id: Some(one), ..pending }, 9).await, ids[1..]);
}
