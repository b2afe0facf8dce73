//! Attempts on the network.

use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};

use nix::libc;

use super::files::at_mut;
use super::{Attempt, anybody, root, under};
use crate::kernel::{at, call};

pub(super) const ALL: &[Attempt] = &[
    anybody("connect_tcp", |facts| TcpStream::connect(facts.get("tcp")).map(drop)),
    anybody("listen_tcp", |_| TcpListener::bind("127.0.0.1:0").map(drop)),
    anybody("send_udp", |facts| UdpSocket::bind("127.0.0.1:0")?.send_to(b"x", facts.get("udp")).map(drop)),
    anybody("connect_unix", |facts| UnixStream::connect(facts.path("unix")).map(drop)),
    anybody("connect_abstract", |facts| {
        UnixStream::connect_addr(&SocketAddr::from_abstract_name(facts.get("abstract"))?).map(drop)
    }),
    anybody("make_datagram_socket", |_| UnixDatagram::unbound().map(drop)),
    anybody("make_ipv6_socket", |_| socket(libc::AF_INET6, libc::SOCK_STREAM)),
    anybody("make_netlink_socket", |_| socket(libc::AF_NETLINK, libc::SOCK_RAW)),
    root("make_packet_socket", |_| socket(libc::AF_PACKET, libc::SOCK_RAW)),
    root("make_raw_socket", |_| {
        let [family, kind, protocol] = [libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP].map(word);
        call(libc::SYS_socket, [family, kind, protocol]).map(drop)
    }),
    anybody("name_half_of_a_pair", |_| {
        // the kernel chooses an abstract name
        use std::os::fd::AsRawFd as _;
        let (one, _other) = UnixStream::pair()?;
        let family = libc::AF_UNIX as u16;
        call(libc::SYS_bind, [usize::try_from(one.as_raw_fd()).unwrap(), at(&family), 2]).map(drop)
    }),
    anybody("send_datagram_past_its_pair", |facts| {
        let (one, _other) = UnixDatagram::pair()?;
        one.send_to_addr(b"x", &SocketAddr::from_abstract_name(facts.get("datagrams"))?).map(drop)
    }),
    under(&["compiler"], "make_socket_pair", |_| UnixStream::pair().map(drop)),
    root("make_netlink_pair", |_| {
        // a pair of another family is no socket to the outside, but code of the kernel
        let mut pair = [0_i32; 2];
        let [family, kind] = [libc::AF_TIPC, libc::SOCK_STREAM].map(word);
        let made = call(libc::SYS_socketpair, [family, kind, 0, at_mut(&mut pair)]);
        // most kernels have no such family: that they were asked is what counts
        made.map(drop).or_else(|error| {
            let asked = [libc::EAFNOSUPPORT, libc::EOPNOTSUPP].map(Some).contains(&error.raw_os_error());
            if asked { Ok(()) } else { Err(error) }
        })
    }),
];

fn socket(family: i32, kind: i32) -> io::Result<()> {
    call(libc::SYS_socket, [word(family), word(kind), 0]).map(drop)
}

fn word(number: i32) -> usize {
    usize::try_from(number).unwrap()
}
