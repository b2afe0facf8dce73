//! A database of its own for each measurement, gone when it is dropped.

use std::path::{Path, PathBuf};

use moltforge_store::{Location, Store};
use moltforge_testing::TestStore;
use moltforge_types::{Ambient, Secret};
use tempfile::TempDir;

use crate::Failed;
use crate::arguments::Arguments;

/// Where a second process finds the database: a URL has a password, which does not belong into its arguments.
const VARIABLE: &str = "MOLTFORGE_BENCH_DATABASE";

/// One database.
pub(crate) struct Database {
    pub(crate) name: &'static str,
    location: Location,
    // gone after the stores of it
    _kept: Kept,
}

enum Kept {
    Folder {
        _folder: TempDir,
    },
    Server {
        _store: Box<TestStore>,
    },
    /// Another process made it, or it is to stay.
    Elsewhere,
}

impl Database {
    /// Those that are asked for by `--database`: `sqlite`, `postgres` or `both`.
    pub(crate) async fn all(arguments: &Arguments) -> Result<Vec<Self>, Failed> {
        let wanted = arguments.text("database").unwrap_or("sqlite");
        if !["sqlite", "postgres", "both"].contains(&wanted) {
            return Err(format!("--database: expected sqlite, postgres or both, got {wanted:?}").into());
        }
        let mut all = Vec::new();
        if wanted != "postgres" {
            std::fs::create_dir_all(arguments.dir())?;
            let folder = tempfile::tempdir_in(arguments.dir())?;
            let location = Location::Sqlite(folder.path().join("data"));
            let kept = if arguments.text("keep").is_some() {
                eprintln!("kept: {}", folder.keep().display());
                Kept::Elsewhere
            } else {
                Kept::Folder { _folder: folder }
            };
            all.push(Self { name: "SQLite", location, _kept: kept });
        }
        if wanted != "sqlite" {
            let store =
                TestStore::postgres().await.ok_or("PostgreSQL needs MOLTFORGE_TEST_POSTGRES, a server's URL")?;
            let location = store.location();
            all.push(Self { name: "PostgreSQL", location, _kept: Kept::Server { _store: Box::new(store) } });
        }
        Ok(all)
    }

    /// The one that the process before this one made.
    pub(crate) fn handed_on() -> Result<Self, Failed> {
        let text = std::env::var(VARIABLE)?;
        let (name, location) = match text.strip_prefix("sqlite:") {
            Some(path) => ("SQLite", Location::Sqlite(PathBuf::from(path))),
            None => ("PostgreSQL", Location::Postgres(Secret::new(text))),
        };
        Ok(Self { name, location, _kept: Kept::Elsewhere })
    }

    /// What hands it on to a process.
    pub(crate) fn hand_on(&self) -> (&'static str, String) {
        let text = match &self.location {
            Location::Sqlite(path) => format!("sqlite:{}", path.display()),
            Location::Postgres(url) => url.expose().to_owned(),
        };
        (VARIABLE, text)
    }

    pub(crate) async fn open(&self) -> Result<Store, Failed> {
        Ok(Store::open(self.location.clone(), Ambient::system()).await?)
    }

    /// How commits reach the disk.
    pub(crate) fn settings(&self) -> &'static str {
        match self.location {
            Location::Sqlite(_) => "SQLite, WAL, `synchronous=FULL`, one lane",
            Location::Postgres(_) => "PostgreSQL with the server's settings, two lanes",
        }
    }

    /// The folder, on SQLite.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.location {
            Location::Sqlite(path) => Some(path),
            Location::Postgres(_) => None,
        }
    }
}
