//! `moltforge effects`

mod decide;
mod list;
mod probe;

use moltforge_api::approvals::Effect;

use super::show;
use crate::cli::Context;
use crate::output::{ACCENT, DIM, Exit, Failure, Output, PLAIN, Table};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// exe_...
    execution: String,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Ask the other side now whether a call happened
    Probe(probe::Args),
    /// Decide about a call whose outcome is not known
    Decide(decide::Args),
}

/// Lists the effects of an execution, or does what the verb says.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    match args.verb {
        None => list::run(&args.execution, context).await,
        Some(Verb::Probe(verb)) => probe::run(&args.execution, verb, context).await,
        Some(Verb::Decide(verb)) => decide::run(&args.execution, verb, context).await,
    }
}

fn print(out: Output, effects: &[Effect]) {
    let header = &["STEP", "TOOL", "CLASS", "STATE", "SENT", "KEY", "LATEST"];
    let mut table = Table::new(header, "no call that changes something");
    for effect in effects {
        let probe = effect.probes.last().map(|probe| format!("probe: {}", probe.outcome));
        let decided = effect.decisions.last().map(|decided| format!("{} by {}", decided.decision, decided.by));
        table.row([
            (ACCENT, effect.step.to_string().as_str()),
            (PLAIN, &effect.tool),
            (PLAIN, &effect.effect),
            (show::state(&effect.state), &effect.state),
            (PLAIN, &effect.attempts.to_string()),
            (DIM, &effect.idempotency_key),
            (PLAIN, &decided.or(probe).unwrap_or_else(|| "-".to_owned())),
        ]);
    }
    out.table(&table);
}
