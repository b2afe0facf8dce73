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

/// The catalogues differ. Every table with the first column of its primary key.
const FIRST_KEY_COLUMNS: Sql = Sql::pair(
    "SELECT m.name || '.' || COALESCE((SELECT p.name FROM pragma_table_info(m.name) p WHERE p.pk = 1), '') AS text \
     FROM sqlite_schema m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name",
    "SELECT c.relname || '.' || COALESCE((SELECT a.attname FROM pg_index i \
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] \
     WHERE i.indrelid = c.oid AND i.indisprimary), '') AS text \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = current_schema() AND c.relkind = 'r' ORDER BY c.relname COLLATE \"C\"",
);

/// Tables whose primary key does not begin with the project, and why.
const OF_NO_PROJECT: [(&str, &str); 8] = [
    ("installation", "secrets of the whole installation"),
    ("organisation", "stands above projects"),
    ("node", "a process, which serves all projects"),
    ("lane", "a part of a node"),
    ("shard", "who owns it; executions of all projects are in it"),
    ("journal", "numbered per shard; read by an execution's id once its row was found in the project or by its owner"),
    ("message", "read by the owner of its shard; it names its project"),
    ("migration", "the schema's own history"),
];

/// Files with statements that do not compare the project, and why.
const ACROSS_PROJECTS: [(&str, &str); 8] = [
    ("credentials.rs", "a secret's hash says which project asks; found are keys, sessions and sign-in codes"),
    ("executions/live.rs", "an owner reads its shards"),
    ("holds.rs", "an owner reads all holds"),
    ("fires/live.rs", "who fires the triggers of its shards"),
    ("journal/archive.rs", "as the journal: read by an execution's id once its row was found"),
    ("projects.rs", "the projects of an organisation"),
    ("retention.rs", "a node's janitor serves all projects"),
    ("triggers/live.rs", "who fires the triggers of its shards; a webhook's URL names its trigger alone"),
];

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_begins_with_the_project() {
    for world in std::iter::once(World::sqlite().await).chain(World::postgres().await) {
        let mut without = Vec::new();
        for text in read(&world, FIRST_KEY_COLUMNS).await {
            let (table, column) = text.split_once('.').unwrap();
            if column != "project_id" {
                without.push(table.to_owned());
            }
        }
        let mut known = OF_NO_PROJECT.map(|(table, _)| table.to_owned());
        known.sort();
        assert_eq!(without, known, "a table of a project has the project first in its key; the others are listed");
    }
}

/// The texts of a source file, without its comments and its tests; a line that goes on is one with the next.
fn literals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.map(str::trim).collect::<Vec<_>>().join("\n");
    let code = code.replace("\\\n", "").replace("\\\"", "");
    code.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Where a statement, or a part of one, touches a table: the word before it, and the table.
fn touched(sql: &str) -> Vec<(&str, &str)> {
    let words: Vec<_> = sql.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
    let pairs = words.windows(2).map(|pair| (pair[0], pair[1]));
    pairs.filter(|(verb, _)| ["FROM", "INTO", "UPDATE", "JOIN"].contains(verb)).collect()
}

fn sources(folder: &std::path::Path, into: &mut Vec<std::path::PathBuf>) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() && !path.ends_with("tests") {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            into.push(path);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_compares_the_project() {
    let world = World::sqlite().await;
    let keys = read(&world, FIRST_KEY_COLUMNS).await;
    let of_projects: Vec<_> = keys.iter().filter_map(|text| text.strip_suffix(".project_id")).collect();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let (mut seen, mut across) = (0, std::collections::BTreeSet::new());
    for file in files {
        let name = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        for sql in literals(&std::fs::read_to_string(&file).unwrap()) {
            let mut touched = touched(&sql);
            touched.retain(|(_, table)| of_projects.contains(table));
            if touched.is_empty() {
                continue;
            }
            seen += 1;
            // a new row says whose it is, rows that are there are looked for among the project's
            let compared = touched.iter().all(|(verb, table)| match *verb {
                "INTO" => sql.contains(&format!("INTO {table}(project_id")),
                _ => sql.contains("project_id = "),
            });
            if !compared {
                let known = ACROSS_PROJECTS.iter().any(|(file, _)| *file == name);
                assert!(known, "{name}: a statement without its project: {sql}");
                across.insert(name.clone());
            }
        }
    }
    assert!(seen > 40, "the source was not read: {seen}");
    assert_eq!(across.len(), ACROSS_PROJECTS.len(), "no longer without the project: only {across:?} are");
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
