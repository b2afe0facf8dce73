//! `moltforge executions tree`

use std::collections::{HashMap, HashSet};

use moltforge_api::executions::TreeNode;

use super::super::show;
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, DIM, Exit, Failure, PLAIN, Table};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// exe_...
    execution: String,
}

/// Each below its parent.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let execution = args.execution.as_str();
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
