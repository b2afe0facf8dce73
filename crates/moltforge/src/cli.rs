//! The command line: what can be typed, and what the shell is told at the end.

#[cfg(test)]
mod documented;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::commands;
use crate::connection::{Connection, Said};
use crate::output::{Exit, Failure, Format, Output};

const AFTER_HELP: &str = "\
Exit codes:
  0  done; with `run --follow` or `run --wait`: the run has completed
  1  the command failed; the run has failed
  2  the command line or a file is wrong, nothing was done
  3  the run was cancelled
  4  the run is paused or still waits

Data goes to stdout, everything else to stderr. `--output json` gives one document, or one per line where it streams.
Without --server and --key the development server of ./.moltforge (or of a folder above) is used.";

/// Deploys and runs autonomous AI agents, durably.
#[derive(Debug, Parser)]
#[command(name = "moltforge", version, about, after_help = AFTER_HELP, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Where the help lists what every command takes, after what is its own.
const EVERYWHERE: &str = "Options of every command";

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// How data is written
    #[arg(
        long,
        short = 'o',
        global = true, help_heading = EVERYWHERE,
        value_enum,
        env = "MOLTFORGE_OUTPUT",
        default_value = "table",
        hide_env_values = true
    )]
    output: Format,
    /// The server's address, e.g. http://127.0.0.1:8420
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "URL", env = "MOLTFORGE_URL")]
    server: Option<String>,
    /// The API key, mf_...
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "KEY", env = "MOLTFORGE_KEY", hide_env_values = true)]
    key: Option<String>,
    /// What is logged to stderr: a level, or `target=level` pairs with commas
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILTER", env = "MOLTFORGE_LOG")]
    log: Option<String>,
    /// How log lines are written
    #[arg(long, global = true, help_heading = EVERYWHERE, value_enum, env = "MOLTFORGE_LOG_FORMAT")]
    log_format: Option<crate::logs::LogFormat>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a development server: everything in one process, on this machine alone
    Dev(commands::dev::Args),
    /// Start a server
    Serve(commands::serve::Args),
    /// Make a new agent from a template
    Init(commands::init::Args),
    /// Check agent files, and send nothing
    Validate(commands::validate::Args),
    /// Check agent files and make them live
    Deploy(commands::deploy::Args),
    /// End an agent's deployment
    Undeploy(commands::undeploy::Args),
    /// Make an earlier version live again
    Rollback(commands::rollback::Args),
    /// Run an agent
    Run(commands::run::Args),
    /// List, show and delete agents
    Agents(commands::agents::Args),
    /// List an agent's versions, or show how two differ
    Versions(commands::versions::Args),
    /// List and show executions
    Executions(commands::executions::Args),
    /// List calls that wait for a person, and decide about them
    Approvals(commands::approvals::Args),
    /// Show an execution's calls that change something; probe them and decide about them
    Effects(commands::effects::Args),
    /// Hold an execution, an agent or the project
    Pause(commands::pause::Args),
    /// Let a paused execution, agent or project go on
    Resume(commands::resume::Args),
    /// Stop an execution for good; calls under way may end
    Cancel(commands::cancel::Args),
    /// Stop an execution and all below it at once, or an agent or the project until it is resumed
    Kill(commands::kill::Args),
    /// List what is held
    Holds(commands::holds::Args),
    /// Send a signal to an execution
    Signal(commands::signal::Args),
    /// Make, list, pause and fire triggers: schedules, events and webhooks
    Triggers(commands::triggers::Args),
    /// Make, list and revoke API keys
    Keys(commands::keys::Args),
    /// Look for what could keep MoltForge from working
    Doctor(commands::doctor::Args),
    /// Say what an error code means
    Explain(commands::explain::Args),
    /// Print a completion script for a shell
    Completion(commands::completion::Args),
}

/// What every command gets.
#[derive(Debug)]
pub struct Context {
    /// Where and how to print.
    pub output: Output,
    /// Which server, as whom.
    pub connection: Connection,
    /// What was said about logs.
    pub logs: crate::logs::LogOptions,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let (cli, said) = match parse(&words) {
        Ok(parsed) => parsed,
        Err(error) => return ExitCode::from(usage::report(error, &words)),
    };
    // an error means that one is installed, which is fine
    let _ = rustls::crypto::ring::default_provider().install_default();
    let output = Output::new(cli.global.output);
    let context = Context {
        output,
        connection: Connection::new(cli.global.server, said, cli.global.key),
        logs: crate::logs::LogOptions { filter: cli.global.log, format: cli.global.log_format },
    };
    let exit = run(cli.command, &context).unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.exit()
    });
    ExitCode::from(exit.code())
}

/// The command, and where the server's address was said.
fn parse(words: &[OsString]) -> Result<(Cli, Said), clap::Error> {
    let matches = Cli::command().try_get_matches_from(words)?;
    let variable = matches.value_source("server") == Some(ValueSource::EnvVariable);
    Ok((Cli::from_arg_matches(&matches)?, if variable { Said::Variable } else { Said::Flag }))
}

fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        // a server uses all cores, a client of one needs no thread but this
        Command::Dev(args) => commands::block_on_many(commands::dev::run(args, context)),
        Command::Serve(args) => commands::block_on_many(commands::serve::run(args, context)),
        Command::Init(args) => commands::init::run(&args, context),
        Command::Validate(args) => commands::validate::run(&args, context),
        Command::Explain(args) => commands::explain::run(&args, context),
        Command::Completion(args) => commands::completion::run(&args),
        Command::Deploy(args) => commands::block_on(commands::deploy::run(args, context)),
        Command::Undeploy(args) => commands::block_on(commands::undeploy::run(args, context)),
        Command::Rollback(args) => commands::block_on(commands::rollback::run(args, context)),
        Command::Run(args) => commands::block_on(commands::run::run(args, context)),
        Command::Agents(args) => commands::block_on(commands::agents::run(args, context)),
        Command::Versions(args) => commands::block_on(commands::versions::run(args, context)),
        Command::Executions(args) => commands::block_on(commands::executions::run(args, context)),
        Command::Approvals(args) => commands::block_on(commands::approvals::run(args, context)),
        Command::Effects(args) => commands::block_on(commands::effects::run(args, context)),
        Command::Pause(args) => commands::block_on(commands::pause::run(args, context)),
        Command::Resume(args) => commands::block_on(commands::resume::run(args, context)),
        Command::Cancel(args) => commands::block_on(commands::cancel::run(args, context)),
        Command::Kill(args) => commands::block_on(commands::kill::run(args, context)),
        Command::Holds(args) => commands::block_on(commands::holds::run(args, context)),
        Command::Signal(args) => commands::block_on(commands::signal::run(args, context)),
        Command::Triggers(args) => commands::block_on(commands::triggers::run(args, context)),
        Command::Keys(args) => commands::block_on(commands::keys::run(args, context)),
        Command::Doctor(args) => commands::block_on(commands::doctor::run(args, context)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    /// clap tells arguments apart by their names: one of a command with the name of a global one would be both.
    #[test]
    fn no_command_has_an_argument_with_the_name_of_a_global_one() {
        fn check(command: &clap::Command, global: &[clap::Id]) {
            for sub in command.get_subcommands() {
                for argument in sub.get_arguments() {
                    assert!(!global.contains(argument.get_id()), "{} of {}", argument.get_id(), sub.get_name());
                }
                check(sub, global);
            }
        }
        let command = Cli::command();
        let global: Vec<_> = command.get_arguments().map(|argument| argument.get_id().clone()).collect();
        assert!(global.len() >= 5, "{global:?}");
        check(&command, &global);
    }
}
