//! The statement of a batch, with and without its rarer parts.
//!
//! A division by zero (22012) aborts it when the fence is lost or a fold does not fit; nothing is written then. The
//! guard names the fence as well as the folds, or a batch that folds no execution would pass unfenced.

use moltforge_types::Timestamp;
use moltforge_types::execution::Reason;
use sqlx::Arguments as _;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;

use crate::fires::NewFire;
use crate::journal::Side;
use crate::journal::batch::{Batch, Columns};

macro_rules! commit {
    ($($part:expr),*) => {
        concat!(
            "WITH fence AS MATERIALIZED (SELECT 1 FROM lane \
             WHERE node_id = $1 AND lane = $2 AND incarnation = $3 AND connection = $4 FOR SHARE), \
             fold AS (UPDATE execution e SET last_seq = u.last_seq, updated_at = $5, state = u.state, \
             reason = u.reason, attempt = u.attempt, wake_at = u.wake_at, waiting_for = u.waiting_for, \
             finished_at = u.finished_at, output = u.output, error = u.error, tokens = u.tokens \
             FROM unnest($6::text[], $7::text[], $8::int8[], $9::int8[], $10::text[], $11::text[], $12::int8[], \
             $13::int8[], $14::text[], $15::int8[], $16::text[], $17::text[], $18::int8[]) \
             u(project_id, execution_id, prev_seq, last_seq, state, reason, attempt, wake_at, waiting_for, \
             finished_at, output, error, tokens) \
             WHERE e.project_id = u.project_id AND e.execution_id = u.execution_id AND e.last_seq = u.prev_seq \
             AND EXISTS (SELECT 1 FROM fence) RETURNING 1), \
             good AS MATERIALIZED (SELECT 1 / (CASE WHEN (SELECT count(*) FROM fold) = cardinality($7::text[]) \
             AND EXISTS (SELECT 1 FROM fence) THEN 1 ELSE 0 END) AS one)",
            $($part,)*
            " INSERT INTO journal(shard, lsn, execution_id, seq, kind, at, payload) \
             SELECT t.* FROM good, unnest($19::int8[], $20::int8[], $21::text[], $22::int8[], $23::int8[], \
             $24::int8[], $25::bytea[]) t"
        )
    };
}

macro_rules! starts {
    () => {
        ", start AS (INSERT INTO execution(project_id, execution_id, shard, agent_id, agent_name, version_id, \
         version, environment, idempotency_key, request_hash, deadline, created_at, last_seq, state, reason, attempt, \
         wake_at, waiting_for, finished_at, output, error, tokens, trigger, trigger_id, chain_depth, priority, \
         concurrency_key, parent_id, root_id, forked_from, updated_at) \
         SELECT t.*, $5 FROM good, unnest($26::text[], $27::text[], $28::int8[], $29::text[], $30::text[], \
         $31::text[], $32::int8[], $33::text[], $34::text[], $35::text[], $36::int8[], $37::int8[], $38::int8[], \
         $39::text[], $40::text[], $41::int8[], $42::int8[], $43::text[], $44::int8[], $45::text[], $46::text[], \
         $47::int8[], $48::text[], $49::text[], $50::int8[], $51::int8[], $52::text[], $53::text[], $54::text[], \
         $55::text[]) t), \
         input AS (INSERT INTO execution_input(project_id, execution_id, input) \
         SELECT t.* FROM good, unnest($26::text[], $27::text[], $56::text[]) t)"
    };
}

macro_rules! writes {
    () => {
        ", put AS (INSERT INTO state(project_id, agent_id, key, value, execution_id, updated_at) \
         SELECT t.* FROM good, unnest($57::text[], $58::text[], $59::text[], $60::text[], $61::text[], $62::int8[]) \
         t(project_id, agent_id, key, value, execution_id, updated_at) WHERE t.value IS NOT NULL \
         ON CONFLICT (project_id, agent_id, key) DO UPDATE SET value = excluded.value, \
         execution_id = excluded.execution_id, updated_at = excluded.updated_at), \
         gone AS (DELETE FROM state s USING good, unnest($57::text[], $58::text[], $59::text[], $60::text[]) \
         t(project_id, agent_id, key, value) WHERE t.value IS NULL \
         AND s.project_id = t.project_id AND s.agent_id = t.agent_id AND s.key = t.key)"
    };
}

