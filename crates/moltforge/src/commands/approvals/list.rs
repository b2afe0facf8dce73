//! `moltforge approvals list`

use futures::{StreamExt as _, TryStreamExt as _};
use moltforge_api::approvals::{Approval, ListApprovals};

use super::super::show;
use super::{state, who};
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, DIM, Exit, Failure, PLAIN, Table};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Those in this state: pending, approved, rejected, expired, cancelled, reopened, or all
    #[arg(long, short, default_value = PENDING)]
    state: String,
    /// Only this agent's, by name or id
    #[arg(long, short)]
    agent: Option<String>,
    /// Only this execution's
    #[arg(long, short)]
    execution: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = MANY)]
    limit: usize,
}

/// What is listed when nothing is said.
const PENDING: &str = "pending";
/// How many are listed when nothing is said.
const MANY: usize = 50;

impl Default for Args {
    fn default() -> Self {
        Self { state: PENDING.to_owned(), agent: None, execution: None, limit: MANY }
    }
}

/// Those that wait, unless another state is asked for.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Args { state: wanted, agent, execution, limit } = args;
    let wanted = Some(wanted).filter(|state| state != "all");
    let per_page = u32::try_from(limit.clamp(1, 200)).ok();
    let filter = ListApprovals { state: wanted, agent, execution, cursor: None, limit: per_page };
    let attempted = || "list approvals".to_owned();
    let client = context.connection.client().attempt(attempted)?;
    let all = client.approvals().list_all(filter).take(limit);
    let approvals: Vec<Approval> = all.try_collect().await.attempt(attempted)?;
    context.output.data(&approvals, |out| {
        let header = &["APPROVAL", "AGENT", "CALL", "STATE", "EXPIRES", "WHO"];
        let mut table = Table::new(header, "no call waits for a person");
        for approval in &approvals {
            let call = format!("{}({})", approval.tool, approval.arguments);
            let who = match (&approval.decided_by, approval.state.as_str()) {
                (Some(by), _) => by.clone(),
                (None, "pending") => who(approval),
                (None, _) => "-".to_owned(),
            };
            table.row([
                (ACCENT, approval.approval_id.as_str()),
                (PLAIN, &format!("{} v{}", approval.agent_name, approval.version)),
                (PLAIN, &call.chars().take(80).collect::<String>()),
                (state(&approval.state), &approval.state),
                (DIM, &show::time(&approval.expires_at)),
                (PLAIN, &who),
            ]);
        }
        out.table(&table);
    });
    Ok(Exit::Done)
}
