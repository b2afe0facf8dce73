//! `moltforge keys`

use anstyle::Style;
use moltforge_api::PageQuery;
use moltforge_api::keys::{CreateKey, CreatedKey, Key};
use moltforge_types::{Ambient, Timestamp};

use super::show;
use crate::Error;
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, BAD, DIM, Exit, Failure, GOOD, Output, PLAIN, Table, WARN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make a key; its secret is shown this once
    Create {
        /// What it is for
        name: String,
        /// What it may do, with commas, e.g. agents:read,executions:write; all that your own key may when absent
        #[arg(long, value_delimiter = ',')]
        scopes: Vec<String>,
        /// When it ends: a time (RFC 3339) or a duration from now such as 12h or 30d
        #[arg(long, value_name = "TIME|DURATION")]
        expires: Option<String>,
    },
    /// List the keys
    List,
    /// Refuse a key from now on
    Revoke {
        /// key_...
        // not `key`: that is the global option, and clap tells arguments apart by their names
        #[arg(value_name = "KEY")]
        key_id: String,
    },
}

/// Does what the verb says.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    match args.verb {
        Verb::Create { name, scopes, expires } => create(context, name, scopes, expires.as_deref()).await,
        Verb::List => list(context).await,
        Verb::Revoke { key_id } => {
            let attempted = || format!("revoke {key_id}");
            let client = context.connection.client().attempt(attempted)?;
            client.keys().revoke(&key_id).await.attempt(attempted)?;
            context.output.data(&serde_json::json!({ "key_id": key_id, "revoked": true }), |out| {
                out.pieces(&[(ACCENT, &key_id), (PLAIN, ": revoked")]);
            });
            Ok(Exit::Done)
        }
    }
}

async fn create(context: &Context, name: String, scopes: Vec<String>, expires: Option<&str>) -> Result<Exit, Failure> {
    let attempted = || format!("make the key {name}");
    let expires_at = expires.map(expiry).transpose().attempt(attempted)?;
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

async fn list(context: &Context) -> Result<Exit, Failure> {
    let attempted = || "list keys".to_owned();
    let client = context.connection.client().attempt(attempted)?;
    let mut keys: Vec<Key> = Vec::new();
    let mut page = PageQuery { cursor: None, limit: Some(200) };
    loop {
        let answer = client.keys().list(&page).await.attempt(attempted)?;
        keys.extend(answer.items);
        if answer.next.is_none() {
            break;
        }
        page.cursor = answer.next;
    }
    context.output.data(&keys, |out| {
        let mut table = Table::new(&["KEY", "NAME", "HINT", "STATE", "SCOPES", "LAST USED", "EXPIRES"], "no keys");
        let now = Ambient::system().now();
        for key in &keys {
            let (style, state) = state(key, now);
            table.row([
                (ACCENT, key.key_id.as_str()),
                (PLAIN, &key.name),
                (DIM, &key.hint),
                (style, state),
                (PLAIN, &key.scopes.join(" ")),
                (DIM, &show::maybe_time(key.last_used_at.as_deref())),
                (DIM, &show::maybe_time(key.expires_at.as_deref())),
            ]);
        }
        out.table(&table);
    });
    Ok(Exit::Done)
}

/// Whether a key is accepted, by this machine's clock.
fn state(key: &Key, now: Timestamp) -> (Style, &'static str) {
    let ends: Option<Timestamp> = key.expires_at.as_deref().and_then(|at| at.parse().ok());
    match (&key.revoked_at, ends) {
        (Some(_), _) => (BAD, "revoked"),
        (None, Some(at)) if at <= now => (WARN, "expired"),
        (None, _) => (GOOD, "active"),
    }
}
