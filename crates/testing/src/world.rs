//! A store of its own for each test, on SQLite or on PostgreSQL.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use moltforge_store::{Location, Store};
use moltforge_types::{Ambient, Secret, SeededRandom, TestClock, Timestamp};
use tempfile::TempDir;

use crate::postgres::{self, Database};

/// An open store and what it lives in; both go away with it.
#[derive(Debug)]
pub struct TestStore {
    /// Which database: `sqlite` or `postgres`.
    pub backend: &'static str,
    store: Store,
    location: Location,
    clock: Arc<TestClock>,
    ambient: Ambient,
    // dropped after the store
    folder: Option<TempDir>,
    database: Option<Database>,
}

/// What a conformance behaviour runs on.
pub type World = TestStore;

impl Deref for TestStore {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestStore {
    /// The store, as services take it.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// Where it lives.
    pub fn location(&self) -> Location {
        self.location.clone()
    }

    /// Its time, randomness and identities: seeded, and a clock that moves only when told to.
    pub fn ambient(&self) -> Ambient {
        self.ambient.clone()
    }

    /// Its clock, which starts at 2026-01-01T00:00:00Z.
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// The database's URL, on PostgreSQL.
    pub fn url(&self) -> Option<Secret> {
        self.database.as_ref().map(Database::url)
    }

    /// The data folder, on SQLite.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(TempDir::path)
    }

    /// A new SQLite store.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let location = Location::Sqlite(folder.path().to_path_buf());
        Self::open("sqlite", location, Some(folder), None).await
    }

    /// A new PostgreSQL store, or `None` when no server is given (and none is required).
    pub async fn postgres() -> Option<Self> {
        let database = postgres::database().await?;
        let location = Location::Postgres(database.url());
        Some(Self::open("postgres", location, None, Some(database)).await)
    }

    async fn open(
        backend: &'static str,
        location: Location,
        folder: Option<TempDir>,
        database: Option<Database>,
    ) -> Self {
        let clock = Arc::new(TestClock::new(Timestamp::from_micros(1_767_225_600_000_000)));
        let ambient = Ambient::new(clock.clone(), Arc::new(SeededRandom::new(1)));
        let store = Store::open(location.clone(), ambient.clone()).await.expect("the store opens");
        Self { backend, store, location, clock, ambient, folder, database }
    }
}

/// A new SQLite store in a temporary folder.
pub async fn store_sqlite() -> TestStore {
    TestStore::sqlite().await
}

/// A new store on every database that is given: SQLite always, PostgreSQL by `MOLTFORGE_TEST_POSTGRES`.
pub async fn stores() -> Vec<TestStore> {
    let mut stores = vec![TestStore::sqlite().await];
    stores.extend(TestStore::postgres().await);
    stores
}

/// Whether a missing backend fails a test instead of being skipped: `MOLTFORGE_TEST_REQUIRE=1`.
pub fn required() -> bool {
    std::env::var("MOLTFORGE_TEST_REQUIRE").is_ok_and(|value| value == "1")
}

/// Makes a test per behaviour (`async fn name(world: &World)`) of this module and database.
///
/// ```ignore
/// moltforge_testing::worlds! { an_agent_is_found_by_name, a_name_is_unique }
/// ```
#[macro_export]
macro_rules! worlds {
    ($($behaviour:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$behaviour(&$crate::World::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                if let Some(world) = $crate::World::postgres().await {
                    super::$behaviour(&world).await;
                }
            })+
        }
    };
}
