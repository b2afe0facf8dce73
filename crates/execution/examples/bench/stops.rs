//! What an interruption costs: kill, cancel, pause and resume of executions that run, wait or have children.

use std::time::{Duration, Instant};

use moltforge_execution::Config;
use moltforge_types::{ExecutionId, Principal};

use crate::arguments::Arguments;
use crate::database::Database;
use crate::figures::{Times, head};
use crate::node::Node;
use crate::statements;
use crate::{Failed, agents, machine};

/// Executions that are prepared at a time.
const TOGETHER: usize = 32;
/// Children of each tree.
const CHILDREN: usize = 3;
/// A model call that nobody waits for to its end.
const LONG: usize = 600_000;

/// What is done to each.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Kill,
    Cancel,
    PauseAndResume,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failed> {
    let count = arguments.number("count", 300)?;
    for database in Database::all(arguments).await? {
        let node = Node::start(database.open().await?, Config::default()).await?;
        let principal = node.project("stops").await?;
        node.agent(&principal, "waiting", agents::waits_for_signal()).await?;
        node.agent(&principal, "calling", agents::takes(LONG)).await?;
        node.agent(&principal, "parent", agents::has_children("calling", CHILDREN)).await?;
        let settings = [("interruptions of each kind", count.to_string()), ("one after another", "yes".to_owned())];
        machine::print(database.settings(), &settings);
        println!("{}", head(&format!("{}, from the request to its answer", database.name)));
        let mut sent = Vec::new();
        for (title, agent, what) in [
            ("kill, a model call on its way", "calling", What::Kill),
            ("cancel, a model call on its way", "calling", What::Cancel),
            ("kill, suspended and not in memory", "waiting", What::Kill),
            ("kill, a parent with three children, all calling a model", "parent", What::Kill),
            ("pause and resume, a model call on its way", "calling", What::PauseAndResume),
        ] {
            let (answered, stopped) = interrupt(&node, &principal, agent, what, count, &mut sent).await?;
            println!("| {title} | {} |", answered.cells());
            if stopped.len() > 0 {
                println!(
                    "| &nbsp; as its receipt says, from the durable request to the durable end | {} |",
                    stopped.cells()
                );
            }
            if let Some(last) = sent.last_mut() {
                *last = format!("{title}: {last}");
            }
        }
        println!("\nStatements for each. {}.\n", sent.join(". "));
        node.executions.abandon().await;
    }
    Ok(())
}

async fn interrupt(
    node: &Node,
    principal: &Principal,
    agent: &str,
    what: What,
    count: usize,
    sent: &mut Vec<String>,
) -> Result<(Times, Times), Failed> {
    let (mut answered, mut stopped) = (Times::default(), Times::default());
    let mut statements = std::collections::BTreeMap::<String, u64>::new();
    let mut left = count;
    while left > 0 {
        let mut ids = Vec::new();
        for _ in 0..TOGETHER.min(left) {
            let view = node.run(principal, agent, agent == "waiting").await?;
            ids.push(view.execution_id.parse::<ExecutionId>()?);
        }
        if agent == "parent" {
            for id in &ids {
                at_work(node, principal, *id).await?;
            }
        }
        left -= ids.len();
        statements::take();
        for id in &ids {
            let begun = Instant::now();
            let view = match what {
                What::Kill => node.executions.kill(principal, *id, None).await?,
                What::Cancel => node.executions.cancel(principal, *id, None).await?,
                What::PauseAndResume => {
                    node.executions.pause(principal, *id, None).await?;
                    node.executions.resume(principal, *id, None).await?
                }
            };
            answered.push(begun.elapsed());
            if let Some(receipt) = view.receipt {
                stopped.extend(receipt.stopped.stop_us.map(Duration::from_micros));
            }
        }
        for (name, number) in statements::take() {
            *statements.entry(name).or_default() += number;
        }
        if what == What::PauseAndResume {
            for id in ids {
                node.executions.kill(principal, id, None).await?;
            }
        }
    }
    sent.push(statements::each(&statements, count));
    Ok((answered, stopped))
}

/// Waits until a parent's children all run.
async fn at_work(node: &Node, principal: &Principal, id: ExecutionId) -> Result<(), Failed> {
    let begun = Instant::now();
    loop {
        let tree = node.executions.tree(principal.project_id, id).await?;
        if tree.iter().skip(1).filter(|child| child.state == "running").count() == CHILDREN {
            return Ok(());
        }
        if begun.elapsed() > Duration::from_secs(30) {
            let states: Vec<_> = tree.into_iter().map(|node| node.state).collect();
            return Err(format!("the children do not run: {states:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
