//! `cargo xtask bench`: measures, and writes docs/benchmarks.md.
//!
//! Our figures and the peer's are taken in turns within one run, so that a busy machine is busy for both. Nothing here
//! asserts an absolute time: the page puts each figure beside its goal, whatever it is.

mod machine;
mod measure;
mod ours;
mod peer;
mod report;
mod usage;
mod wire;
mod workload;

use std::fs;

use anyhow::{Context as _, Result};

use self::machine::Machine;
use self::ours::Ours;
use self::peer::Peer;
use crate::{process, workspace};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Shorter runs, for trying the harness itself; nothing is written
    #[arg(long)]
    quick: bool,
    /// Without the peer
    #[arg(long)]
    no_peer: bool,
    /// With the release build that is there, and without the measuring programs of single crates
    #[arg(long)]
    no_build: bool,
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// Runs per latency pass.
    count: u64,
    /// Seconds per throughput pass.
    seconds: u64,
    /// Passes, in turns.
    rounds: usize,
    /// Executions that stay suspended.
    suspended: u64,
}

/// The command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let effort = if args.quick {
        Effort { count: 100, seconds: 1, rounds: 1, suspended: 1000 }
    } else {
        Effort { count: 300, seconds: 3, rounds: 3, suspended: 10_000 }
    };
    if !args.no_build {
        let mut build = process::cargo();
        build.args(["build", "--release", "-p", "moltforge", "-p", "moltforge-workload"]);
        process::run(build)?;
    }

    let folder = workspace::target_dir().join("bench");
    let _ = fs::remove_dir_all(folder.join("data"));
    fs::create_dir_all(folder.join("data")).context("make the folder for data")?;
    let machine = Machine::read();
    println!("\n{machine}");

    let floor = workload::fsync(&folder.join("data"), if args.quick { 1 } else { 2 })?;
    let model = workload::Model::start("math_add")?;
    let peer = if args.no_peer { None } else { Peer::start(&folder, &model) };
    let starts = measure::starts(&folder, &model)?;
    let ours = Ours::start(&folder.join("data/main"), &model)?;
    ours.deploy_all()?;

    let peers: Vec<&dyn measure::Subject> = match &peer {
        Some(peer) => vec![&ours, peer],
        None => vec![&ours],
    };
    let latency = measure::latency(&peers, effort)?;
    let throughput = measure::throughput(&peers, effort)?;
    let growth = measure::growth(&ours)?;
    let suspended = measure::suspended(&peers, effort)?;
    drop(ours);
    drop(peer);
    // these are built when they are run
    let examples = if args.no_build { Vec::new() } else { measure::examples(&folder.join("data")) };

    let results = report::Results { machine, floor, starts, latency, throughput, growth, suspended, examples, effort };
    let page = results.page();
    println!("\n{page}");
    if args.quick {
        println!("(a quick run: docs/benchmarks.md is left as it is)");
        return Ok(());
    }
    let path = workspace::root().join("docs/benchmarks.md");
    fs::write(&path, page).with_context(|| format!("write {}", path.display()))?;
    println!("written: docs/benchmarks.md");
    Ok(())
}
