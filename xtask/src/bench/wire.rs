//! Single HTTP requests to our own and the peer's server: one connection each, nothing clever.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// A request's answer.
pub(super) struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// One request. `headers` are `name: value`.
pub(super) fn send(address: SocketAddr, method: &str, path: &str, headers: &[String], body: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_mins(5)))?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    if !body.is_empty() {
        let _ = write!(request, "content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status")?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    Ok(Answer { status, body: if chunked { unchunked(body) } else { body.to_owned() } })
}

/// One request whose answer is JSON; anything but 2xx is an error.
pub(super) fn json(address: SocketAddr, method: &str, path: &str, headers: &[String], body: &str) -> Result<Value> {
    let answer = send(address, method, path, headers, body).with_context(|| format!("{method} {path}"))?;
    if !(200..300).contains(&answer.status) {
        bail!("{method} {path}: {} {}", answer.status, answer.body);
    }
    serde_json::from_str(&answer.body).with_context(|| format!("{method} {path}: not JSON"))
}

/// One connection for many requests, each answered before the next one.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
}

impl Connection {
    /// Connects.
    pub(super) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_mins(5)))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), host: address })
    }

    /// One request whose answer is JSON with a length; anything but 2xx is an error.
    pub(super) fn json(&mut self, method: &str, path: &str, headers: &[String], body: &str) -> Result<Value> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.host);
        for header in headers {
            let _ = write!(request, "{header}\r\n");
        }
        let _ = write!(request, "content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                bail!("{method} {path}: the connection was closed");
            }
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(said) = line.strip_prefix("content-length:") {
                length = said.trim().parse().context("a length")?;
            } else if status.is_empty() {
                line.split(' ').nth(1).unwrap_or_default().clone_into(&mut status);
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        if !status.starts_with('2') {
            bail!("{method} {path}: {status} {}", String::from_utf8_lossy(&answer));
        }
        serde_json::from_slice(&answer).with_context(|| format!("{method} {path}: not JSON"))
    }
}

/// Waits until `GET path` is answered with 2xx. Says how long after `begun` that was.
pub(super) fn ready(address: SocketAddr, path: &str, begun: Instant) -> Result<Duration> {
    while begun.elapsed() < Duration::from_mins(1) {
        if send(address, "GET", path, &[], "").is_ok_and(|answer| (200..300).contains(&answer.status)) {
            return Ok(begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    bail!("{address}{path} is not ready after a minute")
}

fn unchunked(mut text: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let Some(chunk) = rest.get(..size).filter(|chunk| !chunk.is_empty()) else { break };
        body.push_str(chunk);
        text = rest.get(size + 2..).unwrap_or_default();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined() {
        assert_eq!(unchunked("4\r\nwiki\r\n5\r\npedia\r\n0\r\n\r\n"), "wikipedia");
        assert_eq!(unchunked(""), "");
    }
}
