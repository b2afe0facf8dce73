//! One lane's committer: its connection, its counters, and what happens when the connection breaks.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgQueryResult};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::time::timeout;
use tracing::Instrument as _;

use super::statement::{FIRES, arguments, fires, signed, text};
use crate::error::Error;
use crate::journal::batch::{Batch, LaneToken};
use crate::journal::{CommitError, Side};
use crate::sql::{ACQUIRE_LIMIT, STATEMENT_LIMIT, Value, classify};

pub(super) struct Lane {
    options: PgConnectOptions,
    open: Option<Open>,
}

/// A connection that is at rest between two statements.
struct Open {
    connection: PgConnection,
    /// The incarnation that it was opened for.
    incarnation: i64,
    /// Its number; the lane's row names the latest one.
    number: i64,
    /// The next `lsn` of each shard, read when this connection was already the only one that may write.
    next: HashMap<u16, i64>,
}

/// Fails with a division by zero when the fence is lost, as a batch's statement does.
const FENCE: &str = "WITH fence AS MATERIALIZED (SELECT 1 FROM lane \
    WHERE node_id = $1 AND lane = $2 AND incarnation = $3 AND connection = $4 FOR SHARE) \
    SELECT 1 / (SELECT count(*) FROM fence)";

/// How one attempt went.
enum Attempt {
    Done(Result<(), CommitError>),
    /// A counter was behind: read them again.
    Stale,
    /// The connection broke on the way, and with it the answer.
    Unknown(Error),
}

impl Lane {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { options, open: None }
    }

    pub(super) async fn commit(&mut self, batch: &Batch) -> Result<(), CommitError> {
        let span = tracing::debug_span!("commit", lane = batch.token.lane, entries = batch.entries.len());
        async {
            for _ in 0..2 {
                let mut open = match self.open.take() {
                    Some(open) if open.incarnation == batch.token.incarnation => open,
                    _ => self.connect(batch.token).await?,
                };
                match open.attempt(batch).await {
                    Attempt::Done(result) => {
                        self.open = Some(open);
                        return result;
                    }
                    Attempt::Stale => {
                        open.next.clear();
                        self.open = Some(open);
                    }
                    Attempt::Unknown(error) => {
                        drop(open);
                        return self.resolve(batch, error).await;
                    }
                }
            }
            Err(CommitError::Mismatch("somebody else numbers the entries of a shard of this lane".to_owned()))
        }
        .instrument(span)
        .await
    }

    /// Opens a connection and makes it the lane's only one: waits for what an earlier one still does, and what it
    /// has not begun fails at the fence.
    async fn connect(&self, token: LaneToken) -> Result<Open, CommitError> {
        let connect = async {
            let mut connection = self.options.connect().await?;
            let number: Option<i64> = sqlx::query_scalar(
                "UPDATE lane SET connection = connection + 1 \
                 WHERE node_id = $1 AND lane = $2 AND incarnation = $3 RETURNING connection",
            )
            .bind(token.node_id.to_string())
            .bind(i64::from(token.lane))
            .bind(token.incarnation)
            .fetch_optional(&mut connection)
            .await?;
            Ok((connection, number))
        };
        let (connection, number) =
            limited(ACQUIRE_LIMIT + STATEMENT_LIMIT, connect).await.map_err(CommitError::Unavailable)?;
        let number = number.ok_or(CommitError::Fenced)?;
        Ok(Open { connection, incarnation: token.incarnation, number, next: HashMap::new() })
    }

    /// Finds out whether a batch landed whose answer was lost. Does not give up: until it is known, every answer
    /// could be a lie.
    async fn resolve(&mut self, batch: &Batch, error: Error) -> Result<(), CommitError> {
        tracing::warn!(error = %error, "a commit's answer was lost; looking whether it landed");
        let mut pause = Duration::from_millis(20);
        loop {
            match self.look(batch).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(CommitError::Unavailable(error)),
                Err(CommitError::Unavailable(_)) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                Err(other) => return Err(other),
            }
        }
    }

    async fn look(&mut self, batch: &Batch) -> Result<bool, CommitError> {
        let mut open = self.connect(batch.token).await?;
        let Some(entry) = batch.entries.first() else { return Ok(false) };
        let look = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM journal WHERE execution_id = $1 AND seq = $2")
            .bind(entry.execution_id.to_string())
            .bind(signed(entry.seq))
            .fetch_one(&mut open.connection);
        let found = limited(STATEMENT_LIMIT, look).await.map_err(CommitError::Unavailable)?;
        self.open = Some(open);
        Ok(found > 0)
    }
}

impl Open {
    async fn attempt(&mut self, batch: &Batch) -> Attempt {
        // reads: when they fail, nothing was sent
        if let Err(error) = self.load_counters(batch).await {
            return Attempt::Unknown(error);
        }
        let mut next = self.next.clone();
        let mut lsns = Vec::with_capacity(batch.entries.len());
        for entry in &batch.entries {
            let lsn = next.entry(entry.shard).or_insert(1);
            lsns.push(*lsn);
            *lsn += 1;
        }
        let arguments = match arguments(batch, self.number, lsns) {
            Ok(arguments) => arguments,
            Err(error) => return Attempt::Done(Err(CommitError::Mismatch(error.to_string()))),
        };
        match timeout(STATEMENT_LIMIT, self.send(batch, arguments)).await {
            Ok(Ok(done)) if done.rows_affected() == batch.entries.len() as u64 => {
                self.next = next;
                Attempt::Done(Ok(()))
            }
            Ok(Ok(done)) => Attempt::Done(Err(CommitError::Mismatch(format!(
                "{} of {} entries were written",
                done.rows_affected(),
                batch.entries.len()
            )))),
            Ok(Err(error)) => self.failed(batch, error).await,
            Err(_) => Attempt::Unknown(Error::Timeout),
        }
    }

