//! A journal that lets the process "die" at one chosen commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use moltforge_store::{Batch, CommitError, Journal, Membership, Reads};
use moltforge_types::journal::Entry;
use tokio::sync::{Notify, oneshot};

/// Where the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// Nothing of the commit is written.
    Before,
    /// All of it is written, and nobody in the process hears of it.
    After,
    /// The commit arrives long after another node has taken over.
    Late,
}

/// At which commit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At {
    /// This one, from 1.
    Number(u64),
    /// The first one with such an entry.
    Entry(fn(&Entry) -> bool),
}

pub(crate) struct Faulty {
    inner: Arc<dyn Journal>,
    plan: Option<(At, Death)>,
    commits: AtomicU64,
    is_dead: AtomicBool,
    died: Arc<Notify>,
    /// Lets the late commit go.
    release: Arc<Notify>,
    late: std::sync::Mutex<Option<oneshot::Sender<Result<(), CommitError>>>>,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn Journal>, plan: Option<(At, Death)>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            plan,
            commits: AtomicU64::new(0),
            is_dead: AtomicBool::new(false),
            died: Arc::default(),
            release: Arc::default(),
            late: std::sync::Mutex::default(),
        })
    }

    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }

    /// Prepares to hear of the late commit's outcome.
    pub(crate) fn expect_late(&self) -> oneshot::Receiver<Result<(), CommitError>> {
        let (sender, receiver) = oneshot::channel();
        *self.late.lock().expect("not poisoned") = Some(sender);
        receiver
    }

    pub(crate) fn release(&self) {
        self.release.notify_one();
    }

    /// Whether the process dies at this commit. It dies once.
    fn dies(&self, number: u64, batch: &Batch) -> Option<Death> {
        let (at, death) = self.plan?;
        let planned = match at {
            At::Number(at) => number == at,
            At::Entry(wanted) => batch.entries.iter().any(|entry| {
                let entry: Entry = serde_json::from_slice(&entry.payload).expect("an entry");
                wanted(&entry)
            }),
        };
        (planned && !self.is_dead.swap(true, Ordering::SeqCst)).then_some(death)
    }
}

#[async_trait]
impl Journal for Faulty {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), CommitError> {
        let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        match self.dies(number, &batch) {
            Some(death) => {
                match death {
                    Death::Before => {}
                    Death::After => self.inner.commit(batch).await.expect("it lands"),
                    Death::Late => {
                        let (inner, release) = (self.inner.clone(), self.release.clone());
                        let heard = self.late.lock().expect("not poisoned").take().expect("expected");
                        // a task of its own: it outlives the owner, as a packet in the network would
                        tokio::spawn(async move {
                            release.notified().await;
                            let _ = heard.send(inner.commit(batch).await);
                        });
                    }
                }
                self.died.notify_one();
                std::future::pending().await
            }
            None => self.inner.commit(batch).await,
        }
    }

    fn reads(&self) -> &dyn Reads {
        self.inner.reads()
    }

    fn membership(&self) -> &dyn Membership {
        self.inner.membership()
    }
}
