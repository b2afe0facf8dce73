//! Many seeds on all processors; the first that fails is shrunk and printed with the command that repeats it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::plan::{KINDS, Plan};
use super::run::{Report, run};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.trim().parse().ok()
}

/// A run that takes longer is named.
const SLOW: Duration = Duration::from_secs(5);
/// Seeds of a plain `cargo test`. `cargo xtask test` asks for more.
const DEFAULT: u64 = 200;

#[test]
fn seeds() {
    if let Some(seed) = number("MOLTFORGE_SIM_SEED") {
        let plan = restricted(Plan::of(seed));
        let report = run(&plan, true);
        assert!(report.violations.is_empty(), "seed {seed}:\n{}", report.violations.join("\n"));
        return;
    }
    let count = number("MOLTFORGE_SIM_SEEDS").unwrap_or(DEFAULT);
    let first = number("MOLTFORGE_SIM_FIRST").unwrap_or(1);
    let (next, failed) = (AtomicU64::new(first), AtomicBool::new(false));
    let (executions, entries) = (AtomicU64::new(0), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let whole = Instant::now();
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return None;
            }
            let began = Instant::now();
            let report = run(&Plan::of(seed), false);
            if began.elapsed() > SLOW {
                println!("seed {seed} took {:?}", began.elapsed());
            }
            progress(seed, first, count, whole);
            executions.fetch_add(report.executions as u64, Ordering::Relaxed);
            entries.fetch_add(report.entries as u64, Ordering::Relaxed);
            if !report.violations.is_empty() {
                failed.store(true, Ordering::Relaxed);
                return Some((seed, report));
            }
        }
        None
    };
    let failures: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().filter_map(|thread| thread.join().expect("no panic")).collect()
    });
    if let Some((seed, report)) = failures.into_iter().next() {
        panic!("{}", explain(seed, &report));
    }
    let seconds = whole.elapsed().as_secs_f64();
    println!(
        "{count} seeds from {first} in {seconds:.1} s on {threads} threads ({:.0} seeds/s): {} executions, {} entries",
        count as f64 / seconds,
        executions.into_inner(),
        entries.into_inner()
    );
}

/// Seeds between two lines of progress.
const PROGRESS: u64 = 5_000;

fn progress(seed: u64, first: u64, count: u64, began: Instant) {
    let done = seed - first;
    if done > 0 && done.is_multiple_of(PROGRESS) {
        let rate = done as f64 / began.elapsed().as_secs_f64();
        let left = (count - done) as f64 / rate / 60.0;
        println!(
            "seed {seed}: all good since {first}, {rate:.0} seeds/s, {left:.0} minutes to go (--first {seed} goes on)"
        );
    }
}

/// A replay may leave out what the shrinking left out.
fn restricted(mut plan: Plan) -> Plan {
    if let Some(operations) = number("MOLTFORGE_SIM_OPERATIONS") {
        plan = plan.shorter(operations);
    }
    let without = std::env::var("MOLTFORGE_SIM_WITHOUT").unwrap_or_default();
    for kind in KINDS {
        if without.split(',').any(|name| name.trim() == format!("{kind:?}")) {
            plan = plan.without(kind);
        }
    }
    plan
}

/// Time for making a failure smaller.
const SHRINKING: Duration = Duration::from_mins(1);

fn explain(seed: u64, report: &Report) -> String {
    let (plan, without) = shrink(seed);
    let mut replay = format!("MOLTFORGE_SIM_OPERATIONS={}", plan.operations);
    if !without.is_empty() {
        replay.push_str(&format!(" MOLTFORGE_SIM_WITHOUT={}", without.join(",")));
    }
    format!(
        "seed {seed} of moltforge {} breaks what must hold:\n  {}\nreplay:  cargo xtask sim --seed {seed}\nshorter: \
         {replay} cargo xtask sim --seed {seed}",
        env!("CARGO_PKG_VERSION"),
        report.violations.join("\n  ")
    )
}

/// Fewer operations, and one kind of fault off at a time, as long as it still fails.
fn shrink(seed: u64) -> (Plan, Vec<String>) {
    let began = Instant::now();
    let fails = |plan: &Plan| began.elapsed() < SHRINKING && !run(plan, false).violations.is_empty();
    let mut plan = Plan::of(seed);
    let mut without = Vec::new();
    for kind in KINDS {
        let smaller = plan.without(kind);
        if plan.rate(kind) > 0 && fails(&smaller) {
            without.push(format!("{kind:?}"));
            plan = smaller;
        }
    }
    let mut step = plan.operations / 2;
    while step > 0 {
        let smaller = plan.shorter(plan.operations.saturating_sub(step));
        if smaller.operations < plan.operations && fails(&smaller) {
            plan = smaller;
        } else {
            step /= 2;
        }
    }
    (plan, without)
}

#[test]
fn a_run_is_a_function_of_its_seed() {
    for seed in 1..=12 {
        let (first, second) = (run(&Plan::of(seed), false), run(&Plan::of(seed), false));
        assert_eq!(first, second, "seed {seed}");
        assert!(first.entries > 50, "seed {seed} does next to nothing: {first:?}");
    }
}
