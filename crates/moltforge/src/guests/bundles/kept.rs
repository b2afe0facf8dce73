//! Programs in memory: those that were used last, each read once however many guests want it at the same time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use moltforge_execution::guests::{Bundle, Image};
use moltforge_types::ProjectId;
use tokio::sync::Semaphore;

/// Bytes of programs that are kept in memory.
const KEPT: usize = 64 << 20;

/// The project, the hash of the bundle, and the file that is run.
pub(super) type Key = (ProjectId, String, String);

/// The programs that were used last.
#[derive(Default)]
pub(super) struct Kept {
    programs: Mutex<Programs>,
    /// Of programs that are being read.
    turns: Mutex<HashMap<Key, Arc<Semaphore>>>,
}

impl Kept {
    /// The program, read by `read` unless it is there or somebody else reads it. What fails is kept for nobody.
    pub(super) async fn find_or<E>(
        &self,
        key: Key,
        read: impl Future<Output = Result<Bundle, E>>,
    ) -> Result<Arc<Bundle>, E> {
        if let Some(known) = self.programs().find(&key) {
            return Ok(known);
        }
        let turn = Arc::clone(self.turns().entry(key.clone()).or_insert_with(|| Arc::new(Semaphore::new(1))));
        // it is never closed
        let first = turn.acquire().await.ok();
        let known = self.programs().find(&key);
        let found = match known {
            Some(known) => Ok(known),
            None => read.await.map(Arc::new).inspect(|bundle| self.programs().add(key, Arc::clone(bundle))),
        };
        drop(first);
        drop(turn);
        // those of whoever gave up go as well
        self.turns().retain(|_, turn| Arc::strong_count(turn) > 1);
        found
    }

    fn programs(&self) -> MutexGuard<'_, Programs> {
        self.programs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<Key, Arc<Semaphore>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last one that was used is at the end.
#[derive(Default)]
struct Programs {
    all: VecDeque<(Key, Arc<Bundle>)>,
    bytes: usize,
}

impl Programs {
    fn find(&mut self, key: &Key) -> Option<Arc<Bundle>> {
        let at = self.all.iter().position(|(known, _)| known == key)?;
        let found = self.all.remove(at)?;
        let bundle = Arc::clone(&found.1);
        self.all.push_back(found);
        Some(bundle)
    }

    fn add(&mut self, key: Key, bundle: Arc<Bundle>) {
        self.bytes += bytes(&bundle);
        self.all.push_back((key, bundle));
        while self.bytes > KEPT
            && let Some((_, oldest)) = self.all.pop_front()
        {
            self.bytes -= bytes(&oldest);
        }
    }
}

/// About how much memory it takes.
fn bytes(bundle: &Bundle) -> usize {
    let files: usize = bundle.files.iter().map(|file| file.name.len() + file.text.len()).sum();
    let component = if let Image::Component { bytes, .. } = &bundle.image { bytes.len() } else { 0 };
    files + component + 1024
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::join_all;
    use moltforge_execution::guests::SourceFile;
    use moltforge_types::Id as _;

    use super::*;

    fn bundle(bytes: usize) -> Bundle {
        let file = SourceFile { name: "agent.js".into(), text: "x".repeat(bytes).into() };
        Bundle { image: Image::JavaScript, files: vec![file], entry: "agent.js".to_owned() }
    }

    fn key(n: u128) -> Key {
        (ProjectId::from_u128(n), "hash".to_owned(), "agent.js".to_owned())
    }

    #[test]
    fn what_was_used_last_is_kept() {
        let mut kept = Programs::default();
        for n in 1..=3 {
            kept.add(key(n), Arc::new(bundle(KEPT / 4)));
        }
        assert!(kept.find(&key(1)).is_some());
        kept.add(key(4), Arc::new(bundle(KEPT / 4)));
        let there: Vec<_> = (1..=4).filter(|n| kept.find(&key(*n)).is_some()).collect();
        assert_eq!(there, [1, 3, 4], "the second one was used least lately");
        kept.add(key(5), Arc::new(bundle(2 * KEPT)));
        assert!(kept.all.is_empty() && kept.bytes == 0, "one that is too large is not kept");
    }

    #[tokio::test]
    async fn many_who_want_a_program_read_it_once() {
        let (kept, reads) = (Kept::default(), AtomicU32::new(0));
        let read = async || {
            reads.fetch_add(1, Ordering::Relaxed);
            // others come meanwhile
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(bundle(1))
        };
        let found = join_all((0..100).map(|_| kept.find_or(key(1), read()))).await;
        assert!(found.iter().all(Result::is_ok));
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        assert!(kept.turns().is_empty());
    }

    #[tokio::test]
    async fn what_could_not_be_read_is_read_by_the_next_one() {
        let kept = Kept::default();
        let (failed, read) = tokio::join!(
            kept.find_or(key(1), async { Err("no") }),
            kept.find_or(key(1), async { Ok::<_, &str>(bundle(1)) })
        );
        assert!(failed == Err("no") && read.is_ok());
        // whoever gives up while it reads keeps nobody from it
        let gives_up = kept.find_or(key(2), std::future::pending::<Result<Bundle, &str>>());
        assert!(tokio::time::timeout(std::time::Duration::ZERO, gives_up).await.is_err());
        assert!(kept.find_or(key(2), async { Ok::<_, &str>(bundle(1)) }).await.is_ok());
    }
}
