use super::*;

fn ledger(memory: u64, guests: u32, per_project: u32) -> Ledger {
    Ledger::new(Node { memory, guests, per_project })
}

/// Lets one in that began at this time; its ticket, and what had to be decided for it.
fn enters(ledger: &mut Ledger, project: &str, began: u64, memory: u64) -> (Ticket, Vec<Decision>) {
    let ticket = ledger.wants(project, began, memory);
    (ticket, ledger.settle())
}

#[test]
fn who_waits_for_an_answer_makes_room_first() {
    let mut node = ledger(100, 10, 10);
    let (busy, _) = enters(&mut node, "a", 1, 50);
    let (idle, _) = enters(&mut node, "a", 2, 50);
    node.is_idle(idle, true);
    let (third, decisions) = enters(&mut node, "a", 3, 30);
    assert_eq!(decisions, [Decision::Leaves(idle)]);
    node.leaves("a", 2, idle);
    assert_eq!(node.settle(), [Decision::Enters(third)]);
    assert!(enters(&mut node, "a", 4, 30).1.is_empty(), "{busy} computes and is left alone");
}

#[test]
fn an_idle_guest_gives_its_place_too() {
    let mut node = ledger(100, 10, 1);
    let (first, _) = enters(&mut node, "a", 1, 1);
    let (other, _) = enters(&mut node, "b", 1, 1);
    node.is_idle(other, true);
    assert!(enters(&mut node, "a", 2, 1).1.is_empty(), "another project's place is of no use");
    node.is_idle(first, true);
    assert_eq!(node.settle(), [Decision::Leaves(first)]);
}

#[test]
fn of_those_who_wait_for_each_other_the_oldest_goes_on() {
    let mut node = ledger(100, 10, 10);
    let (old, _) = enters(&mut node, "a", 1, 40);
    let (young, _) = enters(&mut node, "a", 2, 60);
    node.wants_more(old, 20).unwrap();
    assert!(node.settle().is_empty(), "the young one may end by itself");
    node.wants_more(young, 20).unwrap();
    assert_eq!(node.settle(), [Decision::Leaves(young)]);
    node.leaves("a", 2, young);
    assert_eq!(node.settle(), [Decision::Grows(old)]);
    // rebuilt, it is still the younger one
    assert!(enters(&mut node, "a", 2, 60).1.is_empty());
    assert!(node.wants_more(old, 41).is_none(), "the node has no more");
}

#[test]
fn so_it_is_between_projects() {
    let mut node = ledger(100, 10, 10);
    let (young, _) = enters(&mut node, "a", 2, 50);
    let (old, _) = enters(&mut node, "b", 1, 50);
    node.wants_more(young, 20).unwrap();
    node.wants_more(old, 20).unwrap();
    assert_eq!(node.settle(), [Decision::Leaves(young)]);
}

#[test]
fn a_project_gets_its_share_back() {
    let mut node = ledger(100, 100, 100);
    let hogs: Vec<_> = (0..10).map(|n| enters(&mut node, "hog", n, 10).0).collect();
    let (mine, decisions) = enters(&mut node, "small", 99, 15);
    assert_eq!(decisions, [Decision::Leaves(hogs[9]), Decision::Leaves(hogs[8])], "the youngest");
    node.leaves("hog", 9, hogs[9]);
    node.leaves("hog", 8, hogs[8]);
    // one of them is back before
    let again = node.wants("hog", 8, 10);
    assert_eq!(node.settle(), [Decision::Enters(mine)]);
    // more than half is nobody's right
    let more = node.wants("small", 99, 40);
    assert!(node.settle().is_empty(), "{again} {more}");
}

#[test]
fn a_project_s_oldest_guest_is_safe_from_others() {
    let mut node = ledger(100, 100, 100);
    let (large, _) = enters(&mut node, "a", 50, 90);
    assert!(enters(&mut node, "b", 1, 20).1.is_empty());
    node.leaves("a", 50, large);
    assert_eq!(node.settle().len(), 1);
}

#[test]
fn what_is_used_besides_drives_out_the_idle_and_the_young() {
    let mut node = ledger(100, 10, 10);
    let (old, _) = enters(&mut node, "a", 1, 20);
    let (young, _) = enters(&mut node, "a", 2, 20);
    let (idle, _) = enters(&mut node, "b", 3, 20);
    node.is_idle(idle, true);
    node.uses("a", 70);
    assert!(node.settle().is_empty());
    node.uses("a", 100);
    assert_eq!(node.settle(), [Decision::Leaves(idle)]);
    node.uses("a", 130);
    assert_eq!(node.settle(), [Decision::Leaves(young)]);
    node.leaves("b", 3, idle);
    node.leaves("a", 2, young);
    node.uses("a", 500);
    assert!(node.settle().is_empty(), "the last one stays");
    node.wants_more(old, 80).unwrap();
    assert_eq!(node.settle(), [Decision::Grows(old)], "and can have what there is");
}