/// The text for a batch: what it does not need is not planned or run.
pub(super) fn text(batch: &Batch) -> &'static str {
    match (batch.starts.is_empty(), batch.writes.is_empty()) {
        (true, true) => commit!(),
        (false, true) => commit!(starts!()),
        (true, false) => commit!(writes!()),
        (false, false) => commit!(starts!(), writes!()),
    }
}

/// Its parameters. `connection` is the lane's number for this connection, `lsns` the numbers of the entries.
pub(super) fn arguments(batch: &Batch, connection: i64, lsns: Vec<i64>) -> Result<PgArguments, BoxDynError> {
    let mut to = PgArguments::default();
    to.add(batch.token.node_id.to_string())?;
    to.add(i64::from(batch.token.lane))?;
    to.add(batch.token.incarnation)?;
    to.add(connection)?;
    to.add(batch.at.as_micros())?;
    let folds = &batch.folds;
    to.add(each(folds, |fold| fold.project_id.to_string()))?;
    to.add(each(folds, |fold| fold.execution_id.to_string()))?;
    to.add(each(folds, |fold| signed(fold.prev_seq)))?;
    to.add(each(folds, |fold| signed(fold.last_seq)))?;
    columns(&mut to, &folds.iter().map(|fold| &fold.columns).collect::<Vec<_>>())?;
    let entries = &batch.entries;
    to.add(each(entries, |entry| i64::from(entry.shard)))?;
    to.add(lsns)?;
    to.add(each(entries, |entry| entry.execution_id.to_string()))?;
    to.add(each(entries, |entry| signed(entry.seq)))?;
    to.add(each(entries, |entry| i64::from(entry.kind)))?;
    to.add(each(entries, |entry| entry.at.as_micros()))?;
    to.add(each(entries, |entry| entry.payload.as_slice()))?;
    if !batch.starts.is_empty() || !batch.writes.is_empty() {
        starts(&mut to, batch)?;
    }
    if !batch.writes.is_empty() {
        writes(&mut to, batch)?;
    }
    Ok(to)
}

/// In the order of both statements: state, reason, attempt, wake_at, waiting_for, finished_at, output, error, tokens.
fn columns(to: &mut PgArguments, all: &[&Columns]) -> Result<(), BoxDynError> {
    to.add(each(all, |columns| columns.state.as_str()))?;
    to.add(each(all, |columns| columns.reason.map(Reason::as_str)))?;
    to.add(each(all, |columns| i64::from(columns.attempt)))?;
    to.add(each(all, |columns| columns.wake_at.map(Timestamp::as_micros)))?;
    to.add(each(all, |columns| columns.waiting_for.clone()))?;
    to.add(each(all, |columns| columns.finished_at.map(Timestamp::as_micros)))?;
    to.add(each(all, |columns| columns.output.clone()))?;
    to.add(each(all, |columns| columns.error.clone()))?;
    to.add(each(all, |columns| signed(columns.tokens)))
}

