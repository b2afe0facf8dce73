//! `moltforge keys create`

use moltforge_api::keys::{CreateKey, CreatedKey};
use moltforge_types::{Ambient, Timestamp};

use crate::Error;
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure, GOOD, Output, PLAIN, WARN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What it is for
    name: String,
    /// What it may do, with commas, e.g. agents:read,executions:write; all that your own key may when absent
    #[arg(long, value_delimiter = ',')]
    scopes: Vec<String>,
    /// When it ends: a time (RFC 3339) or a duration from now such as 12h or 30d
    #[arg(long, value_name = "TIME|DURATION")]
    expires: Option<String>,
}

/// Its secret goes to stdout, alone.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Args { name, scopes, expires } = args;
    let attempted = || format!("make the key {name}");
    let expires_at = expires.as_deref().map(expiry).transpose().attempt(attempted)?;
    let client = context.connection.client().attempt(attempted)?;
    // no scopes: the server gives those of the maker
    let body = CreateKey { name: name.clone(), scopes, expires_at };
    let created = client.keys().create(&body).await.attempt(attempted)?;
    context.output.data(&created, |out| show_created(out, &created));
    Ok(Exit::Done)
}

/// A time, or a duration from now.
fn expiry(text: &str) -> Result<String, Error> {
    if let Ok(after) = moltforge_manifest::parse_duration(text) {
        return Ok(Ambient::system().now().plus(after).to_string());
    }
    let time = text.parse::<Timestamp>();
    time.map(|at| at.to_string())
        .map_err(|_| Error::argument("--expires", format!("expected e.g. 30d or 2027-01-01T00:00:00Z, got {text:?}")))
}

fn show_created(out: Output, created: &CreatedKey) {
    out.line(&created.secret);
    let id = &created.key.key_id;
    out.notes(&[(GOOD, "made "), (PLAIN, id), (PLAIN, " with "), (PLAIN, &created.key.scopes.join(", "))]);
    out.notes(&[(WARN, "this is the only time that the secret is shown")]);
}