/// A node whose guests grow, wait and end by chance.
struct World {
    node: Ledger,
    random: u64,
    guests: Vec<Guest>,
}

struct Guest {
    project: String,
    began: u64,
    needs: u64,
    /// What it had when it had to leave, which it asks for when it comes back.
    had: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    Entering(Ticket),
    Inside { ticket: Ticket, has: u64, grows: bool, idle: bool, leaving: bool },
    Done,
}

impl World {
    fn random(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    fn settle(&mut self) {
        for decision in self.node.settle() {
            let (Decision::Enters(ticket) | Decision::Grows(ticket) | Decision::Leaves(ticket)) = decision;
            let is_meant = |guest: &Guest| match guest.state {
                State::Entering(mine) | State::Inside { ticket: mine, .. } => mine == ticket,
                State::Outside | State::Done => false,
            };
            let at = self.guests.iter().position(is_meant).unwrap();
            let Guest { state: guest, had, .. } = &mut self.guests[at];
            match decision {
                Decision::Enters(_) => {
                    *guest = State::Inside { ticket, has: *had, grows: false, idle: false, leaving: false };
                }
                Decision::Grows(_) => {
                    let State::Inside { has, grows, leaving, .. } = guest else { panic!("{guest:?}") };
                    assert!(*grows && !*leaving);
                    (*has, *grows) = (*has + 1, false);
                }
                Decision::Leaves(_) => {
                    let State::Inside { leaving, .. } = guest else { panic!("{guest:?}") };
                    assert!(!std::mem::replace(leaving, true), "told twice");
                }
            }
        }
        let inside = self.guests.iter().filter_map(|guest| match guest.state {
            State::Inside { has, .. } => Some(has),
            _ => None,
        });
        let (count, sum) = inside.fold((0, 0), |(count, sum), has| (count + 1, sum + has));
        assert!(sum <= self.node.node.memory && count <= self.node.node.guests);
        assert_eq!(sum, self.node.memory);
    }

    /// Something happens to one guest.
    fn step(&mut self, at: usize) {
        let chance = self.random(10);
        let guest = &mut self.guests[at];
        match guest.state {
            State::Outside => guest.state = State::Entering(self.node.wants(&guest.project, guest.began, guest.had)),
            State::Inside { ticket, leaving: true, has, .. } => {
                guest.had = has;
                self.node.leaves(&guest.project, guest.began, ticket);
                guest.state = State::Outside;
            }
            State::Entering(_) | State::Done | State::Inside { grows: true, .. } => {}
            State::Inside { ticket, idle: true, .. } => {
                self.node.is_idle(ticket, false);
                if let State::Inside { idle, .. } = &mut guest.state {
                    *idle = false;
                }
            }
            State::Inside { ticket, has, .. } if has >= guest.needs => {
                self.node.leaves(&guest.project, guest.began, ticket);
                guest.state = State::Done;
            }
            State::Inside { ticket, .. } => {
                let wants = chance < 8;
                if wants {
                    self.node.wants_more(ticket, 1).unwrap();
                } else {
                    self.node.is_idle(ticket, true);
                }
                if let State::Inside { grows, idle, .. } = &mut guest.state {
                    (*grows, *idle) = (wants, !wants);
                }
            }
        }
        self.settle();
    }
}

#[test]
fn everybody_ends_whatever_they_need() {
    for seed in 0..200 {
        let mut world = World { node: ledger(20, 12, 6), random: seed, guests: Vec::new() };
        for began in 0..30 {
            let project = format!("p{}", world.random(3));
            let needs = 1 + world.random(20);
            world.guests.push(Guest { project, began, needs, had: 1, state: State::Outside });
        }
        let mut steps = 0;
        loop {
            let open: Vec<_> = (0..30).filter(|at| world.guests[*at].state != State::Done).collect();
            if open.is_empty() {
                break;
            }
            let pick = world.random(open.len() as u64);
            world.step(open[usize::try_from(pick).unwrap()]);
            steps += 1;
            if steps > 100_000 {
                let open = open.iter().map(|at| &world.guests[*at]);
                let told: Vec<_> = open.map(|one| (&one.project, one.began, one.needs, one.state)).collect();
                panic!("seed {seed}: they do not end: {told:#?} {:#?}", world.node);
            }
        }
        let rest = &world.node;
        assert_eq!((rest.memory, rest.extra, rest.leaving, rest.waiting), (0, 0, (0, 0), 0));
        assert!(rest.projects.is_empty() && rest.holders.is_empty() && rest.idle.is_empty());
    }
}

#[test]
fn the_rules_are_looked_at_while_many_wait() {
    // ten thousand who wait cost no more than those who can be let in
    let mut node = ledger(1000, 1000, 1000);
    let tickets: Vec<_> = (0..10_000).map(|began| node.wants(&format!("p{}", began % 7), began, 1)).collect();
    assert_eq!(node.settle().iter().filter(|one| matches!(one, Decision::Enters(_))).count(), 1000);
    assert_eq!(node.load(), (1000, 1000, 9000), "{}", tickets.len());
}
