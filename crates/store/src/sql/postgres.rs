//! Connecting to PostgreSQL.

use std::time::Duration;

use moltforge_types::Secret;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgPool};

use super::{ACQUIRE_LIMIT, classify};
use crate::error::Error;

/// Connections of each of the two pools. The journal's lanes have their own.
const CONNECTIONS: u32 = 8;

/// An idle connection is taken to be alive for so long.
const TRUSTED: Duration = Duration::from_secs(1);

/// A PostgreSQL database.
#[derive(Debug, Clone)]
pub(crate) struct PostgresDb {
    /// For transactions.
    pub(crate) write: PgPool,
    /// `default_transaction_read_only`.
    pub(super) read: PgPool,
    /// For connections apart from the pools.
    pub(crate) options: Box<PgConnectOptions>,
}

/// What every connection of ours asks the server for.
fn options(url: &Secret) -> Result<PgConnectOptions, Error> {
    let options: PgConnectOptions = url.expose().parse().map_err(|_: sqlx::Error| {
        // the driver's text could quote the url with its password
        Error::Url("expected postgres://user:password@host:port/database".into())
    })?;
    Ok(options.application_name("moltforge").options([
        ("statement_timeout", "10s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("client_min_messages", "warning"),
    ]))
}

/// A pool that writes and a pool that cannot.
pub(crate) async fn connect(url: &Secret) -> Result<PostgresDb, Error> {
    // one that was in use a moment ago is not asked first whether it still answers: that would be another round trip
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_LIMIT)
        .test_before_acquire(false)
        .before_acquire(|connection, state| {
            Box::pin(async move {
                // an error closes it, and another one is opened
                if state.idle_for >= TRUSTED { connection.ping().await.map(|()| true) } else { Ok(true) }
            })
        });
    let options = options(url)?;
    let write = pool.clone().connect_with(options.clone()).await.map_err(|error| classify(error, "(connection)"))?;
    let read = pool.connect_lazy_with(options.clone().options([("default_transaction_read_only", "on")]));
    Ok(PostgresDb { write, read, options: Box::new(options) })
}

/// The same database, for one who sends a statement now and then: connections are opened when they are needed. A second
/// one may stand in for one that hangs.
pub(crate) fn apart(options: &PgConnectOptions) -> PostgresDb {
    let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(ACQUIRE_LIMIT);
    let lazy = || pool.clone().connect_lazy_with(options.clone());
    PostgresDb { write: lazy(), read: lazy(), options: Box::new(options.clone()) }
}

impl PostgresDb {
    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}
