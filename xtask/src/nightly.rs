//! `cargo xtask nightly`: what takes hours. Many seeds of the simulation, whether it sees the bugs that are switched on, the
//! model of the takeover, every crash point, real kills and late owners, the guest images built again, the template in Rust
//! compiled as its author would, and the benchmarks in small.
//!
//! Each part goes on whatever the others found; the summary names what failed. A part that was cut off is repeated with
//! `--only`, the simulation from the seed that its last line of progress names (`--first`).

use anyhow::Result;

use crate::images;
use crate::kill;
use crate::process;
use crate::stage::Stages;
use crate::test::postgres::Postgres;
use crate::test::rust;
use crate::workspace::PROFILE;

const PARTS: [&str; 8] = ["model", "images", "template", "crash", "mutations", "kill", "bench", "simulation"];

/// How much.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Seeds of the simulation
    #[arg(long, default_value_t = 1_000_000)]
    seeds: u64,
    /// The first of them: where an earlier run was cut off
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Kills of a server on SQLite
    #[arg(long, default_value_t = 100)]
    sqlite_kills: u64,
    /// Kills of a server on PostgreSQL
    #[arg(long, default_value_t = 30)]
    postgres_kills: u64,
    /// Takeovers from a server that is stopped and wakes up late
    #[arg(long, default_value_t = 10)]
    zombies: u64,
    /// Only this part; may be repeated
    #[arg(long, value_name = "PART", value_parser = PARTS)]
    only: Vec<String>,
}

/// The command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let wanted = |part: &str| args.only.is_empty() || args.only.iter().any(|only| only == part);
    let mut stages = Stages::new();
    let mut server = None;
    let ready = stages.step("setup", || {
        server = Some(Postgres::start()?);
        Ok(())
    });
    let Some(server) = server.filter(|_| ready) else { return stages.finish(true) };
    if !stages.step("build", rust::build) {
        return stages.finish(true);
    }
    let url = server.url();
    if wanted("model") {
        stages.run("model", || rust::named("moltforge-store", "--lib", "nodes::protocol", url));
    }
    if wanted("images") {
        stages.step("images", images::check);
    }
    if wanted("template") {
        stages.run("template", || {
            let mut rustup = process::command("rustup");
            rustup.args(["target", "add", "wasm32-wasip2"]);
            process::run(rustup)?;
            rust::template(url)
        });
    }
    if wanted("crash") {
        stages.run("crash", || rust::named("moltforge-execution", "--test=it", "crash::", url));
    }
    if wanted("mutations") {
        stages.run("mutations", || rust::named("moltforge-execution", "--lib", "sim::mutations", url));
    }
    if wanted("kill") {
        stages.run("kill sqlite", || kill::sqlite(args.sqlite_kills));
        stages.run("kill postgres", || kill::postgres(&server, args.postgres_kills));
        stages.run("zombies", || kill::zombies(&server, args.zombies));
    }
    if wanted("bench") {
        // small, with the programs of the tests: that every benchmark runs, not its figures
        stages.step("bench", || {
            let mut bench = process::cargo();
            bench.args([
                "run",
                "-q",
                "-p",
                "xtask",
                "--profile",
                PROFILE,
                "--",
                "bench",
                "--quick",
                "--profile",
                PROFILE,
            ]);
            process::run(bench)
        });
    }
    if wanted("simulation") {
        stages.run("simulation", || rust::seeds(args.first, args.seeds));
    }
    drop(server);
    stages.finish(true)
}
