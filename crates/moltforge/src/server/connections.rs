//! Connections: accepted within limits, served, ended in order.
//!
//! Not `axum::serve`, which gives a client all the time in the world to send its first line.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::middleware::{self, Next};
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::Layer as _;

/// After a failure to accept, as when the process has no more files: the next try.
const RETRY: Duration = Duration::from_millis(100);

/// What one client, and all together, may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at a time; more wait in the system's queue.
    pub(super) connections: u32,
    /// For a request's head, and between two requests. Longer than clients keep unused connections.
    pub(super) head: Duration,
    /// Between two signs of life that an HTTP/2 client is asked for.
    pub(super) ping: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 16_384, head: Duration::from_secs(75), ping: Duration::from_secs(30) }
    }
}

/// Accepts until `stopping`, then lets every connection finish its request and returns when all have ended.
pub(super) async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken, limits: Limits) {
    let router = router.layer(middleware::from_fn(note_first));
    let places = Arc::new(Semaphore::new(limits.connections as usize));
    loop {
        let Some(place) = stopping.run_until_cancelled(Arc::clone(&places).acquire_owned()).await else { break };
        let Ok(place) = place else { break };
        let Some(accepted) = stopping.run_until_cancelled(listener.accept()).await else { break };
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(connection(stream, peer, router.clone(), stopping.clone(), limits, place));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
    drop(listener);
    // every place is free again when every connection has ended
    let _ = places.acquire_many(limits.connections).await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stopping: CancellationToken,
    limits: Limits,
    _place: OwnedSemaphorePermit,
) {
    // an answer of several small writes must not wait for the peer's acknowledgements
    let _ = stream.set_nodelay(true);
    let first = Arc::new(Notify::new());
    let service = Extension(First(Arc::clone(&first))).layer(Extension(ConnectInfo(peer)).layer(router));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.head);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(limits.ping);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
    // until a whole head has come, nobody else watches the time: the protocol's version is read without a limit
    tokio::select! {
        // a connection that ends badly is its client's business
        _ = connection.as_mut() => return,
        () = first.notified() => {}
        () = stopping.cancelled() => {}
        () = tokio::time::sleep(limits.head) => return,
    }
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stopping.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// Told when a connection's first request has arrived.
#[derive(Clone)]
struct First(Arc<Notify>);

async fn note_first(request: Request, next: Next) -> axum::response::Response {
    if let Some(First(first)) = request.extensions().get::<First>() {
        first.notify_one();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::task::JoinHandle;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    async fn start(limits: Limits) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()));
        let stopping = CancellationToken::new();
        (address, stopping.clone(), tokio::spawn(serve(listener, router, stopping, limits)))
    }

    async fn answer(stream: &mut TcpStream) -> String {
        stream.write_all(REQUEST).await.unwrap();
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).await.unwrap();
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    }

    #[tokio::test]
    async fn who_sends_no_head_is_hung_up_on() {
        let limits = Limits { head: Duration::from_millis(50), ..Limits::default() };
        let (address, ..) = start(limits).await;
        for beginning in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\nhost"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(beginning).await.unwrap();
            let mut rest = Vec::new();
            // the end, or a reset: in any case not for ever
            let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
            assert!(ended.is_ok(), "{beginning:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_too_many_waits_for_a_place() {
        let (address, ..) = start(Limits { connections: 1, ..Limits::default() }).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        assert!(answer(&mut first).await.contains("200 OK"));
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(REQUEST).await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(100), second.readable()).await;
        assert!(early.is_err(), "answered while the only place was taken");
        drop(first);
        second.readable().await.unwrap();
    }

    #[tokio::test]
    async fn stopping_ends_idle_connections_and_returns() {
        let (address, stopping, serving) = start(Limits::default()).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        let said = answer(&mut idle).await;
        assert!(said.ends_with(&idle.local_addr().unwrap().to_string()), "{said}");
        stopping.cancel();
        serving.await.unwrap();
        assert_eq!(idle.read(&mut [0; 16]).await.unwrap(), 0);
        assert!(TcpStream::connect(address).await.is_err());
    }
}
