//! A loud project beside a quiet one: how long the quiet one waits, and which share of the slots each gets.

use std::time::{Duration, Instant};

use moltforge_execution::Config;
use moltforge_types::Principal;

use crate::arguments::Arguments;
use crate::database::Database;
use crate::figures::{Times, head, ratio};
use crate::node::{Node, start};
use crate::{Failed, agents, machine};

/// Starts of the loud project on their way at a time.
const TOGETHER: usize = 64;
/// Between two starts of the quiet project.
const BETWEEN: Duration = Duration::from_millis(25);
const PATIENCE: Duration = Duration::from_mins(5);

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failed> {
    let loud_count = arguments.number("loud", 10_000)?;
    let quiet_count = arguments.number("quiet", 200)?;
    let slots = arguments.number("slots", 16)?;
    let millis = arguments.number("takes", 100)?;
    for database in Database::all(arguments).await? {
        let settings = [
            ("slots of the node", slots.to_string()),
            ("each execution takes", format!("{millis} ms")),
            ("the loud project has queued", loud_count.to_string()),
            ("the quiet one starts", format!("{quiet_count}, one each {} ms", BETWEEN.as_millis())),
        ];
        machine::print(database.settings(), &settings);
        let config = Config { max_running: slots, queue_age_seconds: 3_600, ..Config::default() };
        let node = Node::start(database.open().await?, config).await?;
        let (loud, still) = (node.project("loud").await?, node.project("quiet").await?);
        for principal in [&loud, &still] {
            node.agent(principal, "takes", agents::takes(millis)).await?;
        }
        let alone = quiet(&node, &still, quiet_count).await?;
        let begun = Instant::now();
        queue(&node, &loud, loud_count).await?;
        let took = begun.elapsed();
        let (before, begun) = (ended(&node, &loud).await?, Instant::now());
        let beside = quiet(&node, &still, quiet_count).await?;
        let (served, left) = (ended(&node, &loud).await? - before, node.executions.gauges_of(loud.project_id).ready);
        let lasted = begun.elapsed();
        println!("{}", head(&format!("{}, the quiet project from start to end", database.name)));
        println!("| alone | {} |\n| beside the loud one | {} |", alone.cells(), beside.cells());
        println!(
            "\nqueued in {took:.1?}, {left} still waited in the end; meanwhile the quiet project had {:.0} % of what was served, \
             and asked for {:.0} % of the slots\n",
            100.0 * ratio(quiet_count as u64, quiet_count as u64 + served),
            100.0 * ratio(quiet_count as u64 * millis as u64, slots as u64) / lasted.as_secs_f64() / 1_000.0
        );
        share(&node, &loud, &still, loud_count / 4).await?;
        node.executions.abandon().await;
    }
    Ok(())
}

/// Both have more than can be served: what each gets.
async fn share(node: &Node, loud: &Principal, still: &Principal, count: usize) -> Result<(), Failed> {
    queue(node, still, count.max(1)).await?;
    let before = (ended(node, loud).await?, ended(node, still).await?);
    let begun = Instant::now();
    // a real wait: while both have something left
    while begun.elapsed() < Duration::from_secs(10)
        && [loud, still].iter().all(|principal| node.executions.gauges_of(principal.project_id).ready > 0)
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let served = (ended(node, loud).await? - before.0, ended(node, still).await? - before.1);
    println!(
        "both with a queue, for {:.1?}: {} of the loud one and {} of the other were served, {:.0} and {:.0} %\n",
        begun.elapsed(),
        served.0,
        served.1,
        100.0 * ratio(served.0, served.0 + served.1),
        100.0 * ratio(served.1, served.0 + served.1)
    );
    Ok(())
}

async fn queue(node: &Node, principal: &Principal, count: usize) -> Result<(), Failed> {
    for _ in 0..count.div_ceil(TOGETHER) {
        let starts = (0..TOGETHER.min(count)).map(|_| node.run(principal, "takes", false));
        futures::future::try_join_all(starts).await?;
    }
    Ok(())
}

/// Executions of a project that have ended.
async fn ended(node: &Node, principal: &Principal) -> Result<u64, Failed> {
    let counts = node.store.executions(principal.project_id).counts().await?;
    Ok(counts.into_iter().filter(|(state, _)| state.is_terminal()).map(|(_, count)| count).sum())
}

/// Starts one after the other, whether those before have ended or not, and says how long each took.
async fn quiet(node: &Node, principal: &Principal, count: usize) -> Result<Times, Failed> {
    let mut tasks = Vec::new();
    for _ in 0..count {
        let (executions, principal, start) = (node.executions.clone(), principal.clone(), start("takes")?);
        tasks.push(tokio::spawn(async move {
            let begun = Instant::now();
            let ended = executions.accept(&principal, start, None, Some(PATIENCE)).await;
            ended.map(|_| begun.elapsed())
        }));
        tokio::time::sleep(BETWEEN).await;
    }
    let mut times = Times::default();
    for task in tasks {
        times.push(task.await??);
    }
    Ok(times)
}
