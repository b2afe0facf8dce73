//! A PostgreSQL database of its own for each test, cloned from a migrated template.

use std::sync::atomic::{AtomicU32, Ordering};

use moltforge_store::{Location, Store};
use moltforge_types::{Ambient, ContentHash, Secret};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection};

/// Where the server is: a superuser's URL of any database of it.
const VARIABLE: &str = "MOLTFORGE_TEST_POSTGRES";

/// One test at a time looks whether the template is there; the number is arbitrary.
const TEMPLATE_LOCK: i64 = 0x6d6f_6c74_7465_7374;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A database that is dropped with this value.
#[derive(Debug)]
pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    pub(crate) fn url(&self) -> Secret {
        Secret::new(with_database(&self.server, &self.name))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // a test's runtime may be gone already, and dropping waits
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = connect(&server).await;
                let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                if let Err(error) = connection.execute(AssertSqlSafe(sql)).await {
                    eprintln!("the test database {name} stays behind: {error}");
                }
                connection.close().await.ok();
            });
            std::io::Result::Ok(())
        });
        dropping.join().ok();
    }
}

/// A fresh, migrated database; `None` when no server is given.
///
/// # Panics
/// When no server is given and `MOLTFORGE_TEST_REQUIRE=1`, or the server cannot be used.
pub(crate) async fn database() -> Option<Database> {
    let Ok(server) = std::env::var(VARIABLE) else {
        assert!(!crate::required(), "{VARIABLE} is not set, and MOLTFORGE_TEST_REQUIRE=1 asks for it");
        println!("skipped on PostgreSQL: {VARIABLE} is not set");
        return None;
    };
    let mut connection = connect(&server).await;
    let template = template(&server, &mut connection).await;
    let seconds = Ambient::system().now().as_micros() / 1_000_000;
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("moltforge_test_{seconds}_{}_{number}", std::process::id());
    let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
    connection.execute(AssertSqlSafe(sql)).await.expect("the template is cloned");
    connection.close().await.ok();
    Some(Database { server, name })
}

/// The migrated template of this program's migrations, made when it is missing.
async fn template(server: &str, connection: &mut PgConnection) -> String {
    let hash = ContentHash::of(moltforge_store::migrations_text().as_bytes()).to_string();
    let name = format!("moltforge_template_{}", &hash[..16]);
    sqlx::query("SELECT pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut *connection).await.expect("locked");
    let ready: Option<bool> = sqlx::query_scalar("SELECT datistemplate FROM pg_database WHERE datname = $1")
        .bind(&name)
        .fetch_optional(&mut *connection)
        .await
        .expect("the catalogue is read");
    if ready != Some(true) {
        sweep(connection).await;
        for sql in [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")] {
            connection.execute(AssertSqlSafe(sql)).await.expect("the template is made");
        }
        let location = Location::Postgres(Secret::new(with_database(server, &name)));
        let store = Store::open(location, Ambient::system()).await.expect("the template is migrated");
        store.close().await;
        // says that it is complete
        let sql = format!("ALTER DATABASE {name} IS_TEMPLATE true");
        connection.execute(AssertSqlSafe(sql)).await.expect("the template is marked");
    }
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(TEMPLATE_LOCK).execute(connection).await.expect("unlocked");
    name
}

/// Drops what killed test runs left behind more than two hours ago.
async fn sweep(connection: &mut PgConnection) {
    let limit = Ambient::system().now().as_micros() / 1_000_000 - 7200;
    let names: Vec<String> =
        sqlx::query_scalar("SELECT datname FROM pg_database WHERE datname LIKE 'moltforge\\_test\\_%'")
            .fetch_all(&mut *connection)
            .await
            .expect("the catalogue is read");
    for name in names {
        let made: Option<i64> = name.split('_').nth(2).and_then(|text| text.parse().ok());
        if made.is_some_and(|made| made < limit) {
            connection.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))).await.ok();
        }
    }
}

async fn connect(server: &str) -> PgConnection {
    let options: PgConnectOptions = server.parse().expect("a PostgreSQL url");
    options.connect().await.expect("the PostgreSQL server answers")
}

/// The same server, another database.
fn with_database(server: &str, name: &str) -> String {
    let (start, query) = server.split_once('?').map_or((server, None), |(start, query)| (start, Some(query)));
    let after_scheme = start.find("://").map_or(0, |at| at + 3);
    let end = start[after_scheme..].find('/').map_or(start.len(), |at| after_scheme + at);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}/{name}{query}", &start[..end])
}
