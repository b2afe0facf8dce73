//! The machine, and a database of our own on the server.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::time::Instant;

use moltforge_types::{Ambient, Secret};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

use crate::AnyError;

/// What the figures depend on.
pub(crate) fn machine(dir: &Path) -> Result<Vec<(&'static str, String)>, AnyError> {
    let cores = std::thread::available_parallelism()?;
    let profile = if cfg!(debug_assertions) { "dev or ci (figures mean little)" } else { "release" };
    Ok(vec![
        ("machine", format!("{cores} cores, {} {}", std::env::consts::OS, std::env::consts::ARCH)),
        ("profile", profile.to_owned()),
        ("directory", dir.display().to_string()),
        ("fdatasync of 8 KiB, overwriting", fsync(dir)?),
        ("entry", "512 bytes, one per step; 8 steps, then another execution; batches of at most 256".to_owned()),
    ])
}

fn fsync(dir: &Path) -> Result<String, AnyError> {
    let path = dir.join("fsync");
    let mut file = File::create(&path)?;
    let page = [7_u8; 8192];
    file.write_all(&page)?;
    file.sync_all()?;
    let mut micros = Vec::new();
    for _ in 0..300 {
        let begun = Instant::now();
        file.rewind()?;
        file.write_all(&page)?;
        file.sync_data()?;
        micros.push(begun.elapsed().as_micros());
    }
    std::fs::remove_file(path)?;
    micros.sort_unstable();
    Ok(format!("p50 {} us, p99 {} us", micros[150], micros[297]))
}

/// A database that is dropped at the end.
pub(crate) struct Database {
    server: PgConnectOptions,
    url: String,
    name: String,
}

impl Database {
    pub(crate) async fn create(server: &str) -> Result<Self, AnyError> {
        let options: PgConnectOptions = server.parse()?;
        let name = format!("moltforge_steps_{}", Ambient::system().now().as_micros());
        options.connect().await?.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
        let start = server.split('?').next().unwrap_or(server);
        let host = start.rsplit_once('/').map_or(start, |(host, _)| host);
        Ok(Self { server: options, url: format!("{host}/{name}"), name })
    }

    pub(crate) fn url(&self) -> Secret {
        Secret::new(self.url.clone())
    }

    pub(crate) async fn drop(self) -> Result<(), AnyError> {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        self.server.connect().await?.execute(AssertSqlSafe(sql)).await?;
        Ok(())
    }
}
