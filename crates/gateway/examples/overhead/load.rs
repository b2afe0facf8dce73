//! Clients in a closed loop: as little as can speak HTTP/1.1, so that what is measured is the server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What one turn gave.
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p99_ms: f64,
    /// Of the whole process, clients too, in microseconds.
    pub(crate) cpu_per_request: f64,
}

pub(crate) async fn run(server: SocketAddr, clients: usize, request: &str, length: Duration) -> Figures {
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let until = began + length;
    let tasks: Vec<_> = (0..clients).map(|_| tokio::spawn(client(server, request.to_owned(), until))).collect();
    let mut micros = Vec::new();
    for task in tasks {
        micros.extend(task.await.unwrap());
    }
    let (elapsed, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    micros.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let count = micros.len() as f64;
    let p99 = micros.get(micros.len() * 99 / 100).copied().unwrap_or_default();
    Figures { per_second: count / elapsed, p99_ms: f64::from(p99) / 1000.0, cpu_per_request: cpu / count * 1e6 }
}

/// The processor's time of this process, which a busy machine does not blur as it does the clock's.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // after the name in parentheses: field 14 is user time and 15 system time, in hundredths
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<f64>().unwrap() / 100.0).sum()
}

/// Asks again and again; how long each took, in microseconds.
async fn client(server: SocketAddr, request: String, until: Instant) -> Vec<u32> {
    let mut socket = TcpStream::connect(server).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 8192];
    let mut micros = Vec::new();
    loop {
        let began = Instant::now();
        if began >= until {
            return micros;
        }
        socket.write_all(request.as_bytes()).await.unwrap();
        answer(&mut socket, &mut buffer).await;
        micros.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
}

/// Reads one answer to its end and demands that it is a good one.
async fn answer(socket: &mut TcpStream, buffer: &mut [u8]) {
    let mut filled = 0;
    loop {
        let read = socket.read(&mut buffer[filled..]).await.unwrap();
        assert!(read > 0, "the server hung up");
        filled += read;
        let Some(head) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head]).unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if filled >= head + 4 + length.parse::<usize>().unwrap() {
            return;
        }
    }
}
