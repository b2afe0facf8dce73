//! A small HTTP/1.1 client over plain TCP: loopback only, kept connections, a time limit on every request. It costs next
//! to nothing, so that on two cores the figures are the server's.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The largest answer that is taken.
const LARGEST: usize = 64 << 20;

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.text()))
    }

    /// The beginning of the body, for messages.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(400).collect()
    }

    /// Whether the status is 2xx.
    pub(crate) fn good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Requests to one server.
pub(crate) struct Client {
    address: SocketAddr,
    /// Where requests go: another process on the same machine may take over.
    port: AtomicU16,
    /// Header lines that every request carries.
    headers: String,
    limit: Duration,
    /// Kept connections, by port.
    idle: Mutex<Vec<(u16, TcpStream)>>,
}

impl Client {
    /// A client of the server at `address`; `headers` are whole lines, each with its line end.
    pub(crate) fn new(address: SocketAddr, headers: String, limit: Duration) -> Result<Self> {
        if !address.ip().is_loopback() {
            bail!("{address} is not a loopback address");
        }
        let port = AtomicU16::new(address.port());
        Ok(Self { address, port, headers, limit, idle: Mutex::default() })
    }

    /// One request. `headers` are whole lines. An error means that no complete answer came.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Response> {
        let work = self.exchange(method, path, headers, body);
        tokio::time::timeout(self.limit, work).await.map_err(|_| anyhow!("{method} {path}: no answer in time"))?
    }

    /// `GET` of a JSON document; anything but 2xx is an error.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        let response = self.send("GET", path, "", b"").await?;
        if !response.good() {
            bail!("GET {path}: {} {}", response.status, response.text());
        }
        response.json()
    }

    /// `POST` of a JSON document; anything but 2xx is an error.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let response = self.send("POST", path, "", body.to_string().as_bytes()).await?;
        if !response.good() {
            bail!("POST {path}: {} {}", response.status, response.text());
        }
        response.json()
    }

    /// Forgets the kept connections: the server was killed.
    pub(crate) fn forget(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Sends what follows to another port.
    pub(crate) fn turn_to(&self, port: u16) {
        self.port.store(port, Ordering::Relaxed);
        self.forget();
    }

    async fn exchange(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Response> {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{}{headers}content-length: {}\r\n",
            self.address,
            self.headers,
            body.len()
        );
        if !body.is_empty() {
            request.push_str("content-type: application/json\r\n");
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);

        let port = self.port.load(Ordering::Relaxed);
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut stream = if let Some((_, stream)) = kept.filter(|(of, _)| *of == port) {
            stream
        } else {
            let stream = TcpStream::connect((self.address.ip(), port)).await.context("connect")?;
            stream.set_nodelay(true)?;
            stream
        };
        stream.write_all(&bytes).await.context("send the request")?;
        let (response, keep) = read(&mut stream).await?;
        if keep {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((port, stream));
        }
        Ok(response)
    }
}

async fn read(stream: &mut TcpStream) -> Result<(Response, bool)> {
    let mut buffer = Vec::with_capacity(4096);
    let head_end = loop {
        if let Some(at) = find(&buffer, b"\r\n\r\n") {
            break at;
        }
        more(stream, &mut buffer).await?;
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).to_ascii_lowercase();
    let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).context("no status")?;
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let keep = header("connection") != Some("close");
    let mut rest = buffer.split_off(head_end + 4);
    let body = if header("transfer-encoding") == Some("chunked") {
        chunks(stream, rest).await?
    } else {
        let length = header("content-length").map_or(Ok(0), str::parse::<usize>).context("content-length")?;
        if length > LARGEST {
            bail!("an answer of {length} bytes");
        }
        while rest.len() < length {
            more(stream, &mut rest).await?;
        }
        rest
    };
    Ok((Response { status, body }, keep))
}

async fn chunks(stream: &mut TcpStream, mut rest: Vec<u8>) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_end = loop {
            if let Some(at) = find(&rest, b"\r\n") {
                break at;
            }
            more(stream, &mut rest).await?;
        };
        let size = std::str::from_utf8(&rest[..line_end])?;
        let size =
            usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16).context("chunk size")?;
        let whole = line_end + 2 + size + 2;
        if body.len() + size > LARGEST {
            bail!("an answer of more than {LARGEST} bytes");
        }
        while rest.len() < whole {
            more(stream, &mut rest).await?;
        }
        body.extend_from_slice(&rest[line_end + 2..line_end + 2 + size]);
        rest.drain(..whole);
        if size == 0 {
            return Ok(body);
        }
    }
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<()> {
    if stream.read_buf(buffer).await.context("read the answer")? == 0 {
        bail!("the connection ended before the answer did");
    }
    Ok(())
}

/// Where `needle` begins.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn answer(text: &'static str) -> Result<Response> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await.unwrap();
            // in two pieces, cut inside of a header or a chunk
            let (first, second) = text.as_bytes().split_at(text.len() / 2);
            stream.write_all(first).await.unwrap();
            stream.flush().await.unwrap();
            stream.write_all(second).await.unwrap();
        });
        Client::new(address, String::new(), Duration::from_secs(5)).unwrap().send("GET", "/", "", b"").await
    }

    #[tokio::test]
    async fn both_framings_are_read() {
        let plain = answer("HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello").await.unwrap();
        assert_eq!((plain.status, plain.body.as_slice()), (201, b"hello".as_slice()));
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n5;x=y\r\npedia\r\n0\r\n\r\n";
        assert_eq!(answer(chunked).await.unwrap().body, b"wikipedia");
    }

    #[tokio::test]
    async fn a_cut_answer_is_an_error() {
        assert!(answer("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello").await.is_err());
        assert!(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nwiki\r\n").await.is_err());
    }

    #[test]
    fn only_loopback() {
        assert!(Client::new(([192, 0, 2, 1], 80).into(), String::new(), Duration::from_secs(1)).is_err());
    }
}
