//! `cargo xtask sim`: many seeds of the simulated engine, or one seed again with all that happens in it.

use anyhow::Result;

use crate::process;
use crate::workspace::PROFILE;

/// Seeds of the tests: four minutes on two cores.
pub(crate) const SEEDS: u64 = 20_000;

/// Which seeds.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many seeds
    #[arg(long, default_value_t = SEEDS)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Only this one, with all that happens printed
    #[arg(long)]
    seed: Option<u64>,
}

/// The command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut cargo = process::cargo();
    cargo.args(["test", "-p", "moltforge-execution", "--lib", "--profile", PROFILE, "sim::seeds::seeds", "--"]);
    cargo.args(["--exact", "--nocapture"]);
    match args.seed {
        Some(seed) => cargo.env("MOLTFORGE_SIM_SEED", seed.to_string()),
        None => {
            cargo.env("MOLTFORGE_SIM_SEEDS", args.seeds.to_string()).env("MOLTFORGE_SIM_FIRST", args.first.to_string())
        }
    };
    process::run(cargo)
}
