//! What `pause`, `resume` and `kill` are about: one execution, an agent, or the whole project.

use moltforge_api::holds::{HoldReceipt, SetHold};

use super::show;
use crate::cli::Context;
use crate::output::{Attempt as _, DIM, Exit, Failure, GOOD, PLAIN};

/// One of the three.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Target {
    /// exe_...
    pub execution: Option<String>,
    /// All executions of this agent, by name or id, and those to come
    #[arg(long, short)]
    pub agent: Option<String>,
    /// All executions of the project, and those to come
    #[arg(long)]
    pub project: bool,
}

/// One of the three, and why.
#[derive(Debug, clap::Args)]
pub struct Noted {
    /// What it is about.
    #[command(flatten)]
    pub target: Target,
    /// Why, for people
    #[arg(long, short)]
    pub note: Option<String>,
}

impl Target {
    /// In words.
    pub fn named(&self) -> String {
        match (&self.execution, &self.agent) {
            (Some(execution), _) => execution.clone(),
            (_, Some(agent)) => format!("the agent {agent}"),
            _ => "the project".to_owned(),
        }
    }
}

/// Holds an agent or the project.
pub async fn hold(target: &Target, mode: &str, note: Option<String>, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("{mode} {}", target.named());
    let client = context.connection.client().attempt(attempted)?;
    let body = SetHold { mode: mode.to_owned(), note };
    let receipt = client.holds().set(target.agent.as_deref(), &body).await.attempt(attempted)?;
    let done = if mode == "kill" { "killed" } else { "paused" };
    said(context, &receipt, &format!("{} is {done}", target.named()), done);
    Ok(Exit::Done)
}

/// Lifts the hold of an agent or the project.
pub async fn lift(target: &Target, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("resume {}", target.named());
    let client = context.connection.client().attempt(attempted)?;
    let receipt = client.holds().lift(target.agent.as_deref()).await.attempt(attempted)?;
    said(context, &receipt, &format!("{} goes on", target.named()), "resumed");
    Ok(Exit::Done)
}

fn said(context: &Context, receipt: &HoldReceipt, what: &str, verb: &str) {
    context.output.data(receipt, |out| {
        let count = match receipt.executions {
            Some(1) => format!("  1 execution {verb}"),
            Some(count) => format!("  {count} executions {verb}"),
            None => format!("  executions are still being {verb}"),
        };
        let count = if receipt.open && receipt.executions.is_some() {
            format!("{count}, others are still being {verb}")
        } else {
            count
        };
        let took = format!("  in {}", show::duration(receipt.took_us));
        out.pieces(&[(GOOD, what), (PLAIN, &count), (DIM, &took)]);
    });
}
