//! How services become one server: each behind an upstream, the gateway in front of all.

use std::net::SocketAddr;

use axum::Router;
use moltforge_store::{Location, Store};
use moltforge_types::Ambient;

use crate::config::Config;
use crate::output::{Attempt as _, Failure};

/// The parts that have an end of their own.
#[derive(Debug)]
pub struct Parts {
    store: Store,
}

impl Parts {
    /// Lets what is at work come to rest.
    pub async fn drain(&self) {}

    /// Closes the store. Nothing works any more.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

/// Opens the store and starts every part. The router is the whole server.
pub async fn start(config: Config, _address: SocketAddr) -> Result<(Router, Parts), Failure> {
    let attempted = || "open the store".to_owned();
    let ambient = Ambient::system();
    let location = match config.store.url.clone() {
        Some(url) => Location::Postgres(url),
        None => Location::Sqlite(config.data_dir.clone()),
    };
    let store = Store::open(location, ambient.clone()).await.attempt(attempted)?;
    Ok((Router::new(), Parts { store }))
}
