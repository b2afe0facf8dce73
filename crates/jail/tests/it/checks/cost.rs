//! What a start costs. Printed, not judged: `cargo test -p moltforge-jail --test it -- --ignored`.

use std::time::{Duration, Instant};

use moltforge_jail::{GroupLimits, Groups};

use crate::Test;
use crate::facts::Facts;
use crate::server::{By, start};

pub(super) const TESTS: &[Test] = &[("cost::of_a_start", of_a_start)];

fn of_a_start() {
    let limits = GroupLimits { memory: Some(1 << 30), processes: Some(100), cpu_milli: Some(1000) };
    let groups = Groups::find().ok();
    for (policy, grouped) in [("free", false), ("worker", false), ("worker", true), ("compiler", false)] {
        let mut took: Vec<Duration> = (0..50)
            .map(|_| {
                let begun = Instant::now();
                let group = groups.as_ref().filter(|_| grouped).map(|groups| groups.make(&limits).unwrap());
                start(By::Tester, policy, "exits", &Facts::default(), group.as_ref()).outcome();
                begun.elapsed()
            })
            .collect();
        took.sort_unstable();
        println!("  {policy}, {} group: p50 {:?}, min {:?}", if grouped { "a" } else { "no" }, took[25], took[0]);
    }
}
