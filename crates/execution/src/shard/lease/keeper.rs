//! The thread that renews a lease.

use moltforge_store::Apart;
use tokio::sync::oneshot;

use super::Terms;

/// Ends the thread when it is dropped.
pub(super) struct Keeper {
    _stop: oneshot::Sender<()>,
}

impl Keeper {
    /// Starts it. `None` when the machine has no thread for it: the lease is then renewed where it is waited for.
    pub(super) fn start(apart: Apart, terms: Terms) -> Option<Self> {
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("lease".to_owned());
        match thread.spawn(move || run(apart, &terms, stopped)) {
            Ok(_detached) => Some(Self { _stop: stop }),
            Err(error) => {
                tracing::warn!(%error, "no thread for the lease: it is renewed beside everything else");
                None
            }
        }
    }
}

fn run(apart: Apart, terms: &Terms, stopped: oneshot::Receiver<()>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the lease cannot be renewed");
            return terms.authority.end();
        }
    };
    runtime.block_on(async {
        let membership = apart();
        let renewals = async {
            while terms.authority.holds() {
                terms.renew(&*membership).await;
                tokio::time::sleep(terms.period()).await;
            }
        };
        tokio::select! {
            biased;
            // the sender is gone
            _ = stopped => {}
            () = renewals => {}
        }
    });
}
