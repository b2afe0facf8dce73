//! What `moltforge dev` adds to a server: its folder and key, the sample agents, hot reload and the box.

pub mod folder;
pub mod summary;
pub mod watch;

use std::path::Path;
use std::time::Duration;

use moltforge_api::executions::{Execution, StartExecution};
use moltforge_client::{Client, StartOptions};
use serde_json::json;

use crate::agent_files;
use crate::commands::deploy::{self, Deployed};
use crate::output::{ACCENT, Attempt as _, DIM, Failure, GOOD, Output, PLAIN, WARN};

/// Where `dev` deploys to.
const ENVIRONMENT: &str = "production";
/// The agent that is run at the start, when there is one of this name.
const GREETER: &str = "hello";

/// Checks a file and makes it live when it says something new.
async fn deploy(client: &Client, path: &Path) -> Result<Deployed, Failure> {
    let file = agent_files::read(path).attempt(|| format!("deploy {}", path.display()))?;
    deploy::deploy(client, &file, ENVIRONMENT, false).await
}

/// Makes the agents of a folder live. A broken file is reported and does not keep the others from it.
pub async fn deploy_all(client: &Client, out: Output, folder: &Path) -> Vec<Deployed> {
    let files = match agent_files::find(folder).attempt(|| format!("deploy the agents of {}", folder.display())) {
        Ok(files) => files,
        Err(failure) => {
            out.failure(&failure);
            return Vec::new();
        }
    };
    let mut deployed = Vec::new();
    for path in files {
        if let Some(agent) = agent_files::unbuilt(&path) {
            let folder = path.parent().unwrap_or(&path).display().to_string();
            let build = format!(": (cd {folder} && cargo build --release) makes it live");
            out.notes(&[(ACCENT, &agent), (DIM, " is still to be built"), (DIM, &build)]);
            continue;
        }
        match deploy(client, &path).await {
            Ok(done) => deployed.push(done),
            Err(failure) => out.failure(&failure),
        }
    }
    let names: Vec<&str> = deployed.iter().map(|done| done.agent.as_str()).collect();
    let count = format!("{} agents live: ", names.len());
    out.notes(&[(GOOD, &count), (ACCENT, &names.join(", ")), (DIM, "  from "), (DIM, &folder.display().to_string())]);
    deployed
}

/// Runs the greeter and shows what it says, so that the first thing seen is an agent at work.
pub async fn greet(client: &Client, out: Output) {
    let body =
        StartExecution { agent: GREETER.to_owned(), input: json!({ "name": "world" }), ..StartExecution::default() };
    let options = StartOptions { idempotency_key: None, wait: Some(Duration::from_secs(10)) };
    match client.executions().start(&body, &options).await {
        Ok(execution) => show(out, &execution),
        Err(error) => out.notes(&[(WARN, "the sample agent did not run: "), (PLAIN, &error.to_string())]),
    }
}

fn show(out: Output, execution: &Execution) {
    let output = execution.output.as_ref().map(crate::commands::show::value);
    let error = execution.error.as_ref().map(|error| error.message.clone());
    let said = output.or(error).unwrap_or_else(|| execution.state.clone());
    out.notes(&[
        (GOOD, "ran "),
        (ACCENT, GREETER),
        (PLAIN, ": "),
        (PLAIN, &said),
        (DIM, "  "),
        (DIM, &execution.execution_id),
    ]);
}
