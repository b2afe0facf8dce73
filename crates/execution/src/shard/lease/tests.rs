//! Leases on both databases, and a runtime that does nothing for longer than a lease.

use moltforge_store::Store;
use moltforge_types::Ambient;

use super::*;

const LENGTH: Duration = Duration::from_secs(3);

async fn leased(store: &Store) -> Lease {
    let journal = store.journal().expect("the journal opens");
    let node_id = Ambient::system().id();
    let sent = Instant::now();
    journal.membership().register(node_id, 1, LENGTH).await.expect("registered");
    Lease::new(journal, node_id, LENGTH, sent)
}

async fn taken_by_another(store: &Store) -> usize {
    let node_id = Ambient::system().id();
    Membership::register(store, node_id, 1, LENGTH).await.expect("registered");
    let taken = Membership::take_over(store, node_id, 1, false).await.expect("looked");
    Membership::release(store, node_id).await.expect("released");
    taken.len()
}

#[tokio::test]
async fn a_runtime_that_is_blocked_for_longer_than_a_lease_keeps_it() {
    for test in moltforge_testing::stores().await {
        let store = test.store();
        let mut lease = leased(&store).await;
        let node_id = lease.node_id();
        let embedded = Membership::is_embedded(&store);
        let owned = Membership::take_over(&store, node_id, 1, embedded).await.expect("taken");
        assert!(!owned.is_empty());

        // a real wait: it blocks the only worker of this runtime
        std::thread::sleep(LENGTH * 2);

        assert!(lease.authority().holds(), "{}", test.backend);
        assert!(lease.keep().await);
        if !embedded {
            assert_eq!(taken_by_another(&store).await, 0, "the lease is good in the database, too");
        }
        assert!(lease.authority().holds());
        lease.release().await.expect("released");
        assert!(!lease.keep().await, "what is given up is over");
    }
}

#[tokio::test]
async fn a_lease_that_was_taken_over_is_over_here_without_a_look_at_the_clock() {
    for test in moltforge_testing::stores().await {
        let store = test.store();
        if Membership::is_embedded(&store) {
            continue;
        }
        let mut lease = leased(&store).await;
        let other = Ambient::system().id();
        Membership::register(&store, other, 1, LENGTH).await.expect("registered");
        Membership::take_over(&store, other, 1, true).await.expect("taken");
        tokio::time::timeout(LENGTH, async { while lease.keep().await {} }).await.expect("it sees it");
        assert!(!lease.authority().holds());
    }
}

#[tokio::test]
async fn a_lease_that_nobody_renews_ends_here_before_it_ends_in_the_database() {
    for test in moltforge_testing::stores().await {
        let store = test.store();
        if Membership::is_embedded(&store) {
            continue;
        }
        let mut lease = leased(&store).await;
        let owned = Membership::take_over(&store, lease.node_id(), 1, true).await.expect("taken");
        assert!(!owned.is_empty());
        // as a stopped process: neither the thread nor the runtime does anything
        lease.keeper = None;
        let authority = lease.authority();
        while authority.holds() {
            // a real wait: for the clock alone
            std::thread::sleep(Duration::from_millis(5));
        }
        let renewed = Membership::renew(&store, lease.node_id(), INCARNATION, LENGTH).await.expect("asked");
        assert!(renewed, "in the database it is still good");
        assert!(!lease.keep().await, "and it is not taken up again");
    }
}
