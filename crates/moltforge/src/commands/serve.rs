//! `moltforge serve`

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::Context;
use crate::config::{Config, Role, load};
use crate::output::{Attempt as _, Exit, Failure};
use crate::server::Server;

/// Arguments. Each lies over the environment, which lies over the file.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file; moltforge.toml when there is one
    #[arg(long, short, value_name = "FILE", env = "MOLTFORGE_CONFIG")]
    config: Option<PathBuf>,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// What this process does
    #[arg(long, value_enum, value_delimiter = ',')]
    roles: Option<Vec<Role>>,
    /// The data folder of the embedded store
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Serves until it is told to stop.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || "serve".to_owned();
    let config = configure(args).attempt(attempted)?;
    context.logs.init(&config.log.filter, config.log.format).attempt(attempted)?;
    config.warn();
    let server = Server::start(config).await?;
    server.announce(context.output);
    server.until_stopped(context.output).await;
    Ok(Exit::Done)
}

fn configure(args: Args) -> Result<Config, crate::Error> {
    let mut config = load::load(args.config.as_deref())?;
    if let Some(listen) = args.listen {
        config.listen = listen;
    }
    if let Some(roles) = args.roles {
        config.roles = roles;
    }
    if let Some(folder) = args.data_dir {
        config.data_dir = folder;
    }
    config.check()?;
    Ok(config)
}
