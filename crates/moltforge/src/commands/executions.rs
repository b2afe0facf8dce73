//! `moltforge executions`

mod long;

use std::collections::{HashMap, HashSet};

use futures::{StreamExt as _, TryStreamExt as _};
use moltforge_api::executions::{Execution, ListEvents, ListExecutions, Step, TreeNode};
use serde_json::Value;

use super::{receipt, run, show, timeline};
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, BAD, DIM, Exit, Failure, Output, PLAIN, Table};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List executions, newest first
    List {
        /// Only this agent's, by name or id
        #[arg(long, short)]
        agent: Option<String>,
        /// Only those in this state; `live` for all that have not ended
        #[arg(long, short)]
        state: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show an execution
    Get {
        /// exe_...
        execution: String,
    },
    /// Show an execution's steps
    Steps {
        /// exe_...
        execution: String,
    },
    /// Start a new execution with a copy of the steps before a step; what they did is not done again
    Fork(long::Fork),
    /// Go on from an earlier step: fork there, and cancel this execution if it has not ended
    Restart(long::Restart),
    /// Run the engine over the journal again, without effects, and show the first difference
    Replay(long::Replay),
    /// Show an execution and everything that it started
    Tree {
        /// exe_...
        execution: String,
    },
    /// Show what a stop did: how long it took, what was aborted
    Receipt {
        /// exe_...
        execution: String,
    },
    /// Show an execution's events
    Events {
        /// exe_...
        execution: String,
        /// Go on until it has ended; the exit code is the run's
        #[arg(long, short)]
        follow: bool,
    },
}

/// Does what the verb says.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    match args.verb.unwrap_or(Verb::List { agent: None, state: None, limit: 50 }) {
        Verb::List { agent, state, limit } => list(context, agent, state, limit).await,
        Verb::Get { execution } => {
            let attempted = || format!("get execution {execution}");
            let client = context.connection.client().attempt(attempted)?;
            let execution = client.executions().get(&execution).await.attempt(attempted)?;
            context.output.data(&execution, |out| get(out, &execution));
            Ok(Exit::Done)
        }
        Verb::Tree { execution } => tree(context, &execution).await,
        Verb::Receipt { execution } => {
            let attempted = || format!("get the receipt of {execution}");
            let client = context.connection.client().attempt(attempted)?;
            let stopped = client.executions().receipt(&execution).await.attempt(attempted)?;
            context.output.data(&stopped, |out| receipt::print(out, &stopped));
            Ok(Exit::Done)
        }
        Verb::Steps { execution } => steps(context, &execution).await,
        Verb::Fork(args) => long::fork(args, context).await,
        Verb::Restart(args) => long::restart(args, context).await,
        Verb::Replay(args) => long::replay(args, context).await,
        Verb::Events { execution, follow } => events(context, &execution, follow).await,
    }
}

async fn tree(context: &Context, execution: &str) -> Result<Exit, Failure> {
    let attempted = || format!("get the tree of {execution}");
    let client = context.connection.client().attempt(attempted)?;
    let nodes = client.executions().tree(execution).await.attempt(attempted)?.items;
    context.output.data(&nodes, |out| {
        let mut table = Table::new(&["EXECUTION", "AGENT", "STATE", "PARENT"], "nothing");
        for (depth, node) in below_its_parent(&nodes) {
            let branch = if depth == 0 { String::new() } else { format!("└{} ", "─".repeat(depth)) };
            table.row([
                (ACCENT, format!("{branch}{}", node.execution_id).as_str()),
                (PLAIN, &node.agent_name),
                (show::state(&node.state), &node.state),
                (DIM, node.parent_id.as_deref().unwrap_or("-")),
            ]);
        }
        out.table(&table);
    });
    Ok(Exit::Done)
}

/// The executions of a tree with their depths, each after its parent and before its parent's next child.
fn below_its_parent(nodes: &[TreeNode]) -> Vec<(usize, &TreeNode)> {
    let mut children: HashMap<&str, Vec<&TreeNode>> = HashMap::new();
    let ids: HashSet<&str> = nodes.iter().map(|node| node.execution_id.as_str()).collect();
    let mut open = Vec::new();
    for node in nodes.iter().rev() {
        match node.parent_id.as_deref().filter(|parent| ids.contains(parent)) {
            Some(parent) => children.entry(parent).or_default().push(node),
            None => open.push((0, node)),
        }
    }
    let mut ordered = Vec::with_capacity(nodes.len());
    while let Some((depth, node)) = open.pop() {
        ordered.push((depth, node));
        open.extend(
            children.remove(node.execution_id.as_str()).unwrap_or_default().into_iter().map(|child| (depth + 1, child)),
        );
    }
    ordered
}

async fn list(context: &Context, agent: Option<String>, state: Option<String>, limit: usize) -> Result<Exit, Failure> {
    let attempted = || "list executions".to_owned();
    let client = context.connection.client().attempt(attempted)?;
    let page = u32::try_from(limit.clamp(1, 200)).ok();
    let filter = ListExecutions { agent, state, cursor: None, limit: page };
    let all = client.executions().list_all(filter).take(limit);
    let executions: Vec<Execution> = all.try_collect().await.attempt(attempted)?;
    context.output.data(&executions, |out| {
        let header = &["EXECUTION", "AGENT", "STATE", "WAITS FOR", "CREATED", "TOKENS"];
        let mut table = Table::new(header, "no executions; `moltforge run AGENT` starts one");
        for execution in &executions {
            let why = execution.reason.as_deref().or(execution.waiting_for.as_deref()).unwrap_or("-");
            table.row([
                (ACCENT, execution.execution_id.as_str()),
                (PLAIN, &format!("{} v{}", execution.agent_name, execution.version)),
                (show::state(&execution.state), &execution.state),
                (PLAIN, why),
                (DIM, &show::time(&execution.created_at)),
                (PLAIN, &execution.tokens.to_string()),
            ]);
        }
        out.table(&table);
    });
    Ok(Exit::Done)
}

