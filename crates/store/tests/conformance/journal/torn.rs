//! A commit that is cut in the middle: of what SQLite writes to its log for one batch, a part reaches the disk. Whatever
//! part that is, the journal opens, the batch is absent as a whole, everything before it is there, and it can be committed
//! again. PostgreSQL's log is not ours to cut: there the killed processes of `kill.rs` stand alone.

use std::path::Path;
use std::sync::Arc;
use std::{fs, ops::Range};

use moltforge_store::{Location, Store};
use moltforge_types::Ambient;
use tempfile::TempDir;

use super::kill::{batch, own};

/// What a disk writes whole.
const SECTOR: usize = 512;
/// Of every frame of the log: it holds the frame's checksum.
const FRAME_HEADER: usize = 24;
const PAGE: usize = 4096;
/// Of the log: its salt changes when the log begins anew.
const LOG_HEADER: usize = 32;
/// Commits that are cut: the one that makes the log, and those that lengthen it.
const ROUNDS: u64 = 3;

/// The files of a database at one moment.
struct Image {
    database: Vec<u8>,
    log: Vec<u8>,
}

impl Image {
    fn of(folder: &Path) -> Self {
        let read = |name: &str| fs::read(folder.join(name)).unwrap();
        Self { database: read("moltforge.db"), log: read("moltforge.db-wal") }
    }

    /// The same files in a folder of their own.
    fn copy(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("moltforge.db"), &self.database).unwrap();
        fs::write(folder.path().join("moltforge.db-wal"), &self.log).unwrap();
        folder
    }
}

/// The log after a write of which only a part arrived, by what became of the rest.
fn torn(before: &[u8], after: &[u8]) -> Vec<(String, Vec<u8>)> {
    let written = before.len()..after.len();
    let mut all = Vec::new();
    for cut in cuts(&written) {
        all.push((format!("ends at {cut} of {written:?}"), after[..cut].to_vec()));
        // the file has its new length, and nothing behind the cut was written
        let mut zeros = after.to_vec();
        zeros[cut..].fill(0);
        all.push((format!("zeros from {cut} of {written:?}"), zeros));
    }
    for start in written.clone().step_by(5 * SECTOR) {
        // sectors arrive in any order: this one did not
        let mut hole = after.to_vec();
        hole[start..(start + SECTOR).min(written.end)].fill(0);
        all.push((format!("a hole at {start} of {written:?}"), hole));
        let mut flipped = after.to_vec();
        flipped[start] ^= 1;
        all.push((format!("a bit at {start} of {written:?}"), flipped));
    }
    // a sector of zeros is as good as written
    all.retain(|(_, log)| log != after);
    all
}

/// The beginning and the middle of each frame's header and page, and the last byte.
fn cuts(written: &Range<usize>) -> Vec<usize> {
    let frame = FRAME_HEADER + PAGE;
    let starts = (written.start..written.end).step_by(frame);
    let mut cuts: Vec<_> = starts
        .flat_map(|start| [start, start + FRAME_HEADER / 2, start + FRAME_HEADER, start + FRAME_HEADER + PAGE / 2])
        .chain([written.end - 1])
        .filter(|cut| written.contains(cut))
        .collect();
    cuts.dedup();
    cuts
}

async fn open(folder: &Path) -> Store {
    Store::open(Location::Sqlite(folder.to_owned()), Ambient::system()).await.unwrap()
}

/// Before and after the commit of a round: nothing but that commit lies between them.
async fn commit(store: &Store, folder: &Path, round: &mut u64) -> (Image, Image) {
    loop {
        // the takeover is the write before the commit
        let (token, stored) = own(store, &Ambient::system()).await;
        let before = Image::of(folder);
        *round = stored + 1;
        store.journal().unwrap().commit(Arc::new(batch(token, *round, &Ambient::system()))).await.unwrap();
        let after = Image::of(folder);
        // a checkpoint may have let the log begin anew: then this is no moment to compare
        let same = before.log.len() >= LOG_HEADER && before.log[..LOG_HEADER] == after.log[..LOG_HEADER];
        if same && before.log.len() < after.log.len() && after.log.starts_with(&before.log) {
            return (before, after);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_commit_is_absent_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let store = open(&data).await;
    let mut round = 0;
    for _ in 0..ROUNDS {
        let (before, after) = commit(&store, &data, &mut round).await;
        let whole = Image { database: before.database.clone(), log: after.log.clone() };
        assert_eq!(stored(&whole, "nothing is missing").await, round);
        let all = torn(&before.log, &after.log);
        assert!(all.len() > 50, "{}", all.len());
        for (how, log) in all {
            let image = Image { database: before.database.clone(), log };
            assert_eq!(stored(&image, &how).await, round - 1, "{how}");
        }
    }
    store.close().await;
}

/// The last round that is there after the files were opened; every part of it is, and the next one can be committed.
async fn stored(image: &Image, how: &str) -> u64 {
    let folder = image.copy();
    let store = open(folder.path()).await;
    let check = "SELECT integrity_check AS text FROM pragma_integrity_check LIMIT 1";
    assert_eq!(store.query(check).one(|row| row.get::<String>("text")).await.unwrap(), "ok", "{how}");
    let (token, round) = own(&store, &Ambient::system()).await;
    store.journal().unwrap().commit(Arc::new(batch(token, round + 1, &Ambient::system()))).await.unwrap();
    let (_, next) = own(&store, &Ambient::system()).await;
    assert_eq!(next, round + 1, "{how}: it can be committed again");
    store.close().await;
    round
}
