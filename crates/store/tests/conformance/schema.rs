//! Both databases have the same tables, columns, nullability and indexes.

use moltforge_store::Sql;
use moltforge_testing::World;

/// The catalogues differ. Key columns are never null; SQLite does not say so for every kind of key.
const COLUMNS: Sql = Sql::pair(
    "SELECT m.name || '.' || p.name || CASE WHEN p.\"notnull\" = 1 OR p.pk > 0 THEN ' not null' ELSE '' END AS text \
     FROM sqlite_schema m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' \
     ORDER BY m.name, p.name",
    "SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END AS text \
     FROM information_schema.columns WHERE table_schema = current_schema() \
     ORDER BY table_name COLLATE \"C\", column_name COLLATE \"C\"",
);

/// The catalogues differ. Those that belong to a key are named by each database in its own way.
const INDEXES: Sql = Sql::pair(
    "SELECT tbl_name || '.' || name || CASE WHEN sql LIKE '%UNIQUE%' THEN ' unique' ELSE '' END AS text \
     FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1",
    "SELECT text FROM (SELECT t.relname || '.' || c.relname || CASE WHEN i.indisunique THEN ' unique' ELSE '' END AS text \
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid \
     JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = current_schema() AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid)) named \
     ORDER BY text COLLATE \"C\"",
);

async fn read(world: &World, sql: Sql) -> Vec<String> {
    world.query(sql).all(|row| row.get("text")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_trees_make_the_same_tables() {
    let Some(postgres) = World::postgres().await else { return };
    let sqlite = World::sqlite().await;
    assert!(read(&sqlite, COLUMNS).await.len() > 20);
    assert_eq!(read(&sqlite, COLUMNS).await, read(&postgres, COLUMNS).await);
    assert_eq!(read(&sqlite, INDEXES).await, read(&postgres, INDEXES).await);
}

#[test]
fn both_trees_hold_the_same_files() {
    let names = |tree: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(tree);
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
    for (number, name) in (1..).zip(names("sqlite")) {
        assert!(name.starts_with(&format!("{number:04}_")), "{name} is not number {number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_sqlite_file_has_its_settings() {
    let world = World::sqlite().await;
    let pragma = async |sql| world.query(sql).one(|row| row.get::<i64>("value")).await.unwrap();
    // 2 is INCREMENTAL: pages that retention frees go back to the file system
    assert_eq!(pragma("SELECT auto_vacuum AS value FROM pragma_auto_vacuum").await, 2);
    let mut tx = world.begin().await.unwrap();
    let full = tx.query("SELECT synchronous AS value FROM pragma_synchronous").one(|row| row.get::<i64>("value")).await;
    assert_eq!(full.unwrap(), 2);
    let journal =
        tx.query("SELECT journal_mode AS value FROM pragma_journal_mode").one(|row| row.get::<String>("value")).await;
    assert_eq!(journal.unwrap(), "wal");
    let keys =
        tx.query("SELECT foreign_keys AS value FROM pragma_foreign_keys").one(|row| row.get::<i64>("value")).await;
    assert_eq!(keys.unwrap(), 1);
}
