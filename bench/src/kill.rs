//! The kill harness: the real program, SIGKILL at random moments under load, a restart each time, and then the proof.
//!
//! Load comes from tasks that start runs over HTTP and repeat every unanswered request with the same idempotency key,
//! as a careful client does. The model and the tools live in this process and survive. After the last restart
//! everything is let to its end and [`verify`] looks at each execution.

mod agents;
mod drain;
mod hands;
mod runs;
mod verify;
mod zombies;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::json;

use self::runs::Runs;
use crate::chance::Chance;
use crate::counting::Counting;
use crate::figures;
use crate::http::Client;
use crate::model::{self, Model};
use crate::server::{self, Setup};

/// What to kill, and how often.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The program
    #[arg(long)]
    binary: PathBuf,
    /// How often it is killed; 100 when absent
    #[arg(long)]
    cycles: Option<u64>,
    /// Stop killing after this many seconds, however many cycles are left
    #[arg(long)]
    seconds: Option<u64>,
    /// Fail when there were fewer kills than this by then; as many as --cycles says when absent
    #[arg(long)]
    at_least: Option<u64>,
    /// Tasks that start runs
    #[arg(long, default_value_t = 8)]
    clients: u64,
    /// Repeat the choices of an earlier run
    #[arg(long)]
    seed: Option<u64>,
    /// A PostgreSQL URL of an empty database, instead of SQLite
    #[arg(long)]
    postgres: Option<String>,
    /// Instead of killing: two servers on one PostgreSQL, of which the one that owns everything is stopped (SIGSTOP) this
    /// many times until the other has taken over, and then goes on
    #[arg(long, requires = "postgres")]
    zombies: Option<u64>,
    /// Where the data folder is made; the system's folder for temporary files when absent
    #[arg(long)]
    under: Option<PathBuf>,
}

/// How often it is killed when nobody says so.
const CYCLES: u64 = 100;

impl Args {
    fn cycles(&self) -> u64 {
        self.cycles.unwrap_or(CYCLES)
    }

    /// Kills below which the run proves less than was asked for.
    fn at_least(&self) -> u64 {
        self.at_least.or(self.cycles).unwrap_or(0)
    }
}

/// Runs it all. Whether every check held.
pub(crate) async fn run(args: Args) -> Result<bool> {
    let seed = args.seed.unwrap_or_else(Chance::any_seed);
    let chance = Arc::new(Chance::new(seed));
    let folder = server::folder(args.under.as_deref(), seed)?;
    let store = if args.postgres.is_some() { "PostgreSQL" } else { "SQLite" };
    let what = args.zombies.map_or_else(|| format!("{} kills", args.cycles()), |times| format!("{times} zombies"));
    println!("seed {seed}, {what} on {store}, data in {}", folder.display());
    let good = match args.zombies {
        None => harness(&args, seed, &chance, folder.clone()).await,
        Some(times) => zombies::harness(&args, times, seed, &chance, &folder).await,
    };
    if matches!(good, Ok(true)) {
        std::fs::remove_dir_all(&folder).context("remove the data folder")?;
    } else {
        println!("the data folder stays at {}; repeat with --seed {seed} --cycles {}", folder.display(), args.cycles());
    }
    good
}

async fn harness(args: &Args, seed: u64, chance: &Arc<Chance>, folder: PathBuf) -> Result<bool> {
    let model = Arc::new(Model::new("math_add", 30, seed ^ 1));
    let counting = Arc::new(Counting::new(20, seed ^ 2));
    let setup = Setup {
        binary: args.binary.clone(),
        folder,
        postgres: args.postgres.clone(),
        model: model::spawn(model.clone()).await?,
        tools: counting.clone().spawn().await?,
        port: server::free_port()?,
        key: None,
    };
    setup.write()?;
    let (mut running, first) = setup.start().await?;
    let headers = format!("authorization: Bearer {}\r\n", setup.key()?);
    let client = Arc::new(Client::new(setup.address(), headers, Duration::from_secs(20))?);
    agents::deploy(&client, setup.tools).await?;

    let runs = Arc::new(Runs::default());
    let load = runs::spawn(args.clients, &runs, &client, chance);
    let begun = Instant::now();
    let mut restarts = Vec::new();
    for cycle in 1..=args.cycles() {
        tokio::time::sleep(chance.millis(100, 800)).await;
        running.kill()?;
        client.forget();
        let (next, ready) = setup.start().await.with_context(|| format!("restart {cycle}"))?;
        running = next;
        restarts.push(figures::millis(ready));
        if cycle % 10 == 0 {
            println!("  {cycle} kills, {} runs accepted", runs.accepted());
        }
        if args.seconds.is_some_and(|seconds| begun.elapsed() > Duration::from_secs(seconds)) {
            break;
        }
    }
    let kills = restarts.len();
    let killing = begun.elapsed();
    runs.stop();
    for task in load {
        task.await.context("a load task")?;
    }
    drain::started(&client, &runs).await?;
    let drained = drain::to_the_end(&client).await?;
    let mut report = verify::all(&client, &runs, &model, &counting).await?;
    drop(running);
    let few = (kills as u64) < args.at_least();
    let said = few.then(|| format!("{kills} kills in {killing:?}, at least {} were to come", args.at_least()));
    report.add("the server was killed often enough", said);

    let figures = json!({
        "seed": seed, "kills": kills, "seconds": figures::rounded(killing.as_secs_f64()), "runs": runs.accepted(),
        "starts_repeated": runs.repeated(), "first_start_ms": figures::rounded(figures::millis(first)),
        "restart": figures::latency(&mut restarts), "drain_seconds": figures::rounded(drained.took.as_secs_f64()),
        "resumed_by_hand": drained.resumed, "keyed_requests": report.keyed_requests,
        "once_requests": report.once_requests,
    });
    println!("{figures}");
    report.print();
    Ok(report.good())
}
