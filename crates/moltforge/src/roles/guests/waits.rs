//! What executions wait for before their guests can go on, for people: places where nothing is in the journal yet.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use moltforge_sandbox::{Image, Load, Meter};
use moltforge_types::{ExecutionId, ProjectId};

/// Guests that are remembered because they had to leave or were lost, at most. Whoever is forgotten begins as usual.
const NEEDS: usize = 10_000;

/// How far the guests of this node are. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Waits(Arc<Mutex<Stages>>);

#[derive(Default)]
struct Stages {
    /// An execution may have several: the next one before the last is gone, and one that is a replay.
    at: BTreeMap<(ExecutionId, u64), Stage>,
    places: u64,
    /// Bytes that a guest had when others needed its room.
    needs: HashMap<ExecutionId, u64>,
    /// How often the process of a guest was lost while it computed, since it last asked for something new.
    crashes: HashMap<ExecutionId, u32>,
}

/// How far one is.
pub(super) enum Stage {
    /// Its files are read.
    Program,
    /// What runs it is compiled, if that has not happened yet.
    Engine(&'static str),
    /// It waits for room of its project, if there is none.
    Room(ProjectId),
    /// It is there.
    Runs(Meter),
}

/// One guest, until this is dropped.
pub(super) struct Place {
    waits: Waits,
    execution_id: ExecutionId,
    number: u64,
}

impl Waits {
    /// A guest is about to be built.
    pub(super) fn begin(&self, execution_id: ExecutionId) -> Place {
        let mut all = self.lock();
        all.places += 1;
        let number = all.places;
        all.at.insert((execution_id, number), Stage::Program);
        Place { waits: self.clone(), execution_id, number }
    }

    /// What the execution waits for, if it does. `of_project`: programs of a project that are in memory, and how many can be.
    pub(super) fn words(
        &self,
        execution_id: ExecutionId,
        load: Load,
        of_project: impl Fn(ProjectId) -> (usize, u32),
    ) -> Option<String> {
        let all = self.lock();
        let mut newest = all.at.range((execution_id, 0)..=(execution_id, u64::MAX)).rev();
        newest.find_map(|(_, stage)| stage.words(load, &of_project))
    }

    /// Bytes that its guest had when it had to leave.
    pub(super) fn needs(&self, execution_id: ExecutionId) -> Option<u64> {
        self.lock().needs.get(&execution_id).copied()
    }

    /// How often its process was lost while it computed.
    pub(super) fn crashes(&self, execution_id: ExecutionId) -> u32 {
        self.lock().crashes.get(&execution_id).copied().unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, Stages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stage {
    fn words(&self, load: Load, of_project: impl Fn(ProjectId) -> (usize, u32)) -> Option<String> {
        match self {
            // what strips its types needs room, too
            Self::Program if load.waiting > 0 => Some(format!("its program, which is read: {}", taken(load))),
            Self::Program => Some("its program, which is read".to_owned()),
            Self::Engine(engine) => Some(format!("{engine}, which is compiled for this machine")),
            Self::Room(project_id) => Some(match of_project(*project_id) {
                (guests, most) if guests >= most as usize => {
                    format!("room for its program: its project has {guests} in memory, as many as it may have")
                }
                _ => format!("room for its program on this node: {}", taken(load)),
            }),
            Self::Runs(meter) => {
                meter.waits_for_memory().then(|| format!("more memory for its program: {}", taken(load)))
            }
        }
    }
}

fn taken(load: Load) -> String {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    format!(
        "{} of {} programs are in memory, with {} of {} MiB; {} wait",
        load.guests,
        load.guests_total,
        mib(load.memory),
        mib(load.memory_total),
        load.waiting
    )
}

impl Place {
    /// It has come so far.
    pub(super) fn is_at(&self, stage: Stage) {
        if let Some(at) = self.waits.lock().at.get_mut(&(self.execution_id, self.number)) {
            *at = stage;
        }
    }

    /// Others needed its room: when it comes back it asks for what it had.
    pub(super) fn had(&self, memory: u64) {
        let mut all = self.waits.lock();
        if all.needs.len() >= NEEDS {
            all.needs.clear();
        }
        all.needs.insert(self.execution_id, memory);
    }

    /// Its process was lost while it computed.
    pub(super) fn crashed(&self) {
        let mut all = self.waits.lock();
        if all.crashes.len() >= NEEDS {
            all.crashes.clear();
        }
        *all.crashes.entry(self.execution_id).or_default() += 1;
    }

    /// It asked for something new, so it is not what brings its process down again and again.
    pub(super) fn goes_on(&self) {
        self.waits.lock().crashes.remove(&self.execution_id);
    }

    /// It has ended.
    pub(super) fn ended(&self) {
        let mut all = self.waits.lock();
        all.needs.remove(&self.execution_id);
        all.crashes.remove(&self.execution_id);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waits.lock().at.remove(&(self.execution_id, self.number));
    }
}

/// What runs a program, in words.
pub(super) fn engine(image: &Image) -> &'static str {
    match image {
        Image::JavaScript => "the JavaScript engine",
        Image::TypeScript => "the TypeScript compiler",
        Image::Python => "the Python engine",
        Image::Component(_) | Image::Empty => "its component",
    }
}

#[cfg(test)]
mod tests {
    use moltforge_types::Id as _;

    use super::*;

    const LOAD: Load = Load { memory: 3 << 20, memory_total: 4 << 20, guests: 2, guests_total: 9, waiting: 1 };

    fn words(waits: &Waits, id: ExecutionId) -> Option<String> {
        waits.words(id, LOAD, |project_id| if project_id == ProjectId::from_u128(7) { (1, 5) } else { (5, 5) })
    }

    #[test]
    fn each_place_says_what_it_waits_for() {
        let (waits, id) = (Waits::default(), ExecutionId::from_u128(1));
        let first = waits.begin(id);
        assert!(words(&waits, id).unwrap().starts_with("its program, which is read: 2 of 9 programs"));
        first.is_at(Stage::Engine("the Python engine"));
        assert_eq!(words(&waits, id).unwrap(), "the Python engine, which is compiled for this machine");
        let second = waits.begin(id);
        second.is_at(Stage::Room(ProjectId::from_u128(7)));
        drop(first);
        let said = words(&waits, id).unwrap();
        assert!(said.ends_with("2 of 9 programs are in memory, with 3 of 4 MiB; 1 wait"), "{said}");
        second.is_at(Stage::Room(ProjectId::from_u128(8)));
        assert!(words(&waits, id).unwrap().ends_with("its project has 5 in memory, as many as it may have"));
        second.is_at(Stage::Runs(Meter::default()));
        assert_eq!(words(&waits, id), None);
        second.had(7);
        second.crashed();
        second.crashed();
        assert_eq!(waits.crashes(id), 2);
        second.goes_on();
        assert_eq!(waits.crashes(id), 0);
        drop(second);
        assert_eq!((waits.needs(id), words(&waits, id)), (Some(7), None));
    }

    #[test]
    fn a_replay_hides_nothing_of_what_it_replays() {
        let (waits, id) = (Waits::default(), ExecutionId::from_u128(1));
        let live = waits.begin(id);
        live.is_at(Stage::Room(ProjectId::from_u128(1)));
        let replay = waits.begin(id);
        replay.is_at(Stage::Runs(Meter::default()));
        assert!(words(&waits, id).is_some());
        drop(replay);
        assert!(words(&waits, id).is_some());
        drop(live);
        assert_eq!(words(&waits, id), None);
    }
}
