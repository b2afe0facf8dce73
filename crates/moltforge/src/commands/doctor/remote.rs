//! Checks of what is at the other end of a socket.

use std::net::SocketAddr;
use std::time::Duration;

use moltforge_api::agents::ListAgents;
use moltforge_client::Client;
use moltforge_types::Fault as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::{Check, Outcome};
use crate::config::Config;
use crate::connection::Connection;

const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a server could listen there, or does.
pub(super) async fn port(address: SocketAddr) -> Check {
    const NAME: &str = "port";
    match TcpListener::bind(address).await {
        Ok(_) => Check::ok(NAME, format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let url = format!("http://{address}");
            let ready = match Client::remote(&url, None) {
                Ok(client) => timeout(PATIENCE, client.ready()).await.is_ok_and(|ready| ready.unwrap_or(false)),
                Err(_) => false,
            };
            if ready {
                Check::ok(NAME, format!("a server is ready at {url}"))
            } else {
                Check::new(NAME, Outcome::Failed, format!("{address} is in use, and not by a MoltForge that is ready"))
                    .hint("choose another port with --port, or stop the other program")
            }
        }
        Err(error) => Check::new(NAME, Outcome::Failed, format!("{address}: {error}")),
    }
}

/// Whether the configured PostgreSQL takes connections. Nothing is migrated.
pub(super) async fn store(config: &Config) -> Check {
    const NAME: &str = "store";
    let Some(url) = &config.store.url else {
        return Check::ok(NAME, "embedded SQLite");
    };
    let Some(place) = host_and_port(url.expose()) else {
        return Check::new(NAME, Outcome::Failed, "store.url is not postgres://user:password@host/database");
    };
    match timeout(PATIENCE, TcpStream::connect(&place)).await {
        Ok(Ok(_)) => Check::ok(NAME, format!("PostgreSQL at {place} takes connections")),
        Ok(Err(error)) => Check::new(NAME, Outcome::Failed, format!("PostgreSQL at {place}: {error}")),
        Err(_) => Check::new(NAME, Outcome::Failed, format!("PostgreSQL at {place} does not answer")),
    }
}

/// `host:port` of a database URL, without what stands before it.
fn host_and_port(url: &str) -> Option<String> {
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"))?;
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.is_empty() {
        return None;
    }
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Some(if has_port { host.to_owned() } else { format!("{host}:5432") })
}

/// The server that commands would talk to, and the key.
pub(super) async fn server(connection: &Connection) -> Vec<Check> {
    let resolved = connection.resolve();
    let client = match Client::remote(&resolved.url, resolved.key.as_ref()) {
        Ok(client) => client,
        Err(error) => return vec![Check::new("server", Outcome::Failed, error.to_string())],
    };
    let place = format!("{} (from: {})", resolved.url, resolved.origin);
    match timeout(PATIENCE, client.ready()).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => return vec![Check::new("server", Outcome::Failed, format!("{place} is not ready"))],
        Ok(Err(_)) | Err(_) => {
            return vec![
                Check::new("server", Outcome::Info, format!("nobody answers at {place}"))
                    .hint("start one with `moltforge dev`"),
            ];
        }
    }
    let filter = ListAgents { limit: Some(1), ..ListAgents::default() };
    let key = match client.agents().list(&filter).await {
        Ok(_) => Check::ok("key", "accepted"),
        Err(error) if error.code() == "scope_missing" => Check::ok("key", "accepted, without agents:read"),
        Err(error) => {
            Check::new("key", Outcome::Failed, error.to_string()).hint("name a key with --key or MOLTFORGE_KEY")
        }
    };
    vec![Check::ok("server", format!("{place} is ready")), key]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_database() {
        for (url, place) in [
            ("postgres://u:p@db/x", Some("db:5432")),
            ("postgres://u:p@[::1]:5433/x", Some("[::1]:5433")),
            ("postgres:///x", None),
            ("mysql://db/x", None),
        ] {
            assert_eq!(host_and_port(url).as_deref(), place, "{url}");
        }
    }
}