    /// Sends a batch. With rows beside the journal it is a transaction of several statements, which the first one
    /// fences: its lock on the lane is held to the end.
    async fn send(&mut self, batch: &Batch, arguments: PgArguments) -> Result<PgQueryResult, sqlx::Error> {
        if batch.rows.is_empty() {
            return sqlx::query_with(text(batch), arguments).execute(&mut self.connection).await;
        }
        let mut tx = self.connection.begin().await?;
        if batch.entries.is_empty() {
            // nothing of the first statement would ask for the fence
            sqlx::query(FENCE)
                .bind(batch.token.node_id.to_string())
                .bind(i64::from(batch.token.lane))
                .bind(batch.token.incarnation)
                .bind(self.number)
                .execute(&mut *tx)
                .await?;
        }
        let done = sqlx::query_with(text(batch), arguments).execute(&mut *tx).await?;
        // there may be very many: one round trip for all
        if let Some(all) = fires(&batch.rows).map_err(sqlx::Error::Encode)? {
            sqlx::query_with(FIRES, all).execute(&mut *tx).await?;
        }
        for row in batch.rows.iter().filter(|row| !matches!(row, Side::Fire(_))) {
            let (sql, values) = row.statement();
            let mut query = sqlx::query(sql);
            for value in values {
                query = match value {
                    Value::Integer(number) => query.bind(number),
                    Value::Text(text) => query.bind(text),
                    Value::Blob(bytes) => query.bind(bytes),
                };
            }
            query.execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(done)
    }

    async fn load_counters(&mut self, batch: &Batch) -> Result<(), Error> {
        let mut missing: Vec<i64> = batch
            .entries
            .iter()
            .filter(|entry| !self.next.contains_key(&entry.shard))
            .map(|entry| i64::from(entry.shard))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        missing.sort_unstable();
        missing.dedup();
        let read = sqlx::query_as::<_, (i64, i64)>(
            "SELECT s.shard, greatest((SELECT max(j.lsn) FROM journal j WHERE j.shard = s.shard), \
             (SELECT h.lsn FROM shard h WHERE h.shard = s.shard), 0) + 1 FROM unnest($1::int8[]) s(shard)",
        )
        .bind(missing)
        .fetch_all(&mut self.connection);
        for (shard, next) in limited(STATEMENT_LIMIT, read).await? {
            self.next.insert(u16::try_from(shard).unwrap_or(u16::MAX), next);
        }
        Ok(())
    }

    async fn failed(&mut self, batch: &Batch, error: sqlx::Error) -> Attempt {
        let Some(database) = error.as_database_error() else {
            return Attempt::Unknown(classify(error, "journal"));
        };
        let code = database.code().unwrap_or_default().into_owned();
        match code.as_str() {
            "22012" => match self.fenced(batch.token).await {
                Ok(true) => Attempt::Done(Err(CommitError::Fenced)),
                Ok(false) => {
                    let names: Vec<_> = batch.folds.iter().map(|fold| fold.execution_id.to_string()).collect();
                    Attempt::Done(Err(CommitError::Mismatch(format!(
                        "one of {} does not stand where the batch begins",
                        names.join(", ")
                    ))))
                }
                Err(error) => Attempt::Unknown(error),
            },
            "23505" => match database.constraint() {
                Some("journal_pkey") => Attempt::Stale,
                Some("execution_idempotency") => Attempt::Done(Err(CommitError::Duplicate)),
                _ => Attempt::Done(Err(CommitError::Mismatch(database.message().to_owned()))),
            },
            // the server ends the connection; a commit that waits for a standby is already written by then
            code if code.starts_with("57P") || code.starts_with("08") => Attempt::Unknown(classify(error, "journal")),
            _ => Attempt::Done(Err(CommitError::Unavailable(classify(error, "journal")))),
        }
    }

    async fn fenced(&mut self, token: LaneToken) -> Result<bool, Error> {
        let look = sqlx::query_scalar::<_, i64>(
            "SELECT count(*) FROM lane WHERE node_id = $1 AND lane = $2 AND incarnation = $3 AND connection = $4",
        )
        .bind(token.node_id.to_string())
        .bind(i64::from(token.lane))
        .bind(token.incarnation)
        .bind(self.number)
        .fetch_one(&mut self.connection);
        Ok(limited(STATEMENT_LIMIT, look).await? == 0)
    }
}

async fn limited<T>(limit: Duration, call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Error> {
    match timeout(limit, call).await {
        Ok(result) => result.map_err(|error| classify(error, "journal")),
        Err(_) => Err(Error::Timeout),
    }
}
