//! `moltforge keys list`

use anstyle::Style;
use moltforge_api::PageQuery;
use moltforge_api::keys::Key;
use moltforge_types::{Ambient, Timestamp};

use super::super::show;
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, BAD, DIM, Exit, Failure, GOOD, PLAIN, Table, WARN};

/// All, with those that ended.
pub(super) async fn run(context: &Context) -> Result<Exit, Failure> {
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
