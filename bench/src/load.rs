//! The load client: one request is one whole run, whoever serves it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use tokio::task::JoinSet;

use crate::chance::Chance;
use crate::figures;
use crate::http::{Client, find};

/// The request of a run. `{uid}` in path, headers and body becomes a fresh id.
#[derive(clap::Args, Clone)]
pub(crate) struct Target {
    /// The server, HOST:PORT on loopback
    #[arg(long)]
    address: SocketAddr,
    /// The path
    #[arg(long)]
    path: String,
    /// A header as `name: value`; may be repeated
    #[arg(long = "header")]
    headers: Vec<String>,
    /// The body, JSON
    #[arg(long)]
    body: String,
    /// A text that a good answer holds
    #[arg(long, default_value = "")]
    expect: String,
}

/// One after another.
#[derive(clap::Args)]
pub(crate) struct LatencyArgs {
    #[command(flatten)]
    target: Target,
    /// Runs that are timed
    #[arg(long, default_value_t = 200)]
    count: u64,
    /// Runs before these
    #[arg(long, default_value_t = 30)]
    warm: u64,
}

/// Closed loop.
#[derive(clap::Args)]
pub(crate) struct ThroughputArgs {
    #[command(flatten)]
    target: Target,
    /// Runs in flight
    #[arg(long, default_value_t = 64)]
    clients: u64,
    /// Seconds of each repetition
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Repetitions; their median counts
    #[arg(long, default_value_t = 1)]
    times: usize,
    /// Seconds before these
    #[arg(long, default_value_t = 1)]
    warm: u64,
}

/// Many starts.
#[derive(clap::Args)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    target: Target,
    /// Runs
    #[arg(long, default_value_t = 10_000)]
    count: u64,
    /// Requests in flight
    #[arg(long, default_value_t = 16)]
    clients: u64,
}

struct Load {
    client: Client,
    target: Target,
    /// Differs between processes, so that ids do.
    prefix: u64,
    number: AtomicU64,
}

/// What a closed loop has seen.
#[derive(Default)]
struct Seen {
    /// Milliseconds of each good run.
    times: Vec<f64>,
    errors: u64,
    first_error: Option<String>,
    took: Duration,
}

impl Load {
    fn new(target: &Target) -> Result<Self> {
        let client = Client::new(target.address, String::new(), Duration::from_mins(1))?;
        Ok(Self { client, target: target.clone(), prefix: Chance::any_seed(), number: AtomicU64::new(0) })
    }

    async fn once(&self) -> Result<()> {
        let uid = format!("u{:x}-{}", self.prefix, self.number.fetch_add(1, Ordering::Relaxed));
        let fill = |text: &str| text.replace("{uid}", &uid);
        let headers: String = self.target.headers.iter().flat_map(|header| [fill(header), "\r\n".to_owned()]).collect();
        let body = fill(&self.target.body);
        let response = self.client.send("POST", &fill(&self.target.path), &headers, body.as_bytes()).await?;
        let expect = self.target.expect.as_bytes();
        if !response.good() || !(expect.is_empty() || find(&response.body, expect).is_some()) {
            bail!("{} {}", response.status, response.text());
        }
        Ok(())
    }

    /// `clients` tasks, each run after run, until the time or the number of runs is used up.
    async fn closed_loop(self: &Arc<Self>, clients: u64, time: Duration, count: u64) -> Result<Seen> {
        let begun = Instant::now();
        let left = Arc::new(AtomicU64::new(count));
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            let (load, left) = (self.clone(), left.clone());
            tasks.spawn(async move {
                let mut seen = Seen::default();
                let take = |left: u64| left.checked_sub(1);
                while begun.elapsed() < time && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    let started = Instant::now();
                    match load.once().await {
                        Ok(()) => seen.times.push(figures::millis(started.elapsed())),
                        Err(error) => {
                            seen.errors += 1;
                            seen.first_error.get_or_insert_with(|| format!("{error:#}"));
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    }
                }
                seen
            });
        }
        let mut all = Seen::default();
        while let Some(seen) = tasks.join_next().await {
            let seen = seen.context("a client task")?;
            all.times.extend(seen.times);
            all.errors += seen.errors;
            all.first_error = all.first_error.or(seen.first_error);
        }
        all.took = begun.elapsed();
        Ok(all)
    }
}

impl Seen {
    fn per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let count = self.times.len() as f64;
        count / self.took.as_secs_f64().max(1e-9)
    }
}

/// Prints the latency of `count` runs.
pub(crate) async fn latency(args: &LatencyArgs) -> Result<()> {
    let load = Arc::new(Load::new(&args.target)?);
    load.closed_loop(1, Duration::from_mins(1), args.warm).await?;
    let mut seen = load.closed_loop(1, Duration::from_mins(5), args.count).await?;
    let latency = figures::latency(&mut seen.times);
    println!("{}", json!({ "latency": latency, "errors": seen.errors, "first_error": seen.first_error }));
    Ok(())
}

/// Prints runs per second: the median repetition with its latency, and the spread.
pub(crate) async fn throughput(args: &ThroughputArgs) -> Result<()> {
    let load = Arc::new(Load::new(&args.target)?);
    let warm = load.closed_loop(args.clients, Duration::from_secs(args.warm), u64::MAX).await?;
    let (mut repetitions, mut errors, mut first_error, mut runs) = (Vec::new(), 0, None, 0);
    for _ in 0..args.times.max(1) {
        let seen = load.closed_loop(args.clients, Duration::from_secs(args.seconds), u64::MAX).await?;
        errors += seen.errors;
        runs += seen.times.len();
        first_error = first_error.or(seen.first_error.clone());
        repetitions.push(seen);
    }
    repetitions.sort_by(|a, b| a.per_second().total_cmp(&b.per_second()));
    let rates: Vec<f64> = repetitions.iter().map(|seen| figures::rounded(seen.per_second())).collect();
    let middle = rates.len() / 2;
    let latency = figures::latency(&mut repetitions[middle].times);
    let line = json!({
        "clients": args.clients, "per_second": rates[middle], "least": rates.first(), "most": rates.last(),
        "runs": runs, "warm_runs": warm.times.len(), "latency": latency, "errors": errors, "first_error": first_error,
    });
    println!("{line}");
    Ok(())
}

/// Prints how fast runs were accepted.
pub(crate) async fn start(args: &StartArgs) -> Result<()> {
    let load = Arc::new(Load::new(&args.target)?);
    let mut seen = load.closed_loop(args.clients, Duration::from_mins(10), args.count).await?;
    let (per_second, took) = (figures::rounded(seen.per_second()), seen.took.as_secs_f64());
    let latency = figures::latency(&mut seen.times);
    let line = json!({
        "started": seen.times.len(), "per_second": per_second, "seconds": figures::rounded(took), "latency": latency,
        "errors": seen.errors, "first_error": seen.first_error,
    });
    println!("{line}");
    Ok(())
}
