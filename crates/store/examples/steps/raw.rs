//! What the drivers give for the same rows without what makes them a journal.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use async_trait::async_trait;
use moltforge_types::Secret;
use rusqlite::{Connection, params};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _, PgConnection, Row as _};
use tokio::sync::{Mutex, oneshot};

use crate::AnyError;
use crate::full::payload;
use crate::load::Committer;

/// As many as the journal's side has.
const EXECUTIONS: usize = 20_000;

/// The text of an id, as long as a real one.
fn id(number: usize) -> String {
    format!("exe_{number:026}")
}

type Job = (Vec<(usize, u64)>, oneshot::Sender<rusqlite::Result<()>>);

/// A rusqlite thread that inserts and commits.
pub(crate) struct Sqlite {
    jobs: mpsc::Sender<Job>,
    file: std::path::PathBuf,
    seqs: Arc<Mutex<Vec<u64>>>,
}

impl Sqlite {
    pub(crate) fn open(file: &Path) -> Result<Self, AnyError> {
        let connection = Connection::open(file)?;
        connection.execute_batch(
            "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -65536; \
             CREATE TABLE journal (lsn INTEGER PRIMARY KEY, shard INTEGER NOT NULL, execution_id TEXT NOT NULL, \
             seq INTEGER NOT NULL, kind INTEGER NOT NULL, at INTEGER NOT NULL, payload BLOB NOT NULL) STRICT; \
             CREATE UNIQUE INDEX journal_execution ON journal (execution_id, seq);",
        )?;
        let (jobs, queue) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            while let Ok((rows, answer)) = queue.recv() {
                answer.send(insert(&connection, &rows)).ok();
            }
        });
        let checkpointer = Connection::open(file)?;
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_millis(500));
                let log = checkpointer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(1));
                // the file is gone when the program ends
                let Ok(log) = log else { return };
                if log > 16_384 && checkpointer.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).is_err() {
                    return;
                }
            }
        });
        Ok(Self { jobs, file: file.to_path_buf(), seqs: Arc::new(Mutex::new(vec![0; EXECUTIONS])) })
    }

    pub(crate) fn committer(&self) -> Box<dyn Committer> {
        Box::new(SqliteCommitter { jobs: self.jobs.clone(), seqs: self.seqs.clone() })
    }

    pub(crate) fn settings(&self) -> Result<String, AnyError> {
        let connection = Connection::open(&self.file)?;
        let version: String = connection.query_row("SELECT sqlite_version()", [], |row| row.get(0))?;
        Ok(format!("SQLite {version}, WAL, synchronous=FULL, own checkpointer, rusqlite on a thread, 1 lane"))
    }
}

fn insert(connection: &Connection, rows: &[(usize, u64)]) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let sql = "INSERT INTO journal(shard, execution_id, seq, kind, at, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut statement = connection.prepare_cached(sql)?;
    for (number, seq) in rows {
        let shard = u8::try_from(number % 256).unwrap_or(0);
        statement.execute(params![shard, id(*number), i64::try_from(*seq).unwrap_or(0), 3, 0, payload(*seq)])?;
    }
    connection.prepare_cached("COMMIT")?.execute([]).map(|_| ())
}

struct SqliteCommitter {
    jobs: mpsc::Sender<Job>,
    seqs: Arc<Mutex<Vec<u64>>>,
}

async fn numbered(seqs: &Mutex<Vec<u64>>, numbers: &[usize]) -> Vec<(usize, u64)> {
    let mut seqs = seqs.lock().await;
    let next = |number: &usize| {
        seqs[*number] += 1;
        (*number, seqs[*number])
    };
    numbers.iter().map(next).collect()
}

#[async_trait]
impl Committer for SqliteCommitter {
    fn executions(&self) -> usize {
        EXECUTIONS
    }

    async fn commit(&mut self, numbers: &[usize]) -> Result<(), AnyError> {
        let rows = numbered(&self.seqs, numbers).await;
        let (answer, done) = oneshot::channel();
        self.jobs.send((rows, answer)).map_err(|_| "the raw thread has ended")?;
        Ok(done.await??)
    }
}

/// Connections that insert with one statement per batch.
pub(crate) struct Postgres {
    options: PgConnectOptions,
    admin: Mutex<PgConnection>,
    lanes: std::sync::Mutex<Vec<Arc<Mutex<Vec<u64>>>>>,
    next_lsn: Arc<std::sync::atomic::AtomicI64>,
}

