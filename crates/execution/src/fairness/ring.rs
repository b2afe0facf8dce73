//! Who comes next: deficit round robin with the rounds computed instead of walked.
//!
//! Each member has an account of what it used. Next comes whoever used least; what it gets is added to its account. That
//! is deficit round robin in the limit of a small quantum (start-time fair queueing): the same shares whatever a piece of
//! work costs, no bursts, and a choice in O(log n). A member that wanted nothing for a while has saved nothing up: it comes
//! back at the account of whoever was served last.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// Accounts of members that want nothing are kept up to this number; older ones have nothing to say anyhow.
const MAX_KEPT: usize = 4_096;

/// Members, the one that used least first.
#[derive(Debug)]
pub(super) struct Ring<K> {
    order: BTreeSet<(u64, K)>,
    accounts: HashMap<K, Account>,
    /// The account of the member that was served last: where newcomers begin.
    level: u64,
}

#[derive(Debug)]
struct Account {
    used: u64,
    wants: bool,
}

impl<K> Default for Ring<K> {
    fn default() -> Self {
        Self { order: BTreeSet::new(), accounts: HashMap::new(), level: 0 }
    }
}

impl<K: Copy + Ord + Hash> Ring<K> {
    /// Whoever comes next.
    pub(super) fn first(&self) -> Option<K> {
        self.order.first().map(|(_, member)| *member)
    }

    /// Nobody wants anything.
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Whether a member wants something.
    pub(super) fn set(&mut self, member: K, wants: bool) {
        if !wants {
            if let Some(account) = self.accounts.get_mut(&member)
                && std::mem::take(&mut account.wants)
            {
                self.order.remove(&(account.used, member));
                self.forget_old();
            }
            return;
        }
        let level = self.level;
        let account = self.accounts.entry(member).or_insert(Account { used: level, wants: false });
        if !account.wants {
            account.used = account.used.max(level);
            account.wants = true;
            self.order.insert((account.used, member));
        }
    }

    /// A member got something that costs so much.
    pub(super) fn charge(&mut self, member: K, cost: u64) {
        let Some(account) = self.accounts.get_mut(&member) else { return };
        let was = account.used;
        self.level = self.level.max(was);
        account.used = was.saturating_add(cost.max(1));
        if account.wants && self.order.remove(&(was, member)) {
            self.order.insert((account.used, member));
        }
    }

    /// An account at or below the level says what a new one would say.
    fn forget_old(&mut self) {
        if self.accounts.len() > MAX_KEPT {
            let level = self.level;
            self.accounts.retain(|_, account| account.wants || account.used > level);
        }
    }
}
