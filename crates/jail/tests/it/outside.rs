//! The world outside: something to read, to write, to connect to, to kill.

use std::fs::{self, File, Permissions};
use std::io::Read as _;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};

use rustix::io::{FdFlags, fcntl_setfd};
use tempfile::TempDir;

use crate::facts::Facts;
use crate::server::{By, Running, open_folder, start};

/// What is in the file that nobody confined may read.
pub(crate) const SECRET: &str = "what a neighbour keeps";

/// Alive as long as this is.
pub(crate) struct Outside {
    pub(crate) facts: Facts,
    folder: TempDir,
    victim: Running,
    _tcp: TcpListener,
    _udp: UdpSocket,
    _unix: [UnixListener; 2],
    _datagrams: UnixDatagram,
    _fd: File,
}

impl Outside {
    pub(crate) fn new() -> Self {
        let folder = open_folder();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("secret"), SECRET).unwrap();
        fs::create_dir(at("open")).unwrap();
        fs::create_dir(at("shown")).unwrap();
        fs::write(at("shown/file"), "to be read").unwrap();
        fs::write(at("open/file"), "to be changed").unwrap();
        for (name, mode) in [("open", 0o777), ("open/file", 0o666)] {
            fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
        }
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let unix = UnixListener::bind(at("socket")).unwrap();
        fs::set_permissions(at("socket"), Permissions::from_mode(0o777)).unwrap();
        let name = format!("moltforge-jail-{}-{}", std::process::id(), tcp.local_addr().unwrap().port());
        let unnamed = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let datagrams = format!("{name}-datagrams");
        let datagram = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&datagrams).unwrap()).unwrap();
        // a descriptor that a careless server would leave to its children
        let fd = File::options().read(true).write(true).open(at("open/file")).unwrap();
        fcntl_setfd(&fd, FdFlags::empty()).unwrap();
        let victim = start(By::Nobody, "free", "waits", &Facts::default(), None);
        let facts = Facts::default()
            .with("secret", &at("secret").display())
            .with("open", &at("open").display())
            .with("shown", &at("shown").display())
            .with("tcp", &tcp.local_addr().unwrap())
            .with("udp", &udp.local_addr().unwrap())
            .with("unix", &at("socket").display())
            .with("abstract", &name)
            .with("datagrams", &datagrams)
            .with("victim", &victim.child.id())
            .with("server", &std::process::id())
            .with("fd", &fd.as_raw_fd());
        Self { facts, folder, victim, _tcp: tcp, _udp: udp, _unix: [unix, unnamed], _datagrams: datagram, _fd: fd }
    }

    /// Nothing has been changed, and who was there still is.
    pub(crate) fn check_unharmed(mut self) {
        let text = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap();
        assert_eq!((text("secret").as_str(), text("open/file").as_str()), (SECRET, "to be changed"));
        let names: Vec<_> = fs::read_dir(self.folder.path().join("open")).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        assert!(self.victim.child.try_wait().unwrap().is_none(), "the neighbour is gone");
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.victim.socket.shutdown(std::net::Shutdown::Both);
        let _ = self.victim.socket.read(&mut [0]);
        let _ = self.victim.child.wait();
    }
}
