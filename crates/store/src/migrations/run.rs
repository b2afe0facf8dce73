//! Bringing a database up to this program's migrations.

use std::time::Duration;

use moltforge_types::{Ambient, ContentHash};
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::{ALL, Migration};
use crate::error::Error;
use crate::sql::{Db, Tx, classify};

/// `moltforg` in ASCII: the advisory lock of migrations, per PostgreSQL database.
const LOCK: i64 = 0x6d6f_6c74_666f_7267;

/// How often, and how long apart, to ask for the lock. Asking with a blocking call would hold a snapshot while it
/// waits, and whoever builds an index concurrently under the lock would wait for that snapshot: a deadlock.
const TRIES: u32 = 150;
const PAUSE: Duration = Duration::from_millis(200);

/// Applies what is missing. Nothing is touched when the database is newer, or holds another text of a migration.
pub(crate) async fn run(db: &Db, ambient: &Ambient) -> Result<(), Error> {
    match db {
        // the data folder's lock is held: nobody else migrates
        Db::Sqlite(_) => apply(db, ambient, |migration| migration.sqlite).await,
        Db::Postgres(postgres) => {
            let mut connection =
                postgres.write.acquire().await.map_err(|error| classify(error, "(connection)"))?.detach();
            let locked = lock(&mut connection).await;
            let result = match locked {
                Ok(()) => apply(db, ambient, |migration| migration.postgres).await,
                Err(error) => Err(error),
            };
            // the lock goes with its session
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "the migration's connection did not close cleanly");
            }
            result
        }
    }
}

async fn lock(connection: &mut PgConnection) -> Result<(), Error> {
    for _ in 0..TRIES {
        let taken: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| classify(error, "(advisory lock)"))?;
        if taken {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Error::Busy("another process is migrating the database".into()))
}

async fn apply(db: &Db, ambient: &Ambient, text: impl Fn(&Migration) -> &'static str) -> Result<(), Error> {
    let mut tx = Tx::begin(db, ambient.clone()).await?;
    let mut done = Vec::new();
    if exists(&mut tx).await? {
        done = tx
            .query("SELECT number, checksum FROM migration ORDER BY number")
            .all(|row| Ok((row.get::<i64>("number")?, row.get::<String>("checksum")?)))
            .await?;
    }
    check(&done, &text)?;
    let missing: Vec<_> = ALL.iter().filter(|known| !done.iter().any(|(number, _)| *number == known.number)).collect();
    if missing.is_empty() {
        return tx.rollback().await;
    }
    if done.is_empty() {
        tx.query(
            "CREATE TABLE IF NOT EXISTS migration (number BIGINT PRIMARY KEY, name TEXT NOT NULL, \
             checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)",
        )
        .execute()
        .await?;
    }
    tx.commit().await?;
    for migration in missing {
        apply_one(db, ambient, migration, text(migration)).await.map_err(|source| Error::Migration {
            number: migration.number,
            name: migration.name,
            source: Box::new(source),
        })?;
        tracing::info!(number = migration.number, name = migration.name, "migration applied");
    }
    Ok(())
}

/// Refuses a database that this program must not touch.
fn check(done: &[(i64, String)], text: &impl Fn(&Migration) -> &'static str) -> Result<(), Error> {
    let known = ALL.last().map_or(0, |migration| migration.number);
    if let Some((found, _)) = done.last().filter(|(number, _)| *number > known) {
        return Err(Error::DatabaseNewer { found: *found, known });
    }
    for migration in ALL {
        let applied = done.iter().find(|(number, _)| *number == migration.number);
        if applied.is_some_and(|(_, checksum)| *checksum != checksum_of(text(migration))) {
            return Err(Error::MigrationChanged { number: migration.number, name: migration.name });
        }
    }
    Ok(())
}

async fn apply_one(db: &Db, ambient: &Ambient, migration: &Migration, text: &'static str) -> Result<(), Error> {
    let mut tx = Tx::begin(db, ambient.clone()).await?;
    tx.script(text).await?;
    let now = tx.now();
    tx.query("INSERT INTO migration(number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)")
        .bind(migration.number)
        .bind(migration.name)
        .bind(checksum_of(text))
        .bind(now)
        .execute()
        .await?;
    tx.commit().await
}

async fn exists(tx: &mut Tx) -> Result<bool, Error> {
    tx.query(TABLE_EXISTS).one(|row| row.get::<bool>("found")).await
}

/// Each database has its own catalogue.
const TABLE_EXISTS: crate::sql::Sql = crate::sql::Sql::pair(
    "SELECT count(*) AS found FROM sqlite_schema WHERE type = 'table' AND name = 'migration'",
    "SELECT count(*) AS found FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = 'migration'",
);

fn checksum_of(text: &str) -> String {
    ContentHash::of(text.as_bytes()).to_string()
}

impl Tx {
    /// Several statements in one text, without parameters.
    async fn script(&mut self, text: &'static str) -> Result<(), Error> {
        match &mut self.inner {
            crate::sql::Inner::Sqlite(tx) => tx.execute(sqlx::raw_sql(text)).await.map(|_| ()),
            crate::sql::Inner::Postgres(tx) => {
                // an index of a large table takes longer than a statement of the program may
                tx.execute("SET LOCAL statement_timeout = 0").await.map_err(|error| classify(error, "(settings)"))?;
                tx.execute(sqlx::raw_sql(text)).await.map(|_| ())
            }
        }
        .map_err(|error| classify(error, "(migration)"))
    }
}