fn starts(to: &mut PgArguments, batch: &Batch) -> Result<(), BoxDynError> {
    let starts = &batch.starts;
    to.add(each(starts, |start| start.project_id.to_string()))?;
    to.add(each(starts, |start| start.execution_id.to_string()))?;
    to.add(each(starts, |start| i64::from(start.shard)))?;
    to.add(each(starts, |start| start.agent_id.to_string()))?;
    to.add(each(starts, |start| start.agent_name.clone()))?;
    to.add(each(starts, |start| start.version_id.to_string()))?;
    to.add(each(starts, |start| i64::from(start.version)))?;
    to.add(each(starts, |start| start.environment.clone()))?;
    to.add(each(starts, |start| start.idempotency_key.clone()))?;
    to.add(each(starts, |start| start.request_hash.clone()))?;
    to.add(each(starts, |start| start.deadline.map(Timestamp::as_micros)))?;
    to.add(each(starts, |start| start.created_at.as_micros()))?;
    to.add(each(starts, |start| signed(start.last_seq)))?;
    columns(to, &starts.iter().map(|start| &start.columns).collect::<Vec<_>>())?;
    to.add(each(starts, |start| start.trigger.clone()))?;
    to.add(each(starts, |start| start.origin.trigger_id.map(|id| id.to_string())))?;
    to.add(each(starts, |start| i64::from(start.origin.chain_depth)))?;
    to.add(each(starts, |start| i64::from(start.origin.effective_priority())))?;
    to.add(each(starts, |start| start.origin.concurrency_key.clone()))?;
    to.add(each(starts, |start| start.origin.parent.as_ref().map(|parent| parent.execution_id.to_string())))?;
    to.add(each(starts, |start| start.origin.parent.as_ref().map(|parent| parent.root_id.to_string())))?;
    to.add(each(starts, |start| start.origin.forked_from.as_ref().map(|fork| fork.execution_id.to_string())))?;
    to.add(each(starts, |start| start.input.clone()))
}

fn writes(to: &mut PgArguments, batch: &Batch) -> Result<(), BoxDynError> {
    let rows = batch.last_writes();
    to.add(each(&rows, |row| row.project_id.to_string()))?;
    to.add(each(&rows, |row| row.agent_id.to_string()))?;
    to.add(each(&rows, |row| row.key.clone()))?;
    to.add(each(&rows, |row| row.value.clone()))?;
    to.add(each(&rows, |row| row.execution_id.to_string()))?;
    to.add(each(&rows, |row| row.at.as_micros()))
}

/// Writes all fires of a batch at once.
pub(super) const FIRES: &str = "INSERT INTO fire(project_id, trigger_id, fire_key, shard, state, planned_at, \
    chain_depth, context, created_at) SELECT project_id, trigger_id, fire_key, shard, 'pending', planned_at, \
    chain_depth, context, created_at FROM unnest($1::text[], $2::text[], $3::text[], $4::int8[], $5::int8[], \
    $6::int8[], $7::text[], $8::int8[]) \
    t(project_id, trigger_id, fire_key, shard, planned_at, chain_depth, context, created_at) \
    ON CONFLICT (project_id, trigger_id, fire_key) DO NOTHING";

/// The arguments of [`FIRES`], if there are any.
pub(super) fn fires(rows: &[Side]) -> Result<Option<PgArguments>, BoxDynError> {
    let all: Vec<&NewFire> =
        rows.iter().filter_map(|row| if let Side::Fire(fire) = row { Some(fire) } else { None }).collect();
    if all.is_empty() {
        return Ok(None);
    }
    let mut to = PgArguments::default();
    to.add(each(&all, |fire| fire.project_id.to_string()))?;
    to.add(each(&all, |fire| fire.trigger_id.to_string()))?;
    to.add(each(&all, |fire| fire.fire_key.as_str()))?;
    to.add(each(&all, |fire| i64::from(fire.shard)))?;
    to.add(each(&all, |fire| fire.planned_at.as_micros()))?;
    to.add(each(&all, |fire| i64::from(fire.chain_depth)))?;
    to.add(each(&all, |fire| fire.context.as_str()))?;
    to.add(each(&all, |fire| fire.created_at.as_micros()))?;
    Ok(Some(to))
}

fn each<'a, T, U>(rows: &'a [T], column: impl Fn(&'a T) -> U) -> Vec<U> {
    rows.iter().map(column).collect()
}

/// The batch's check made sure that it fits.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
