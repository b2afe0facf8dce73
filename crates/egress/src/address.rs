//! What kind of address an IP address is, by IANA's special-purpose registries and what clouds hide behind some.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Somebody on the internet.
    Public,
    /// Somebody near: reachable only by an operator's grant of the host and port.
    Local(&'static str),
    /// A cloud's metadata service, which hands out credentials: only by an operator's grant that names the address.
    Metadata,
    /// Never reachable.
    Never(&'static str),
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Metadata => "cloud metadata",
            Self::Local(what) | Self::Never(what) => what,
        })
    }
}

/// The class of an address. IPv6 forms that carry an IPv4 address and are routed to it have that address' class.
pub fn classify(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

fn classify_v4(address: Ipv4Addr) -> Class {
    match address.octets() {
        [169, 254, 169, 254]
        | [169, 254, 170, 2 | 23]
        | [100, 100, 100, 200]
        | [168, 63, 129, 16]
        | [192, 0, 0, 192] => Class::Metadata,
        [0, ..] => Class::Never("unspecified"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Local("private"),
        [100, 64..=127, ..] => Class::Local("carrier-grade NAT"),
        [127, ..] => Class::Local("loopback"),
        [169, 254, ..] => Class::Local("link-local"),
        [198, 18..=19, ..] => Class::Local("benchmarking"),
        [192, 0, 0, _] => Class::Never("protocol assignments"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Class::Never("documentation"),
        [192, 88, 99, _] => Class::Never("6to4 relay"),
        [224..=239, ..] => Class::Never("multicast"),
        [240..=255, ..] => Class::Never("reserved"),
        _ => Class::Public,
    }
}

fn classify_v6(address: Ipv6Addr) -> Class {
    const AWS: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    const AWS_CONTAINERS: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23);
    const GOOGLE: Ipv6Addr = Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254);

    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        classify_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        _ if [AWS, AWS_CONTAINERS, GOOGLE].contains(&address) => Class::Metadata,
        [0, 0, 0, 0, 0, 0, 0, 0] => Class::Never("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Local("loopback"),
        // IPv4-mapped and the well-known NAT64 prefix: the connection goes to the IPv4 address within
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x64, 0xff9b, 1, ..] => Class::Local("local NAT64"),
        [0, 0, 0, 0, 0, 0, ..] => Class::Never("IPv4-compatible"),
        [0, 0, 0, 0, 0xffff, 0, ..] => Class::Never("IPv4-translated"),
        [0x2001, 0, ..] => Class::Never("Teredo"),
        [0x2001, 0x0001..=0x01ff, ..] => Class::Never("protocol assignments"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Class::Never("documentation"),
        [0x2002, ..] => Class::Never("6to4"),
        [0x2000..=0x3fff, ..] => Class::Public,
        [0xfc00..=0xfdff, ..] => Class::Local("private"),
        [0xfe80..=0xfebf, ..] => Class::Local("link-local"),
        [0xfec0..=0xfeff, ..] => Class::Local("site-local"),
        [0xff00..=0xffff, ..] => Class::Never("multicast"),
        _ => Class::Never("reserved"),
    }
}

#[cfg(test)]
mod tests;