fn get(out: Output, execution: &Execution) {
    let field = |name: &str, value: &str| out.pieces(&[(DIM, &format!("{name:<12}")), (PLAIN, value)]);
    out.pieces(&[
        (ACCENT, &execution.execution_id),
        (PLAIN, "  "),
        (show::state(&execution.state), &execution.state),
        (PLAIN, "  "),
        (PLAIN, execution.reason.as_deref().unwrap_or_default()),
    ]);
    field("agent", &format!("{} v{}", execution.agent_name, execution.version));
    field("environment", execution.environment.as_deref().unwrap_or("-"));
    field("attempt", &execution.attempt.to_string());
    field("created", &show::time(&execution.created_at));
    field("updated", &show::time(&execution.updated_at));
    field("finished", &show::maybe_time(execution.finished_at.as_deref()));
    if let Some(waiting) = &execution.waiting_for {
        field("waits for", waiting);
    }
    if let Some(at) = &execution.wake_at {
        field("wakes at", &show::time(at));
    }
    if execution.trigger != "api" {
        let by = execution.trigger_id.as_ref().or(execution.parent_id.as_ref()).or(execution.forked_from.as_ref());
        field("started by", &by.map_or_else(|| execution.trigger.clone(), |id| format!("{} {id}", execution.trigger)));
    }
    if let Some(root) = execution.root_id.as_ref().filter(|root| execution.parent_id.as_ref() != Some(*root)) {
        field("root", root);
    }
    if let Some(at) = &execution.archived_at {
        field("archived", &show::time(at));
    }
    if execution.priority != moltforge_types::origin::DEFAULT_PRIORITY {
        field("priority", &execution.priority.to_string());
    }
    if let Some(key) = &execution.concurrency_key {
        field("key", key);
    }
    field("tokens", &execution.tokens.to_string());
    field("input", &execution.input.to_string());
    if let Some(output) = &execution.output {
        field("output", &show::value(output));
    }
    if let Some(error) = &execution.error {
        out.pieces(&[(DIM, "error       "), (BAD, &error.code), (PLAIN, ": "), (PLAIN, &error.message)]);
    }
}

async fn steps(context: &Context, execution: &str) -> Result<Exit, Failure> {
    let attempted = || format!("show the steps of {execution}");
    let client = context.connection.client().attempt(attempted)?;
    let steps: Vec<Step> = client.executions().steps_all(execution).try_collect().await.attempt(attempted)?;
    context.output.data(&steps, |out| {
        let mut table = Table::new(&["#", "KIND", "NAME", "STATE", "TOOK", "TOKENS", "IN", "OUT"], "no steps yet");
        for step in &steps {
            let shown = |value: Option<&Value>| value.map_or_else(|| "-".to_owned(), show::value);
            let waits = step.waiting_for.as_ref().map(|what| format!("waits for {what}"));
            let error = step.error.as_ref().map(|error| format!("{}: {}", error.code, error.message));
            table.row([
                (DIM, step.step.to_string().as_str()),
                (PLAIN, &step.kind),
                (ACCENT, &step.name),
                (show::state(&step.state), &step.state),
                (PLAIN, &step.duration_us.map_or_else(|| "-".to_owned(), show::duration)),
                (PLAIN, &step.usage.map_or_else(|| "-".to_owned(), |u| (u.input_tokens + u.output_tokens).to_string())),
                (DIM, &shown(step.input.as_ref())),
                (PLAIN, &error.or(waits).unwrap_or_else(|| shown(step.output.as_ref()))),
            ]);
        }
        out.table(&table);
    });
    Ok(Exit::Done)
}

async fn events(context: &Context, execution: &str, follow: bool) -> Result<Exit, Failure> {
    let attempted = || format!("show the events of {execution}");
    let client = context.connection.client().attempt(attempted)?;
    if follow {
        let execution = client.executions().get(execution).await.attempt(attempted)?;
        return run::follow(context.output, &client, &execution).await;
    }
    let mut all = Vec::new();
    loop {
        let after = all.last().and_then(|event: &moltforge_types::event::CloudEvent| event.id.parse().ok());
        let page = client.executions().events_page(execution, &ListEvents { after, limit: Some(1000) }).await;
        let page = page.attempt(attempted)?;
        let more = page.next.is_some() && !page.items.is_empty();
        all.extend(page.items);
        if !more {
            break;
        }
    }
    context.output.data(&all, |out| all.iter().for_each(|event| timeline::print(out, event)));
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_reads_from_the_top_down() {
        let node = |id: &str, parent: Option<&str>| TreeNode {
            execution_id: id.to_owned(),
            agent_name: "a".to_owned(),
            state: "running".to_owned(),
            parent_id: parent.map(str::to_owned),
        };
        // as the API lists them: level by level
        let nodes =
            [node("1", None), node("2", Some("1")), node("3", Some("1")), node("4", Some("2")), node("5", Some("3"))];
        let ordered: Vec<_> =
            below_its_parent(&nodes).into_iter().map(|(depth, node)| (depth, node.execution_id.as_str())).collect();
        assert_eq!(ordered, [(0, "1"), (1, "2"), (2, "4"), (1, "3"), (2, "5")]);
    }
}
