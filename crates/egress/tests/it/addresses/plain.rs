//! A client without a guard: it connects to whatever a URL says.

use std::time::Duration;

use moltforge_egress::Resolve as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::{Host, Url};

use crate::ssrf::NAMES;
use crate::world::Names;

/// Asks for it, as far as that is possible.
pub(super) async fn get(url: &str) {
    let Ok(url) = Url::parse(url) else { return };
    let Some(port) = url.port_or_known_default().filter(|_| url.scheme().starts_with("http")) else { return };
    let addresses = match url.host() {
        Some(Host::Ipv4(address)) => vec![address.into()],
        Some(Host::Ipv6(address)) => vec![address.into()],
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_owned();
            Names::new(NAMES).resolve(name).await.unwrap_or_default()
        }
        None => return,
    };
    for address in addresses {
        let connecting = TcpStream::connect((address, port));
        if let Ok(Ok(mut stream)) = timeout(Duration::from_secs(2), connecting).await {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await;
            let _ = stream.read(&mut [0; 64]).await;
            return;
        }
    }
}
