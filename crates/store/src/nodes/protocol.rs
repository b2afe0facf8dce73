//! The protocol of commits and takeovers as a model: every order in which nodes, statements and transactions can take
//! their steps in the database, explored whole. What is left out: the clock (a lease lapses whenever it likes, and its
//! owner does not know), contents, and everything that is not about who may write.
//!
//! One step is what the database does at once: a look at a row, a lock, a commit. A node that stops in the middle of
//! anything, wakes up late or dies needs no step of its own, as all orders are looked at.

mod owner;
mod takeover;

use stateright::{Checker as _, HasDiscoveries, Model, Property};

use owner::{Owner, Statement};
use takeover::Takeover;

/// What is modelled, and which of its fences stand.
#[derive(Clone)]
struct Protocol {
    nodes: u8,
    /// Lanes of a node, and shards: lane `i` commits for shard `i`.
    lanes: u8,
    /// How many entries an owner writes to a shard.
    entries: u8,
    /// How many connections break while an answer is on its way.
    cuts: u8,
    /// A commit looks at its lane with `FOR SHARE`.
    locks: bool,
    /// A lane's row names the one connection that may write.
    counts_connections: bool,
}

/// A lane's row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Lane {
    incarnation: u8,
    connection: u8,
    /// The takeover that updated it and is not committed.
    held_by: Option<u8>,
}

/// A row of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shard {
    owner: Option<u8>,
    held_by: Option<u8>,
    /// Who wrote which of its entries, by number.
    journal: Vec<Entry>,
}

/// The node and its own number for what it writes.
type Entry = (u8, u8);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    /// By node.
    leases: Vec<bool>,
    /// By node, then lane.
    lanes: Vec<Vec<Lane>>,
    shards: Vec<Shard>,
    /// Takeovers under way, by node.
    takeovers: Vec<Takeover>,
    /// By node, then lane.
    owners: Vec<Vec<Owner>>,
    /// What the database is working on.
    statements: Vec<Statement>,
    cuts: u8,
    acknowledged: Vec<(u8, Entry)>,
    /// A node wrote to a shard that another one owned.
    late: bool,
    /// An entry did not follow the one before it.
    gap: bool,
}

/// A step of a node, or of the database for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A lease ends; its owner may not know.
    Lapse(u8),
    /// The next statement of a node's takeover.
    TakeOver(u8),
    /// Its end without effect: a time-out, a deadlock, a lost connection.
    GiveUp(u8),
    /// The next thing that the owner of a lane does.
    Own(u8, u8),
    /// The connection breaks while a commit's answer is waited for. The database goes on with it.
    Cut(u8, u8),
    /// The next thing that the database does with a statement.
    Execute(usize),
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        // node 0 owns everything and is at work; the others stand by
        let each = |owner: Owner| vec![owner; usize::from(self.lanes)];
        let lane = |connection| vec![Lane { incarnation: 1, connection, held_by: None }; usize::from(self.lanes)];
        let shard = Shard { owner: Some(0), held_by: None, journal: Vec::new() };
        vec![State {
            leases: vec![true; usize::from(self.nodes)],
            lanes: (0..self.nodes).map(|node| lane(u8::from(node == 0))).collect(),
            shards: vec![shard; usize::from(self.lanes)],
            takeovers: vec![Takeover::None; usize::from(self.nodes)],
            owners: (0..self.nodes)
                .map(|node| each(if node == 0 { Owner::ready(1, 1) } else { Owner::StandsBy }))
                .collect(),
            statements: Vec::new(),
            cuts: self.cuts,
            acknowledged: Vec::new(),
            late: false,
            gap: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for node in 0..self.nodes {
            steps.extend([Step::Lapse(node), Step::TakeOver(node), Step::GiveUp(node)]);
            for lane in 0..self.lanes {
                steps.extend([Step::Own(node, lane), Step::Cut(node, lane)]);
            }
        }
        steps.extend((0..state.statements.len()).map(Step::Execute));
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        let took = match step {
            Step::Lapse(node) => std::mem::replace(&mut state.leases[usize::from(node)], false),
            Step::TakeOver(node) => state.take_over(node),
            Step::GiveUp(node) => state.give_up(node),
            Step::Own(node, lane) => state.own(self, node, lane),
            Step::Cut(node, lane) => state.cut(node, lane),
            Step::Execute(statement) => state.execute(statement),
        };
        // a step that waits for a lock, or has nothing to do, is none
        took.then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nobody writes late", |_, state: &State| !state.late),
            Property::always("the journal is dense", |_, state: &State| !state.gap),
            Property::always("nothing is written twice", |_, state: &State| {
                let mut journals = state.shards.iter().map(|shard| &shard.journal);
                journals.all(|journal| (1..journal.len()).all(|at| !journal[..at].contains(&journal[at])))
            }),
            Property::always("what is acknowledged is written", |_, state: &State| {
                let mut all = state.acknowledged.iter();
                all.all(|(shard, entry)| state.shards[usize::from(*shard)].journal.contains(entry))
            }),
            // the model does what it is about
            Property::sometimes("a second owner writes after the first", |_, state: &State| {
                state.shards[0].journal.windows(2).any(|two| two[0].0 != two[1].0)
            }),
            Property::sometimes("a fenced owner stops", |_, state: &State| state.owners[0][0] == Owner::Stopped),
        ]
    }
}

/// Looks at every state that can be reached.
fn explored(protocol: Protocol) -> impl stateright::Checker<Protocol> {
    let all = protocol.checker().threads(2).spawn_bfs().join();
    assert!(all.is_done() && all.unique_state_count() > 5_000, "the model is about something");
    all
}

/// Looks until something that must never be is found.
fn broken(protocol: Protocol) -> impl stateright::Checker<Protocol> {
    protocol.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join()
}

const SMALL: Protocol = Protocol { nodes: 2, lanes: 1, entries: 2, cuts: 2, locks: true, counts_connections: true };

#[test]
fn two_nodes_never_write_late_or_twice() {
    let all = explored(SMALL);
    all.assert_properties();
}

#[test]
fn three_nodes_that_take_over_from_each_other_never_write_late() {
    let all = explored(Protocol { nodes: 3, entries: 1, cuts: 1, ..SMALL });
    all.assert_properties();
}

#[test]
fn a_takeover_of_two_lanes_lets_neither_write_late() {
    let all = explored(Protocol { lanes: 2, entries: 1, cuts: 1, ..SMALL });
    all.assert_properties();
}

#[test]
fn without_the_row_lock_the_model_finds_a_late_write() {
    let found = broken(Protocol { locks: false, cuts: 0, ..SMALL });
    let path = found.assert_any_discovery("nobody writes late");
    assert!(path.last_state().late);
}

#[test]
fn without_the_connection_number_the_model_finds_an_entry_written_twice() {
    let found = broken(Protocol { counts_connections: false, ..SMALL });
    found.assert_any_discovery("nothing is written twice");
}
