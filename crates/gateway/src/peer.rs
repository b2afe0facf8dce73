//! Who the client is: the socket's other end, or what a trusted proxy says of it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, request::Parts};

pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The client's address; `None` when a part of this program asks and does not say for whom.
    pub(crate) address: Option<IpAddr>,
    /// A part of this program asks, without a socket.
    pub(crate) in_process: bool,
}

/// Proxies whose word counts.
#[derive(Debug)]
pub(crate) struct Proxies(Vec<Network>);

#[derive(Debug, Clone, Copy)]
struct Network {
    /// IPv4 addresses mapped into IPv6, so that there is one kind of address to compare.
    base: u128,
    bits: u32,
}

impl Proxies {
    /// # Errors
    /// The fault, in words that begin with the key.
    pub(crate) fn new(texts: &[String]) -> Result<Self, String> {
        let wrong =
            |text| format!("trusted_proxies: expected an address or a network such as 10.0.0.0/8, got {text:?}");
        texts.iter().map(|text| Network::parse(text).ok_or_else(|| wrong(text))).collect::<Result<_, _>>().map(Self)
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }

    /// Who a request comes from.
    pub(crate) fn peer(&self, parts: &Parts) -> Peer {
        match parts.extensions.get::<ConnectInfo<SocketAddr>>() {
            Some(ConnectInfo(socket)) => {
                let socket = socket.ip().to_canonical();
                let address = if self.trust(socket) { self.named(&parts.headers).unwrap_or(socket) } else { socket };
                Peer { address: Some(address), in_process: false }
            }
            // no socket: only this program can ask so
            None => Peer { address: self.named(&parts.headers), in_process: true },
        }
    }

    /// The nearest address that no trusted proxy has: whatever stands before it, the client may have made up.
    fn named(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let mut hops: Vec<IpAddr> = Vec::new();
        let forwarded = headers.get_all(FORWARDED).iter().filter_map(|value| value.to_str().ok());
        for element in forwarded.flat_map(|value| value.split(',')) {
            hops.push(element.split(';').find_map(forwarded_for)?);
        }
        if hops.is_empty() {
            let values = headers.get_all(X_FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
            for hop in values.flat_map(|value| value.split(',')) {
                hops.push(address(hop.trim())?);
            }
        }
        hops.iter().rev().copied().find(|hop| !self.trust(*hop)).or(hops.first().copied())
    }
}

fn forwarded_for(pair: &str) -> Option<IpAddr> {
    let (name, value) = pair.trim().split_once('=')?;
    name.eq_ignore_ascii_case("for").then(|| address(value.trim_matches('"')))?
}

/// An address, with or without a port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .map(|ip: IpAddr| ip.to_canonical())
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (base, bits) = match text.split_once('/') {
            None => (text, None),
            Some((base, bits)) => (base, Some(bits.parse::<u32>().ok()?)),
        };
        let base: IpAddr = base.parse().ok()?;
        let (longest, offset) = if base.is_ipv4() { (32, 96) } else { (128, 0) };
        let bits = bits.unwrap_or(longest);
        (bits <= longest).then(|| Self { base: number(base), bits: bits + offset })
    }

    fn holds(self, address: IpAddr) -> bool {
        let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
        number(address) & mask == self.base & mask
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
    .to_bits()
}

/// What counts as one client: an IPv4 address, or the /64 network that one subscriber has of IPv6.
pub(crate) fn client_of(address: Option<IpAddr>) -> u128 {
    match address {
        None => 0,
        Some(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_none() && v6 != Ipv6Addr::LOCALHOST => v6.to_bits() >> 64 << 64,
        Some(address) => number(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(proxies: &[&str], socket: Option<&str>, headers: &[(&'static str, &str)]) -> Peer {
        let proxies = Proxies::new(&proxies.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap();
        let mut request = http::Request::new(());
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        if let Some(socket) = socket {
            request.extensions_mut().insert(ConnectInfo(socket.parse::<SocketAddr>().unwrap()));
        }
        proxies.peer(&request.into_parts().0)
    }

    fn address_of(proxies: &[&str], headers: &[(&'static str, &str)]) -> String {
        peer(proxies, Some("10.0.0.1:5"), headers).address.unwrap().to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let claim = [("x-forwarded-for", "1.1.1.1")];
        assert_eq!(address_of(&[], &claim), "10.0.0.1");
        assert_eq!(address_of(&["10.0.0.2"], &claim), "10.0.0.1");
        assert_eq!(address_of(&["10.0.0.0/8"], &claim), "1.1.1.1");
        assert_eq!(address_of(&["10.0.0.1"], &[]), "10.0.0.1");
    }

    #[test]
    fn the_nearest_untrusted_hop_is_the_client() {
        let chain = [("x-forwarded-for", "6.6.6.6, 2.2.2.2, 10.0.0.9")];
        assert_eq!(address_of(&["10.0.0.0/8"], &chain), "2.2.2.2");
        let forwarded =
            [("forwarded", r#"for=6.6.6.6, for="[2001:db8::1]:99";proto=https"#), ("x-forwarded-for", "9.9.9.9")];
        assert_eq!(address_of(&["10.0.0.0/8"], &forwarded), "2001:db8::1");
        assert_eq!(address_of(&["10.0.0.0/8"], &[("x-forwarded-for", "what")]), "10.0.0.1");
        assert_eq!(address_of(&["10.0.0.0/8"], &[("forwarded", "for=unknown")]), "10.0.0.1");
    }

    #[test]
    fn without_a_socket_it_is_this_program() {
        assert_eq!(peer(&[], None, &[]), Peer { address: None, in_process: true });
        let named = peer(&[], None, &[("x-forwarded-for", "1.1.1.1")]);
        assert_eq!(named.address.unwrap().to_string(), "1.1.1.1");
    }

    #[test]
    fn networks_and_clients() {
        for bad in ["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8/8"] {
            assert!(Proxies::new(&[bad.to_owned()]).is_err(), "{bad}");
        }
        let all = Proxies::new(&["0.0.0.0/0".to_owned(), "2001:db8::/32".to_owned()]).unwrap();
        assert!(all.trust("9.9.9.9".parse().unwrap()) && all.trust("2001:db8:1::1".parse().unwrap()));
        assert!(!all.trust("2001:db9::1".parse().unwrap()));
        let client = |text: &str| client_of(Some(text.parse().unwrap()));
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_ne!(client("10.0.0.1"), client("10.0.0.2"));
    }
}
