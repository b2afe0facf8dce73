//! `moltforge effects`

use moltforge_api::approvals::{DecideEffect, Effect};

use super::{argument, show};
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, DIM, Exit, Failure, Output, PLAIN, Table};

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
    Probe {
        /// The step
        step: u32,
    },
    /// Decide about a call whose outcome is not known
    Decide {
        /// The step
        step: u32,
        /// retry sends it again with the same key, fail tells the model that it failed, succeed that it happened
        #[arg(value_parser = ["retry", "fail", "succeed"])]
        decision: String,
        /// With succeed, what the call answered: JSON, @FILE or - for stdin
        #[arg(long, value_name = "JSON|@FILE|-")]
        result: Option<String>,
        /// Why
        #[arg(long, short)]
        note: Option<String>,
    },
}

/// Lists the effects of an execution, or does what the verb says.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let id = &args.execution;
    let attempted = || format!("list the effects of {id}");
    let client = context.connection.client().attempt(attempted)?;
    match args.verb {
        None => {
            let effects = client.executions().effects(id).await.attempt(attempted)?;
            context.output.data(&effects, |out| list(out, &effects.items));
        }
        Some(Verb::Probe { step }) => {
            let attempted = || format!("probe step {step} of {id}");
            let effect = client.executions().probe_effect(id, step).await.attempt(attempted)?;
            context.output.data(&effect, |out| list(out, std::slice::from_ref(&effect)));
        }
        Some(Verb::Decide { step, decision, result, note }) => {
            let attempted = || format!("decide about step {step} of {id}");
            let output = argument::json("--result", result.as_deref()).attempt(attempted)?;
            let body = DecideEffect { decision, output, note };
            let effect = client.executions().decide_effect(id, step, &body).await.attempt(attempted)?;
            context.output.data(&effect, |out| list(out, std::slice::from_ref(&effect)));
        }
    }
    Ok(Exit::Done)
}

fn list(out: Output, effects: &[Effect]) {
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
