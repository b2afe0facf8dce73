//! Zombies: two servers on one PostgreSQL under load. The one that owns everything is stopped in the middle of what it
//! does, until the other has taken over; then it goes on as if nothing had been.
//!
//! Each server has a door to the model of its own, so that what a zombie still sends can be counted.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::runs::{self, Runs};
use super::{Args, agents, drain, verify};
use crate::chance::Chance;
use crate::counting::Counting;
use crate::figures;
use crate::http::Client;
use crate::model::{self, Model};
use crate::server::{self, Server, Setup};

/// Longer than a wait that a client asks for, short enough that one whose server is stopped comes back in time.
const LIMIT: Duration = Duration::from_secs(6);
/// How long a zombie may take to see that it is one, and how long it is watched then.
const SEES: Duration = Duration::from_secs(10);
const WATCHED: Duration = Duration::from_millis(500);
/// Requests that may come from a zombie after it woke up: they were between the last look at the clock and the wire, as
/// a connection was opened or the request written. No clock of ours can hold those back.
const ON_THE_WIRE: u64 = 8;

const TAKEN: &str = "the other server takes over while one is stopped";
const STANDS_BY: &str = "a zombie stops owning by itself and stands by";
const QUIET: &str = "a zombie sends no more than was on its way to the wire";
const KNOWN: &str = "no owner met a journal that it did not know";

struct Node {
    setup: Setup,
    server: Server,
    /// Requests that it sent to the model.
    asked: Arc<AtomicU64>,
}

impl Node {
    async fn is_ready(&self) -> Result<bool> {
        let client = Client::new(self.setup.address(), String::new(), Duration::from_secs(2))?;
        Ok(client.send("GET", "/readyz", "", b"").await.is_ok_and(|response| response.good()))
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Runs it all. Whether every check held.
pub(super) async fn harness(args: &Args, times: u64, seed: u64, chance: &Arc<Chance>, folder: &Path) -> Result<bool> {
    let model = Arc::new(Model::new("math_add", 30, seed ^ 1));
    let counting = Arc::new(Counting::new(20, seed ^ 2));
    let tools = counting.clone().spawn().await?;
    let mut nodes = Vec::new();
    for name in ["a", "b"] {
        let (model, asked) = model::door(model.clone()).await?;
        let setup = Setup {
            binary: args.binary.clone(),
            folder: folder.join(name),
            postgres: args.postgres.clone(),
            model,
            tools,
            port: server::free_port()?,
            key: Some(format!("mf_{}", "A".repeat(43))),
        };
        setup.write()?;
        // the first owns everything, the second stands by
        let server = if nodes.is_empty() { setup.start().await?.0 } else { setup.stand_by().await? };
        nodes.push(Node { setup, server, asked });
    }
    let [a, b] = nodes.try_into().map_err(|_| anyhow::anyhow!("two nodes"))?;
    let (mut owner, mut other) = (a, b);
    let headers = format!("authorization: Bearer {}\r\n", owner.setup.key()?);
    let client = Arc::new(Client::new(owner.setup.address(), headers, LIMIT)?);
    agents::deploy(&client, tools).await?;

    let runs = Arc::new(Runs::default());
    let load = runs::spawn(args.clients * 2, &runs, &client, chance);
    let (mut taken, mut late) = (Vec::new(), 0);
    let mut faults: Vec<(&str, String)> = Vec::new();
    for time in 1..=times {
        tokio::time::sleep(chance.millis(500, 1500)).await;
        owner.server.signal("STOP")?;
        let stopped = Instant::now();
        other.server.until(&other.setup, "/readyz").await.context(TAKEN)?;
        taken.push(figures::millis(stopped.elapsed()));
        client.turn_to(other.setup.port);
        tokio::time::sleep(chance.millis(0, 1500)).await;
        let before = owner.asked();
        owner.server.signal("CONT")?;
        let woken = Instant::now();
        while owner.is_ready().await? {
            if woken.elapsed() > SEES {
                faults.push((STANDS_BY, format!("zombie {time} is ready {SEES:?} after it woke up")));
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(WATCHED).await;
        let sent = owner.asked() - before;
        late += sent;
        if sent > ON_THE_WIRE {
            faults.push((QUIET, format!("zombie {time} asked the model {sent} times")));
        }
        if owner.is_ready().await? || !other.is_ready().await? {
            faults.push((STANDS_BY, format!("after zombie {time} the wrong server is ready")));
        }
        println!("  zombie {time}: {} runs accepted, {sent} late requests", runs.accepted());
        std::mem::swap(&mut owner, &mut other);
    }
    runs.stop();
    for task in load {
        task.await.context("a load task")?;
    }
    drain::started(&client, &runs).await?;
    let drained = drain::to_the_end(&client).await?;
    let mut report = verify::all(&client, &runs, &model, &counting).await?;
    report.excuse_turns(late);
    report.excuse_stops(usize::try_from(times * ON_THE_WIRE)?);
    for check in [TAKEN, STANDS_BY, QUIET, KNOWN] {
        report.add(check, []);
    }
    for (check, fault) in faults {
        report.add(check, [fault]);
    }
    for node in [&owner, &other] {
        report.add(KNOWN, unknown(&node.setup.log())?);
    }
    if taken.is_empty() {
        bail!("nothing was stopped");
    }
    let figures = json!({
        "seed": seed, "zombies": times, "runs": runs.accepted(), "starts_repeated": runs.repeated(),
        "takeover": figures::latency(&mut taken), "late_requests": late, "resumed_by_hand": drained.resumed,
        "drain_seconds": figures::rounded(drained.took.as_secs_f64()), "once_requests": report.once_requests,
    });
    println!("{figures}");
    report.print();
    Ok(report.good())
}

/// Lines of a log that say that a commit met something that its owner had not written: what a late write would do.
fn unknown(log: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(log).with_context(|| format!("read {}", log.display()))?;
    Ok(text.lines().filter(|line| line.contains("does not fit the store")).map(str::to_owned).collect())
}