impl Postgres {
    pub(crate) async fn open(url: &Secret) -> Result<Self, AnyError> {
        let options: PgConnectOptions = url.expose().parse()?;
        let mut admin = options.connect().await?;
        admin
            .execute(
                "CREATE TABLE raw_journal (shard BIGINT NOT NULL, lsn BIGINT NOT NULL, \
                 execution_id TEXT COLLATE \"C\" NOT NULL, seq BIGINT NOT NULL, kind BIGINT NOT NULL, \
                 at BIGINT NOT NULL, payload BYTEA NOT NULL, PRIMARY KEY (shard, lsn))",
            )
            .await?;
        admin.execute("CREATE UNIQUE INDEX raw_journal_execution ON raw_journal (execution_id, seq)").await?;
        Ok(Self { options, admin: Mutex::new(admin), lanes: std::sync::Mutex::default(), next_lsn: Arc::default() })
    }

    pub(crate) async fn committers(&self, lanes: usize) -> Result<Vec<Box<dyn Committer>>, AnyError> {
        let mut committers: Vec<Box<dyn Committer>> = Vec::new();
        for lane in 0..lanes {
            let seqs = {
                let mut known = self.lanes.lock().map_err(|_| "poisoned")?;
                while known.len() <= lane {
                    known.push(Arc::new(Mutex::new(vec![0; EXECUTIONS / lanes])));
                }
                known[lane].clone()
            };
            let connection = self.options.connect().await?;
            committers.push(Box::new(PostgresCommitter { lane, connection, seqs, next_lsn: self.next_lsn.clone() }));
        }
        Ok(committers)
    }

    /// So that each run pays for its own full-page images.
    pub(crate) async fn checkpoint(&self) -> Result<(), AnyError> {
        self.admin.lock().await.execute("CHECKPOINT").await?;
        Ok(())
    }

    pub(crate) async fn settings(&self) -> Result<String, AnyError> {
        let rows = sqlx::query(
            "SELECT name, setting FROM pg_settings WHERE name IN ('server_version', 'fsync', 'synchronous_commit', \
             'wal_sync_method', 'full_page_writes', 'shared_buffers', 'max_wal_size') ORDER BY name",
        )
        .fetch_all(&mut *self.admin.lock().await)
        .await?;
        let all: Vec<_> =
            rows.iter().map(|row| format!("{}={}", row.get::<String, _>(0), row.get::<String, _>(1))).collect();
        let warning = if all.iter().any(|one| one == "fsync=off") { " (NOT DURABLE: fsync is off)" } else { "" };
        Ok(format!("{}, 2 lanes, sqlx{warning}", all.join(", ")))
    }
}

struct PostgresCommitter {
    lane: usize,
    connection: PgConnection,
    seqs: Arc<Mutex<Vec<u64>>>,
    next_lsn: Arc<std::sync::atomic::AtomicI64>,
}

#[async_trait]
impl Committer for PostgresCommitter {
    fn executions(&self) -> usize {
        EXECUTIONS / 2
    }

    async fn commit(&mut self, numbers: &[usize]) -> Result<(), AnyError> {
        let rows = numbered(&self.seqs, numbers).await;
        let count = i64::try_from(rows.len())?;
        let first = self.next_lsn.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
        let numbers: Vec<i64> = rows.iter().map(|(number, _)| i64::try_from(*number).unwrap_or(0)).collect();
        sqlx::query(
            "INSERT INTO raw_journal(shard, lsn, execution_id, seq, kind, at, payload) \
             SELECT * FROM unnest($1::int8[], $2::int8[], $3::text[], $4::int8[], $5::int8[], $6::int8[], $7::bytea[])",
        )
        .bind(numbers.iter().map(|number| number % 256).collect::<Vec<_>>())
        .bind((first..first + count).collect::<Vec<_>>())
        .bind(rows.iter().map(|(number, _)| id(number * 2 + self.lane)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, seq)| i64::try_from(*seq).unwrap_or(0)).collect::<Vec<_>>())
        .bind(vec![3_i64; rows.len()])
        .bind(vec![0_i64; rows.len()])
        .bind(rows.iter().map(|(_, seq)| payload(*seq)).collect::<Vec<_>>())
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }
}
