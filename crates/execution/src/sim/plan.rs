//! What a seed means: how many operations, how many nodes, and how often each kind of fault strikes.

use super::dice::Dice;

/// A kind of fault. A torn commit is not one: a database commits all of a batch or nothing, so that it would be
/// [`Kind::CrashBefore`]. That SQLite does so is tested where it writes (`store/tests/conformance/journal/torn.rs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A node dies before a commit is written.
    CrashBefore,
    /// A node dies after a commit is written, before it is told.
    CrashAfter,
    /// A node dies while its commit is on the way; it arrives much later, perhaps after a takeover.
    Late,
    /// The storage refuses a commit with `storage_full`.
    Full,
    /// A commit takes long.
    Slow,
    /// The answer to a commit is lost; the journal finds out, and meanwhile somebody may take over.
    Ambiguous,
    /// A read fails.
    Read,
    /// A node cannot reach the table of leases, or nothing at all, for a while.
    Partition,
    /// A node's clock, or the database's, jumps.
    Clock,
    /// A node is killed, or stopped in order, at any time.
    Restart,
    /// A model fails, hangs, or its stream is cut.
    Model,
    /// A tool fails, hangs, or its answer is lost.
    Tool,
    /// A hint between executions is lost or doubled.
    Poke,
    /// The process of a guest dies, or cannot be started.
    Worker,
}

pub(super) const KINDS: [Kind; 14] = [
    Kind::CrashBefore,
    Kind::CrashAfter,
    Kind::Late,
    Kind::Full,
    Kind::Slow,
    Kind::Ambiguous,
    Kind::Read,
    Kind::Partition,
    Kind::Clock,
    Kind::Restart,
    Kind::Model,
    Kind::Tool,
    Kind::Poke,
    Kind::Worker,
];

impl Kind {
    /// The most often that it strikes, in thousandths of its occasions.
    fn most(self) -> u64 {
        match self {
            Self::CrashBefore | Self::CrashAfter | Self::Late => 15,
            Self::Full | Self::Ambiguous => 60,
            Self::Slow | Self::Worker => 100,
            Self::Read => 50,
            Self::Partition | Self::Clock | Self::Restart => 40,
            Self::Model | Self::Tool => 300,
            Self::Poke => 500,
        }
    }
}

/// One run.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) operations: u64,
    pub(super) nodes: usize,
    pub(super) lanes: u16,
    pub(super) max_running: usize,
    pub(super) max_running_per_project: Option<usize>,
    /// Calls that the model's provider takes at a time, from one node.
    pub(super) provider_limit: Option<u32>,
    /// The operations come so many times more slowly.
    pub(super) pace: u32,
    /// Thousandths for each kind. A swarm: in each run about half of the kinds never strike.
    rates: [u32; KINDS.len()],
}

impl Plan {
    pub(super) fn of(seed: u64) -> Self {
        let dice = Dice::new(seed, 1);
        let mut rates = [0; KINDS.len()];
        for (rate, kind) in rates.iter_mut().zip(KINDS) {
            if dice.chance(500) {
                *rate = u32::try_from(1 + dice.below(kind.most())).unwrap_or(1);
            }
        }
        Self {
            seed,
            operations: 150 + dice.below(100),
            nodes: 1 + usize::from(dice.chance(750)) + usize::from(dice.chance(300)),
            lanes: if dice.chance(500) { 1 } else { 2 },
            max_running: if dice.chance(300) { 3 } else { 64 },
            max_running_per_project: dice.chance(200).then_some(2),
            provider_limit: dice.chance(250).then(|| u32::try_from(1 + dice.below(3)).unwrap_or(1)),
            pace: if dice.chance(100) { 8 } else { 1 },
            rates,
        }
    }

    pub(super) fn rate(&self, kind: Kind) -> u32 {
        self.rates.get(kind as usize).copied().unwrap_or(0)
    }

    /// The same run without a kind of fault.
    pub(super) fn without(&self, kind: Kind) -> Self {
        let mut plan = self.clone();
        if let Some(rate) = plan.rates.get_mut(kind as usize) {
            *rate = 0;
        }
        plan
    }

    /// The same run with fewer operations.
    pub(super) fn shorter(&self, operations: u64) -> Self {
        Self { operations, ..self.clone() }
    }
}
