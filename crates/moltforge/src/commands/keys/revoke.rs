//! `moltforge keys revoke`

use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, Exit, Failure, PLAIN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// key_...
    // not `key`: that is the global option, and clap tells arguments apart by their names
    #[arg(value_name = "KEY")]
    key_id: String,
}

/// For good.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let key_id = args.key_id;
    let attempted = || format!("revoke {key_id}");
    let client = context.connection.client().attempt(attempted)?;
    client.keys().revoke(&key_id).await.attempt(attempted)?;
    context.output.data(&serde_json::json!({ "key_id": key_id, "revoked": true }), |out| {
        out.pieces(&[(ACCENT, &key_id), (PLAIN, ": revoked")]);
    });
    Ok(Exit::Done)
}
