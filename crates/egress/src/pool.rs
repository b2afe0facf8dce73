//! Clients with their connections: one per grant and origin, so that agents share no connection, and at most
//! [`MAX_CLIENTS`] of them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::EgressConfig;
use crate::error::Error;
use crate::grant::Grant;
use crate::target::Target;
use crate::tls;

const MAX_CLIENTS: usize = 512;
const USER_AGENT: &str = concat!("MoltForge/", env!("CARGO_PKG_VERSION"));

pub(crate) struct Pool {
    connect_timeout: Duration,
    idle_timeout: Duration,
    idle_connections: usize,
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    uses: u64,
    by_key: HashMap<Key, Pooled>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    grant: Arc<str>,
    origin: String,
}

struct Pooled {
    client: Client,
    checked: Checked,
    used: u64,
}

/// Answers every lookup of one host with addresses that were checked, and any other lookup with an error.
#[derive(Clone)]
struct Checked {
    host: Arc<str>,
    addresses: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Pool {
    pub(crate) fn new(config: &EgressConfig) -> Self {
        Self {
            connect_timeout: config.connect_timeout(),
            idle_timeout: config.idle_timeout(),
            idle_connections: config.idle_connections(),
            clients: Mutex::default(),
        }
    }

    /// The client for this grant and origin. New connections of it go to `addresses`, which the caller has checked.
    pub(crate) fn client(&self, grant: &Grant, target: &Target, addresses: Vec<SocketAddr>) -> Result<Client, Error> {
        let key = Key { grant: grant.key().clone(), origin: target.url.origin().ascii_serialization() };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.uses += 1;
        let now = clients.uses;
        if let Some(pooled) = clients.by_key.get_mut(&key) {
            pooled.used = now;
            pooled.checked.set(addresses);
            return Ok(pooled.client.clone());
        }
        if clients.by_key.len() >= MAX_CLIENTS {
            let oldest = clients.by_key.iter().min_by_key(|(_, pooled)| pooled.used).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                clients.by_key.remove(&oldest);
            }
        }
        let checked = Checked { host: target.host.to_string().into(), addresses: Arc::new(Mutex::new(addresses)) };
        let client = self.build(target.is_https(), checked.clone())?;
        clients.by_key.insert(key, Pooled { client: client.clone(), checked, used: now });
        Ok(client)
    }

    /// A client that follows no redirect, knows no proxy and no cookie, and resolves names with `resolver` alone.
    pub(crate) fn build(&self, https: bool, resolver: impl Resolve + 'static) -> Result<Client, Error> {
        Client::builder()
            .tls_backend_preconfigured(if https { tls::verified()? } else { tls::none()? })
            .dns_resolver(resolver)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .user_agent(USER_AGENT)
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(self.idle_timeout)
            .pool_max_idle_per_host(self.idle_connections)
            .http1_max_headers(100)
            .http2_max_header_list_size(64 * 1024)
            .http2_adaptive_window(true)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| Error::Client(crate::error::reason(&error)))
    }
}

impl Checked {
    fn set(&self, addresses: Vec<SocketAddr>) {
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
    }
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let answer: Result<Addrs, _> = if name.as_str() == &*self.host {
            let addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Ok(Box::new(addresses.into_iter()))
        } else {
            Err("the connection is bound to another host".into())
        };
        Box::pin(std::future::ready(answer))
    }
}
