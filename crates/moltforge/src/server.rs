//! A server's life: bind, start the parts, serve, drain, close.

mod connections;

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use futures::StreamExt as _;
use http::header::CONTENT_TYPE;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::connections::Limits;
use crate::Error;
use crate::config::Config;
use crate::output::{Attempt as _, DIM, Failure, GOOD, Output, PLAIN, WARN};
use crate::roles::{self, Parts};

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    parts: Parts,
    /// Says "no more": listening ends, streams end, requests may finish.
    stopping: CancellationToken,
    serving: JoinHandle<()>,
    signals: Signals,
    patience: Duration,
}

impl Server {
    /// Binds first, so that a port in use is said before anything is opened or migrated.
    pub async fn start(mut config: Config) -> Result<Self, Failure> {
        let attempted = || "start the server".to_owned();
        config.check().attempt(attempted)?;
        // from here on a signal is an orderly end, even one that comes while the start is not done
        let signals = Signals::listen().attempt(attempted)?;
        let listener = bind(config.listen).await.attempt(attempted)?;
        let address = listener.local_addr().map_err(|e| Error::start("the listener", e)).attempt(attempted)?;
        config.egress.own_ports.push(address.port());
        let patience = Duration::from_secs(config.drain_seconds);
        let (router, parts) = roles::start(config).await?;
        let stopping = CancellationToken::new();
        let streams = stopping.clone();
        let router =
            router.layer(middleware::from_fn(move |request, next| end_streams(streams.clone(), request, next)));
        let serving = tokio::spawn(connections::serve(listener, router, stopping.clone(), Limits::default()));
        Ok(Self { address, parts, stopping, serving, signals, patience })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The open store, for tests that need what the API does not offer.
    #[doc(hidden)]
    pub fn store(&self) -> moltforge_store::Store {
        self.parts.store.clone()
    }

    /// Its address as people type it.
    pub fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            // nobody can connect to "any address"; this one is among them
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        format!("http://{address}")
    }

    /// Waits until executions are taken here.
    pub async fn ready(&self) {
        self.parts.ready().await;
    }

    /// Says where it listens, and once more when it is ready.
    pub fn announce(&self, out: Output) {
        let (parts, url) = (self.parts.clone(), self.url());
        out.notes(&[(PLAIN, "listening at "), (PLAIN, &url)]);
        tokio::spawn(async move {
            parts.ready().await;
            out.notes(&[(GOOD, "ready")]);
        });
    }

    /// Serves until a signal, then drains. A second signal, or the end of patience, drops what is left.
    pub async fn until_stopped(mut self, out: Output) {
        self.signals.next().await;
        out.notes(&[(WARN, "stopping"), (DIM, ", once more to stop at once")]);
        let (patience, mut signals) = (self.patience, std::mem::take(&mut self.signals));
        tokio::select! {
            () = self.stop() => out.notes(&[(PLAIN, "stopped")]),
            () = signals.next() => out.notes(&[(WARN, "stopped at once; executions go on at the next start")]),
            () = tokio::time::sleep(patience) => {
                out.notes(&[(WARN, "stopped after waiting; executions go on at the next start")]);
            }
        }
    }

    /// Stops accepting, lets requests and executions come to rest, closes the store last.
    pub async fn stop(self) {
        self.stopping.cancel();
        let ((), _) = tokio::join!(self.parts.drain(), self.serving);
        self.parts.close().await;
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => Error::PortInUse(address),
        _ => Error::Listen { address, source },
    })
}

/// Event streams have no end of their own that a stopping server could wait for. Their readers come back with the id of
/// the last event, to whoever serves then.
async fn end_streams(stopping: CancellationToken, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let stream = response.headers().get(CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"text/event-stream"));
    if !stream {
        return response;
    }
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(stopping.cancelled_owned())))
}

/// SIGINT and SIGTERM, caught from [`Signals::listen`] on.
#[derive(Debug, Default)]
struct Signals {
    #[cfg(unix)]
    streams: Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> Result<Self, Error> {
        use tokio::signal::unix::{SignalKind, signal};
        let both = signal(SignalKind::interrupt()).and_then(|i| Ok((i, signal(SignalKind::terminate())?)));
        Ok(Self { streams: Some(both.map_err(|e| Error::start("the signal handlers", e))?) })
    }

    #[cfg(not(unix))]
    fn listen() -> Result<Self, Error> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some((interrupt, terminate)) = &mut self.streams {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
        #[cfg(unix)]
        std::future::pending::<()>().await;
    }
}
