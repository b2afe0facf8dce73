//! `moltforge dev`

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use moltforge_client::Client;
use moltforge_egress::{HostRule, LocalRule};
use moltforge_types::{Ambient, Secret};
use serde_json::json;

use crate::Error;
use crate::cli::Context;
use crate::config::{Config, load};
use crate::connection::DEV_FOLDER;
use crate::dev::folder::Folder;
use crate::dev::summary::{self, Summary};
use crate::dev::watch::Watch;
use crate::dev::{deploy_all, greet};
use crate::output::{Attempt as _, Exit, Failure};
use crate::server::Server;

const SAMPLES: &str = "examples";
/// For the server to be ready, before the samples are deployed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the data is kept
    #[arg(long, value_name = "DIR", default_value = DEV_FOLDER)]
    data_dir: PathBuf,
    /// Keep nothing: a temporary folder, removed at the end
    #[arg(long, conflicts_with = "data_dir")]
    ephemeral: bool,
    /// The port, 8420 when absent; 0 takes any free one
    #[arg(long, short)]
    port: Option<u16>,
    /// The address, 127.0.0.1 when absent; only this machine's own are taken
    #[arg(long, value_name = "ADDRESS")]
    host: Option<IpAddr>,
    /// The configuration file; moltforge.toml when there is one
    #[arg(long, short, value_name = "FILE", env = "MOLTFORGE_CONFIG")]
    config: Option<PathBuf>,
    /// The folder of the agents that are deployed and watched; ./examples when there is one
    #[arg(long, value_name = "DIR")]
    agents_dir: Option<PathBuf>,
    /// Let agents reach this host at a private or loopback address, when they ask for it
    #[arg(long, value_name = "HOST:PORT")]
    allow_local: Vec<LocalRule>,
    /// Let agents reach this public host, when they ask for it
    #[arg(long, value_name = "HOST")]
    allow: Vec<HostRule>,
}

/// A server on this machine alone, with the sample agents, until it is told to stop.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || "start the development server".to_owned();
    let out = context.output;
    context.logs.init("warn", crate::logs::LogFormat::Text).attempt(attempted)?;
    let mut config = configure(&args).attempt(attempted)?;
    config.warn();
    let ambient = Ambient::system();
    let folder = if args.ephemeral { Folder::ephemeral(&ambient) } else { Folder::open(&args.data_dir) };
    let mut folder = folder.attempt(attempted)?;
    let key = folder.key(|| moltforge_accounts::new_key_secret(&ambient)).attempt(attempted)?;
    folder.path().clone_into(&mut config.data_dir);
    let (server, key) = start(config, &folder, key, &ambient).await?;
    folder.announce(&server.url()).attempt(attempted)?;
    // what is not ready by then says so in its own words
    let _ = tokio::time::timeout(PATIENCE, server.ready()).await;

    let client = Client::remote(&server.url(), Some(&key)).attempt(attempted)?;
    let agents = agents_folder(&args).attempt(attempted)?;
    let watch = match &agents {
        Some(agents) => {
            let watch = Watch::start(agents).attempt(attempted)?;
            if deploy_all(&client, out, agents).await.iter().any(|deployed| deployed.agent == "hello") {
                greet(&client, out).await;
            }
            Some(watch)
        }
        None => None,
    };
    let code = client.sign_in_codes().create().await.attempt(attempted)?;
    let summary = Summary {
        dashboard: format!("{}/sign-in?code={}", server.url(), code.code),
        api: format!("{}/v1", server.url()),
        key: key.expose().to_owned(),
        data: if args.ephemeral { "none is kept".to_owned() } else { folder.path().display().to_string() },
        next: next_steps(agents.is_some()),
    };
    let document = json!({ "url": server.url(), "dashboard": summary.dashboard, "api": summary.api, "key": summary.key,
        "data_dir": folder.path(), "pid": std::process::id() });
    if out.is_json() {
        out.json_line(&document);
    } else {
        summary::print(out, &summary);
    }

    let watching = watch.map(|watch| tokio::spawn(watch.run(client, out)));
    server.until_stopped(out).await;
    if let Some(watching) = watching {
        watching.abort();
    }
    Ok(Exit::Done)
}

/// Starts the server. A key that was revoked is replaced: whoever can read this folder owns this server.
async fn start(
    mut config: Config,
    folder: &Folder,
    key: Secret,
    ambient: &Ambient,
) -> Result<(Server, Secret), Failure> {
    config.first_key = Some(key.clone());
    match Server::start(config.clone()).await {
        Ok(server) => Ok((server, key)),
        Err(failure) if matches!(failure.code(), "key_revoked" | "key_secret_malformed") => {
            let key = moltforge_accounts::new_key_secret(ambient);
            folder.keep_key(&key).attempt(|| "replace the development key".to_owned())?;
            config.first_key = Some(key.clone());
            Ok((Server::start(config).await?, key))
        }
        Err(failure) => Err(failure),
    }
}

/// The configuration with the flags laid over it.
fn configure(args: &Args) -> Result<Config, Error> {
    let mut config = load::load(args.config.as_deref())?;
    if let Some(host) = args.host {
        config.listen.set_ip(host);
    }
    if let Some(port) = args.port {
        config.listen.set_port(port);
    }
    if !config.listen.ip().is_loopback() {
        return Err(Error::NotLoopback(config.listen.ip()));
    }
    config.egress.allow.extend(args.allow.iter().cloned());
    config.egress.allow_local.extend(args.allow_local.iter().cloned());
    Ok(config)
}

/// The folder that is named, which must be there, else `./examples` when that is.
fn agents_folder(args: &Args) -> Result<Option<PathBuf>, Error> {
    let Some(path) = args.agents_dir.clone() else {
        return Ok(std::fs::metadata(SAMPLES).is_ok_and(|meta| meta.is_dir()).then(|| PathBuf::from(SAMPLES)));
    };
    match std::fs::read_dir(&path) {
        Ok(_) => Ok(Some(path)),
        Err(source) => Err(Error::FileUnreadable { path, source }),
    }
}

fn next_steps(samples: bool) -> Vec<String> {
    let mut next = Vec::new();
    if samples {
        next.push(r#"moltforge run hello --input '{"name": "Ada"}' --follow"#.to_owned());
    }
    next.push("moltforge init my-agent && moltforge deploy my-agent".to_owned());
    next
}
