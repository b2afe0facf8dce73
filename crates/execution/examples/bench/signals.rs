//! Wake-up by signal, of executions that are not in memory.

use moltforge_execution::Config;

use crate::arguments::Arguments;
use crate::database::Database;
use crate::figures::head;
use crate::node::Node;
use crate::{Failed, agents, machine, wakes};

/// Wake-ups at the same time in the second part.
const TOGETHER: usize = 16;

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failed> {
    let count = arguments.number("count", 1_000)?;
    for database in Database::all(arguments).await? {
        let node = Node::start(database.open().await?, Config::default()).await?;
        let principal = node.project("signals").await?;
        node.agent(&principal, "waiting", agents::waits_for_signal()).await?;
        let settings = [("wake-ups of each kind", count.to_string())];
        machine::print(database.settings(), &settings);
        // the first ones find cold caches and unplanned statements
        let warm = node.run_many(&principal, "waiting", count.div_ceil(10), 64).await?;
        wakes::measure(&node, &principal, &warm, 1).await?;
        for together in [1, TOGETHER] {
            let ids = node.run_many(&principal, "waiting", count, 64).await?;
            let title = format!("{}, {together} at a time", database.name);
            wakes::measure(&node, &principal, &ids, together).await?.print(&title);
        }
        if let Some(folder) = database.folder() {
            println!(
                "{}\n| overwrite 8 KiB + fdatasync | {} |\n",
                head("the disk's floor"),
                machine::sync(folder)?.cells()
            );
        }
        node.executions.drain().await;
    }
    Ok(())
}
