//! `cargo xtask quickstart`: types what docs/quickstart.md says and compares what is seen.
//!
//! The page is the test. How a block is read stands in [`page`], how output is compared in [`compare`].

mod compare;
mod page;
mod session;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use self::page::Step;
use crate::stage::Tally;
use crate::workspace;

/// The port of a server to which nobody says another.
const DEFAULT_PORT: &str = "8420";

/// Which program types.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A program that is built already, instead of building one
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// The command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let binary = workspace::moltforge(args.binary.as_deref())?;
    let tally = tally(&binary)?;
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 {
        bail!("docs/quickstart.md does not say what is seen");
    }
    Ok(())
}

/// Types the page with the given program. Each command is one test.
pub(crate) fn tally(binary: &Path) -> Result<Tally> {
    let path = workspace::root().join("docs/quickstart.md");
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    // the port that a server takes by itself may be in use on this machine: another one, here and there
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let steps = page::steps(&text.replace(DEFAULT_PORT, &port.to_string()))?;
    let folder = std::env::temp_dir().join(format!("moltforge-quickstart-{}", std::process::id()));
    fs::create_dir(&folder).with_context(|| format!("create {}", folder.display()))?;
    let seen = session::type_all(&steps, binary, &folder, port);
    let removed = fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()));
    let seen = seen?;
    removed?;

    let mut tally = Tally::default();
    let commands = steps.iter().filter_map(|step| match step {
        Step::Command(command) => Some(command),
        Step::File { .. } => None,
    });
    for (index, command) in commands.enumerate() {
        let fault = match seen.get(index) {
            None => Some("the session ended before it was typed".to_owned()),
            Some(seen) if seen.status != command.status => {
                Some(format!("it ended with {}, not {}, and said:\n{}", seen.status, command.status, seen.output))
            }
            Some(seen) => compare::difference(&command.expected, &seen.output),
        };
        match fault {
            None => {
                println!("  ok      line {:<4} $ {}", command.line, command.text.lines().next().unwrap_or_default());
                tally.passed += 1;
            }
            Some(fault) => {
                println!("  FAILED  line {:<4} $ {}\n{fault}", command.line, command.text);
                tally.failed += 1;
            }
        }
    }
    Ok(tally)
}
