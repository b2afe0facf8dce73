//! `moltforge deploy`: checks agent files here, then makes them live there.

use std::path::PathBuf;

use moltforge_api::agents::Agent;
use moltforge_api::deployments::{Deploy, Deployment};
use moltforge_api::versions::FieldChange;
use moltforge_client::Client;
use moltforge_types::Fault as _;
use serde::Serialize;

use super::difference;
use crate::agent_files::{self, AgentFile};
use crate::cli::Context;
use crate::output::progress::Progress;
use crate::output::{ACCENT, Attempt as _, DIM, Exit, Failure, GOOD, Output, PLAIN};
use crate::programs::Program;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An agent file, a program (`agent.js`, `agent.py`), an agent's folder, or a folder of agents' folders
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The environment
    #[arg(long, short, default_value = "production")]
    env: String,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// What became of one file.
#[derive(Debug, Serialize)]
pub struct Deployed {
    /// The agent's name.
    pub agent: String,
    /// The file.
    pub path: String,
    /// The environment.
    pub environment: String,
    /// The version that was live before.
    pub from: Option<u32>,
    /// The version that is live now; absent after a dry run that would make a new one.
    pub version: Option<u32>,
    /// Whether anything differs from what was live.
    pub changed: bool,
    /// Nothing was done.
    pub dry_run: bool,
    /// How it differs from what was live.
    pub changes: Vec<FieldChange>,
    /// The files of its program.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// All files are checked before the first is sent. One that the server refuses does not keep the others from it.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("deploy {}", args.path.display());
    let paths = agent_files::find(&args.path).attempt(attempted)?;
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        files.push(agent_files::read(&path).attempt(|| format!("deploy {}", path.display()))?);
    }
    let client = context.connection.client().attempt(attempted)?;
    let out = context.output;
    let (mut all, mut exit) = (Vec::with_capacity(files.len()), Exit::Done);
    for file in &files {
        let progress = Progress::start(out, &format!("deploying {}", file.config.name));
        let deployed = deploy(&client, file, &args.env, args.dry_run).await;
        drop(progress);
        match deployed {
            Ok(deployed) => {
                if !out.is_json() {
                    print(out, &deployed);
                }
                all.push(deployed);
            }
            Err(failure) => {
                out.failure(&failure);
                exit = failure.exit();
                if concerns_all(&failure) {
                    break;
                }
            }
        }
    }
    // what went live is said in any case; nothing is said where nothing did, as by every command that fails
    if exit == Exit::Done || !all.is_empty() {
        out.data(&all, |_| {});
    }
    Ok(exit)
}

/// Whether the next file would fail in the same way.
fn concerns_all(failure: &Failure) -> bool {
    const CODES: [&str; 6] = [
        "server_unreachable",
        "credentials_missing",
        "credentials_malformed",
        "key_unknown",
        "key_expired",
        "key_revoked",
    ];
    CODES.contains(&failure.code())
}

/// Makes a checked file live, when it says something new.
pub async fn deploy(client: &Client, file: &AgentFile, environment: &str, dry_run: bool) -> Result<Deployed, Failure> {
    let name = &file.config.name;
    let attempted = || format!("deploy {name} to {environment}");
    let before = match client.agents().get(name).await {
        Ok(agent) => Some(agent),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error).attempt(attempted),
    };
    let live = before.as_ref().and_then(|agent| live_version(agent, environment));
    let was = match live {
        Some(version) => Some(client.agents().version(name, version).await.attempt(attempted)?.config),
        None => None,
    };
    let changes = was.as_ref().map(|was| difference::fields(was, &file.config)).unwrap_or_default();
    let differs = live.is_none() || !changes.is_empty();
    if let (false, false, Some(program)) = (dry_run, differs, &file.program) {
        mend(client, program).await.attempt(attempted)?;
    }
    let version = match (dry_run, differs) {
        (_, false) => live,
        (true, true) => None,
        (false, true) => Some(put_and_deploy(client, file, environment).await.attempt(attempted)?.version),
    };
    Ok(Deployed {
        agent: name.clone(),
        path: file.path.display().to_string(),
        environment: environment.to_owned(),
        from: live,
        version,
        changed: differs,
        dry_run,
        changes,
        files: file.program.as_ref().map(|program| program.files.clone()).unwrap_or_default(),
    })
}

/// Nothing is new but that the server may have lost the files, or cannot read them.
async fn mend(client: &Client, program: &Program) -> Result<(), moltforge_client::Error> {
    match client.bundles().get(&program.sha256, None).await {
        Err(error) if error.is_not_found() || error.code() == "bundle_damaged" => {
            client.bundles().put(&program.sha256, program.bytes.clone()).await.map(drop)
        }
        // whoever may only read agents has nothing to mend
        _ => Ok(()),
    }
}

/// Stores the configuration (a new version only if it differs) and makes that version live.
async fn put_and_deploy(
    client: &Client,
    file: &AgentFile,
    environment: &str,
) -> Result<Deployment, moltforge_client::Error> {
    if let Some(program) = &file.program {
        client.bundles().put(&program.sha256, program.bytes.clone()).await?;
    }
    let agent = client.agents().put(&file.config.name, &file.config).await?;
    let body = Deploy { version: Some(agent.latest_version), environment: Some(environment.to_owned()) };
    client.agents().deploy(&agent.name, &body, None).await
}

/// The version of an agent that is live in an environment.
fn live_version(agent: &Agent, environment: &str) -> Option<u32> {
    let live = |d: &&Deployment| d.environment == environment && d.status == "live";
    agent.deployments.iter().find(live).map(|d| d.version)
}

fn print(out: Output, deployed: &Deployed) {
    let Deployed { agent, environment, from, version, changed, dry_run, .. } = deployed;
    let target = format!(" in {environment}");
    let was = from.map_or_else(|| "nothing".to_owned(), |v| format!("version {v}"));
    let now = version.map_or_else(|| "a new version".to_owned(), |v| format!("version {v}"));
    if !changed {
        out.pieces(&[
            (ACCENT, agent),
            (PLAIN, ": "),
            (PLAIN, &now),
            (PLAIN, " is live"),
            (PLAIN, &target),
            (DIM, ", unchanged"),
        ]);
        return;
    }
    let would = if *dry_run { " would be live" } else { " is live" };
    out.pieces(&[
        (ACCENT, agent),
        (PLAIN, ": "),
        (GOOD, &now),
        (PLAIN, would),
        (PLAIN, &target),
        (DIM, " (was "),
        (DIM, &was),
        (DIM, ")"),
    ]);
    difference::print(out, &deployed.changes);
}
