//! `cargo xtask kill`: SIGKILL under load, again and again, or two servers of which one is stopped and wakes up late. The
//! harness itself is `workload kill` in `bench/`; this builds both programs and gives it a database.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::stage::Tally;
use crate::test::counted;
use crate::test::postgres::Postgres;
use crate::workspace::{self, PROFILE};

/// How often and on what.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often the server is killed; 100 when absent
    #[arg(long)]
    cycles: Option<u64>,
    /// On a throw-away PostgreSQL instead of SQLite
    #[arg(long)]
    postgres: bool,
    /// Instead of killing: two servers on one PostgreSQL; the one that owns everything is stopped (SIGSTOP) this many
    /// times until the other has taken over, and then goes on
    #[arg(long, value_name = "TIMES")]
    zombie: Option<u64>,
    /// Repeat the choices of an earlier run
    #[arg(long)]
    seed: Option<u64>,
    /// Stop killing after this many seconds. With --cycles it fails when fewer kills came
    #[arg(long)]
    seconds: Option<u64>,
    /// Fail with fewer kills than this instead
    #[arg(long)]
    at_least: Option<u64>,
    /// With the release build
    #[arg(long)]
    release: bool,
}

/// The command: builds, kills, proves.
pub(crate) fn run(args: &Args) -> Result<()> {
    let profile = if args.release { "release" } else { PROFILE };
    let mut build = process::cargo();
    build.args(["build", "-p", "moltforge", "-p", "moltforge-workload", "--profile", profile]);
    process::run(build)?;
    let server = if args.postgres || args.zombie.is_some() { Some(Postgres::start()?) } else { None };
    let mut command = harness(profile, args.cycles);
    let database = server.as_ref().map(|server| server.database("kill")).transpose()?;
    if let Some(database) = &database {
        command.arg("--postgres").arg(database);
    }
    if let Some(times) = args.zombie {
        command.args(["--zombies", &times.to_string()]);
    }
    if let Some(seed) = args.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(least) = args.at_least {
        command.args(["--at-least", &least.to_string()]);
    }
    if let Some(seconds) = args.seconds {
        command.args(["--seconds", &seconds.to_string()]);
    }
    let tally = counted(command)?;
    if let Some(database) = &database {
        dense(database)?;
    }
    if tally.failed > 0 {
        bail!("{} checks failed", tally.failed);
    }
    Ok(())
}

/// As a stage of the tests: fewer kills on both databases, within a bounded time. Everything is built already.
pub(crate) fn bounded(server: &Postgres) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut sqlite = harness(PROFILE, Some(40));
    sqlite.args(["--seconds", "75", "--at-least", "12"]);
    tally.add(counted(sqlite)?);
    let mut postgres = harness(PROFILE, Some(20));
    postgres.args(["--seconds", "60", "--at-least", "6", "--postgres"]).arg(server.database("kill")?);
    tally.add(counted(postgres)?);
    tally.add(zombies(server, 3)?);
    Ok(tally)
}

/// So many kills on SQLite. Everything is built already, here and below.
pub(crate) fn sqlite(cycles: u64) -> Result<Tally> {
    counted(harness(PROFILE, Some(cycles)))
}

/// So many kills on PostgreSQL.
pub(crate) fn postgres(server: &Postgres, cycles: u64) -> Result<Tally> {
    let database = server.database("kills")?;
    let mut command = harness(PROFILE, Some(cycles));
    command.arg("--postgres").arg(&database);
    let tally = counted(command)?;
    dense(&database)?;
    Ok(tally)
}

/// So many takeovers from a server that wakes up late.
pub(crate) fn zombies(server: &Postgres, times: u64) -> Result<Tally> {
    let database = server.database("zombie")?;
    let mut command = harness(PROFILE, None);
    command.args(["--zombies", &times.to_string(), "--postgres", &database]);
    let tally = counted(command)?;
    dense(&database)?;
    Ok(tally)
}

/// Each shard numbers its entries without a gap, and each execution's row says where its journal ends: looked at in the
/// tables, past every program of ours. For a run that is too short for anything to be packed or purged.
fn dense(database: &str) -> Result<()> {
    let mut query = Command::new(Postgres::program("psql"));
    query.arg(database).args(["-q", "-A", "-t", "-c"]).arg(
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM journal GROUP BY shard HAVING count(*) <> max(lsn)) s) || ' ' || \
         (SELECT count(*) FROM execution e WHERE last_seq <> (SELECT count(*) FROM journal j \
         WHERE j.execution_id = e.execution_id) OR last_seq <> (SELECT max(seq) FROM journal j \
         WHERE j.execution_id = e.execution_id))",
    );
    let found = process::output(query).context("look at the tables")?;
    if found != "0 0" {
        bail!("shards with gaps and executions that do not fit their journals: {found}");
    }
    println!("  every shard is numbered without a gap, and every execution fits its journal");
    Ok(())
}

fn harness(profile: &str, cycles: Option<u64>) -> Command {
    let mut command = process::command(workspace::built(profile, "workload"));
    command.arg("kill").arg("--binary").arg(workspace::built(profile, "moltforge"));
    if let Some(cycles) = cycles {
        command.args(["--cycles", &cycles.to_string()]);
    }
    command
}

impl Postgres {
    /// A new database of this server, as a URL.
    pub(crate) fn database(&self, name: &str) -> Result<String> {
        let name = format!("{name}_{}", std::process::id());
        let mut create = Command::new(Self::program("psql"));
        create.arg(self.url()).args(["-q", "-c", &format!("CREATE DATABASE {name}")]);
        process::run(create).context("create a database")?;
        let server = self.url().rsplit_once('/').map_or(self.url(), |(server, _)| server);
        Ok(format!("{server}/{name}"))
    }
}
