//! The seam itself: values there and back, errors by kind, reading without a transaction.

use moltforge_store::Error;
use moltforge_testing::World;
use moltforge_types::Fault as _;

moltforge_testing::worlds! { values_round_trip, a_taken_key_is_a_unique_error, a_missing_row_is_a_reference_error, reads_do_not_write, a_dropped_transaction_is_undone, a_nul_is_refused, the_database_answers }

const MAKE: [&str; 2] = [
    "CREATE TABLE seam (name TEXT PRIMARY KEY, number BIGINT, flag BIGINT, body TEXT)",
    "CREATE TABLE seam_child (name TEXT NOT NULL REFERENCES seam(name))",
];

async fn make(world: &World) {
    let mut tx = world.begin().await.unwrap();
    for sql in MAKE {
        tx.query(sql).execute().await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn insert(world: &World, name: &str) -> Result<(), Error> {
    let mut tx = world.begin().await?;
    tx.query("INSERT INTO seam(name, number, flag) VALUES ($1, $2, $3)")
        .bind(name)
        .bind(u64::from(u32::MAX))
        .bind(true)
        .execute()
        .await?;
    tx.commit().await
}

async fn values_round_trip(world: &World) {
    make(world).await;
    insert(world, "a").await.unwrap();
    let read = world
        .query("SELECT name, number, flag, body FROM seam WHERE name = $1 AND ($2 IS NULL OR number = $2)")
        .bind("a")
        .bind(None::<i64>)
        .all(|row| {
            Ok((
                row.get::<String>("name")?,
                row.get::<u32>("number")?,
                row.get::<bool>("flag")?,
                row.get::<Option<String>>("body")?,
            ))
        })
        .await
        .unwrap();
    assert_eq!(read, [("a".to_owned(), u32::MAX, true, None)]);
    let error = world.query("SELECT body FROM seam").one(|row| row.get::<String>("body")).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot read seam.body: it is null");
    let error = world.query("SELECT number FROM seam").one(|row| row.get::<i16>("number")).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot read seam.number: 4294967295 is out of range");
}

async fn a_taken_key_is_a_unique_error(world: &World) {
    make(world).await;
    insert(world, "a").await.unwrap();
    assert!(matches!(insert(world, "a").await, Err(Error::Unique { table: "seam" })));
}

async fn a_missing_row_is_a_reference_error(world: &World) {
    make(world).await;
    let mut tx = world.begin().await.unwrap();
    let result = tx.query("INSERT INTO seam_child(name) VALUES ($1)").bind("none").execute().await;
    assert!(matches!(result, Err(Error::Reference { table: "seam_child" })), "{result:?}");
}

async fn reads_do_not_write(world: &World) {
    make(world).await;
    let error = world.query("INSERT INTO seam(name) VALUES ('x')").execute().await.unwrap_err();
    assert_eq!(error.code(), "storage_failed");
    let count = world.query("SELECT count(*) AS n FROM seam").one(|row| row.get::<i64>("n")).await.unwrap();
    assert_eq!(count, 0);
}

async fn a_dropped_transaction_is_undone(world: &World) {
    make(world).await;
    {
        let mut tx = world.begin().await.unwrap();
        tx.query("INSERT INTO seam(name) VALUES ('x')").execute().await.unwrap();
    }
    insert(world, "x").await.unwrap();
    let mut tx = world.begin().await.unwrap();
    tx.query("DELETE FROM seam").execute().await.unwrap();
    tx.rollback().await.unwrap();
    let left = world.query("SELECT name FROM seam").optional(|row| row.get::<String>("name")).await.unwrap();
    assert_eq!(left.as_deref(), Some("x"));
}

async fn a_nul_is_refused(world: &World) {
    make(world).await;
    assert_eq!(insert(world, "a\0b").await.unwrap_err().code(), "text_has_nul");
}

async fn the_database_answers(world: &World) {
    world.ping().await.unwrap();
    world.close().await;
    assert_eq!(world.ping().await.unwrap_err().code(), "storage_unavailable");
}
