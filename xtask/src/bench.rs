//! `cargo xtask bench`: measures, and keeps the figures in docs/benchmarks.md.
//!
//! Ours, the bare machine's and the peer's figures are taken in turns within one run, so that a busy machine is busy for
//! all of them. Nothing here asserts an absolute time: the page puts each figure beside its goal, whatever it is.

mod engine;
mod guests;
mod machine;
mod measure;
mod ours;
mod page;
mod peer;
mod report;
mod sections;
mod usage;
mod whole;
mod wire;
mod workload;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use self::machine::Machine;
use self::sections::Section;
use crate::workspace;

/// What to measure. Without a word: everything, one after another.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten, next_help_heading = "How")]
    how: How,
}

/// How to measure, whatever it is.
#[derive(clap::Args, Debug, Clone)]
struct How {
    /// Put the figures into docs/benchmarks.md, in place of those of the last time
    #[arg(long, global = true, conflicts_with = "quick")]
    write: bool,
    /// Small numbers, for trying the harness itself
    #[arg(long, global = true)]
    quick: bool,
    /// Which database; of w: SQLite always
    #[arg(long, global = true, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
    /// The build profile; figures of another one than release mean little
    #[arg(long, global = true, default_value = "release")]
    profile: String,
    /// Where databases are made, a folder on the disk to be measured: target/bench/data when absent
    #[arg(long, global = true)]
    dir: Option<PathBuf>,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Database {
    Sqlite,
    /// A server is started for it, whose commits wait for the disk
    Postgres,
    Both,
}

impl Database {
    fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Both => "both",
        }
    }
}

/// The measurements.
#[derive(clap::Subcommand, Debug, Clone)]
enum What {
    /// Workload W through the whole program, beside the peer and the disk; its starts, memory and size
    W {
        /// Without the peer
        #[arg(long)]
        no_peer: bool,
        /// With the programs that are built already
        #[arg(long)]
        no_build: bool,
    },
    /// Durable steps each second, beside the raw batched commit
    Steps,
    /// The gateway with everything on, beside a bare HTTP server
    Gateway,
    /// Suspended executions: memory, disk, the start of a node among them, wake-ups and timers
    Suspended {
        /// How many
        #[arg(long, default_value_t = 1_000_000)]
        count: u64,
        /// Executions that sleep, beside those
        #[arg(long, default_value_t = 10_000)]
        timers: u64,
        /// How many seconds they sleep
        #[arg(long, default_value_t = 60)]
        due: u64,
    },
    /// Wake-up by signal: the time beyond one commit
    Signals {
        /// Wake-ups of each kind
        #[arg(long, default_value_t = 2_000)]
        count: u64,
    },
    /// One long execution: bytes and time of early and late steps, snapshots, and reading it again
    Growth {
        /// Its steps, at most 18,000
        #[arg(long, default_value_t = 10_000)]
        steps: u64,
    },
    /// A loud project beside a quiet one: waiting times and shares
    Fairness {
        /// Executions that the loud one queues
        #[arg(long, default_value_t = 10_000)]
        loud: u64,
        /// Executions that the quiet one starts
        #[arg(long, default_value_t = 400)]
        quiet: u64,
        /// Executions at work at the same time
        #[arg(long, default_value_t = 16)]
        slots: u64,
    },
    /// Interruptions: kill, cancel, pause and resume
    Stops {
        /// Interruptions of each kind
        #[arg(long, default_value_t = 1_000)]
        count: u64,
    },
    /// Programs of code agents: starts, calls, many at once, replay, interruption; alone and through the server
    Guests {
        /// A component beside JavaScript and Python, instead of the one of the tests
        #[arg(long)]
        component: Option<PathBuf>,
    },
    /// Measure nothing: write docs/benchmarks.md again from the figures that it has
    Page,
}

impl What {
    /// Everything, with the numbers that `--help` names.
    fn all() -> Vec<Self> {
        vec![
            Self::W { no_peer: false, no_build: false },
            Self::Steps,
            Self::Gateway,
            Self::Suspended { count: 1_000_000, timers: 10_000, due: 60 },
            Self::Signals { count: 2_000 },
            Self::Growth { steps: 10_000 },
            Self::Fairness { loud: 10_000, quiet: 400, slots: 16 },
            Self::Stops { count: 1_000 },
            Self::Guests { component: None },
        ]
    }
}

/// The command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let how = &args.how;
    let path = workspace::root().join("docs/benchmarks.md");
    for what in args.what.clone().map_or_else(What::all, |what| vec![what]) {
        let measured = measure(&what, how)?;
        if !how.write && !matches!(what, What::Page) {
            continue;
        }
        let old = fs::read_to_string(&path).unwrap_or_default();
        // after each one: a later one may fail
        fs::write(&path, page::page(&old, measured.as_ref())).with_context(|| format!("write {}", path.display()))?;
        println!("written: docs/benchmarks.md");
    }
    Ok(())
}

/// The section of a measurement and its figures.
fn measure(what: &What, how: &How) -> Result<Option<(Section, String)>> {
    let machine = Machine::read();
    if !matches!(what, What::Page) {
        println!("\n{machine}");
    }
    let (section, figures) = match what {
        What::Page => return Ok(None),
        // it names the machine in its own way
        What::W { no_peer, no_build } => {
            let figures = whole::run(how.quick, *no_peer, *no_build, machine)?;
            return Ok(Some((Section::W, figures)));
        }
        What::Steps => (Section::Steps, engine::steps(how)?),
        What::Gateway => (Section::Gateway, engine::gateway(how)?),
        What::Suspended { count, timers, due } => {
            let of = [("count", *count, 2_000), ("timers", *timers, 200), ("due", *due, 5)];
            (Section::Suspended, engine::run(how, "suspended", &of)?)
        }
        What::Signals { count } => (Section::Signals, engine::run(how, "signals", &[("count", *count, 100)])?),
        What::Growth { steps } => (Section::Growth, engine::run(how, "growth", &[("steps", *steps, 1_000)])?),
        What::Fairness { loud, quiet, slots } => {
            let of = [("loud", *loud, 300), ("quiet", *quiet, 40), ("slots", *slots, 16)];
            (Section::Fairness, engine::run(how, "fairness", &of)?)
        }
        What::Guests { component } => (Section::Guests, guests::run(how, component.as_deref())?),
        What::Stops { count } => (Section::Stops, engine::run(how, "stops", &[("count", *count, 30)])?),
    };
    Ok(Some((section, format!("{machine}\n{figures}\n"))))
}
