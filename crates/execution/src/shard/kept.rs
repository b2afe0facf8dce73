//! A cache that is bounded in number and bytes; what was used longest ago goes first.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// What is kept.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    items: HashMap<K, Item<V>>,
    by_use: BTreeMap<u64, K>,
    uses: u64,
    bytes: usize,
    most: usize,
    most_bytes: usize,
}

#[derive(Debug)]
struct Item<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<K: Clone + Eq + Hash, V> Kept<K, V> {
    /// At most so many items, of so many bytes together.
    pub(crate) fn new(most: usize, most_bytes: usize) -> Self {
        let (items, by_use) = (HashMap::new(), BTreeMap::new());
        Self { items, by_use, uses: 0, bytes: 0, most, most_bytes }
    }

    /// An item, which counts as used.
    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let item = self.items.get_mut(key)?;
        self.uses += 1;
        if let Some(key) = self.by_use.remove(&item.used) {
            self.by_use.insert(self.uses, key);
        }
        item.used = self.uses;
        Some(&item.value)
    }

    /// Keeps an item of about so many bytes. One that is larger than all room is not kept.
    pub(crate) fn insert(&mut self, key: K, value: V, bytes: usize) {
        self.remove(&key);
        if bytes > self.most_bytes {
            return;
        }
        while (self.items.len() >= self.most || self.bytes + bytes > self.most_bytes)
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            if let Some(item) = self.items.remove(&oldest) {
                self.bytes -= item.bytes;
            }
        }
        self.uses += 1;
        self.bytes += bytes;
        self.by_use.insert(self.uses, key.clone());
        self.items.insert(key, Item { value, bytes, used: self.uses });
    }

    fn remove(&mut self, key: &K) {
        if let Some(item) = self.items.remove(key) {
            self.by_use.remove(&item.used);
            self.bytes -= item.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_used_goes_first() {
        let mut kept = Kept::new(2, 100);
        kept.insert("a", 1, 10);
        kept.insert("b", 2, 10);
        assert_eq!(kept.get("a"), Some(&1));
        kept.insert("c", 3, 10);
        assert_eq!(["a", "b", "c"].map(|key| kept.get(key).copied()), [Some(1), None, Some(3)]);
    }

    #[test]
    fn bytes_count_and_never_leak() {
        let mut kept = Kept::new(100, 100);
        for n in 0..50 {
            kept.insert(n, n, 30);
            assert!(kept.bytes <= 100 && kept.items.len() == kept.by_use.len());
        }
        assert_eq!(kept.items.len(), 3);
        kept.insert(49, 0, 40);
        assert_eq!((kept.bytes, kept.get(&49)), (100, Some(&0)));
        kept.insert(1, 1, 101);
        assert_eq!(kept.get(&1), None, "too large to keep");
        assert_eq!(kept.items.len(), 3, "and nothing else went for it");
    }
}
