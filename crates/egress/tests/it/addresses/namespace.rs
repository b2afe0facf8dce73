//! A network namespace whose every address is local.

use std::process::Command;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, sendto, socket};

/// Says that the test runs inside.
const INSIDE: &str = "MOLTFORGE_TEST_INSIDE";

/// Where namespaces cannot be made: why these tests are not run. They never pass silently.
const WITHOUT: &str = "MOLTFORGE_TESTS_WITHOUT_NAMESPACES_BECAUSE";

/// Runs `test`, whose full name is `name`, in a process of its own in such a namespace.
pub(super) fn inside(name: &str, test: fn()) {
    if std::env::var_os(INSIDE).is_some() {
        set_up();
        return test();
    }
    if let Ok(reason) = std::env::var(WITHOUT) {
        println!("NOT RUN: {name}, because {reason}");
        return;
    }
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net"]).arg(std::env::current_exe().unwrap());
    let status = command.args(["--exact", name, "--nocapture"]).env(INSIDE, "1").status();
    // of a test that failed inside
    assert!(!status.as_ref().is_ok_and(|status| status.code() == Some(101)), "it failed in the namespace: see above");
    let advice = format!("this machine may not let a user make namespaces; {WITHOUT}=\"...\" leaves these tests out");
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{status:?}; {advice}");
}

/// Loopback is up, and all of IPv4 and IPv6 leads there.
fn set_up() {
    // struct ifinfomsg: the interface 1, up
    let mut up = vec![0; 4];
    up.extend([1_u32, 1, 1].into_iter().flat_map(u32::to_ne_bytes));
    ask(16, &up);
    for family in [2_u8, 10] {
        // struct rtmsg: everything, the table "local", static, of this host, local
        let mut route = vec![family, 0, 0, 0, 255, 4, 254, 2, 0, 0, 0, 0];
        // an attribute of 8 bytes: leaves by the interface 1
        route.extend([8_u16, 4].into_iter().flat_map(u16::to_ne_bytes));
        route.extend(1_u32.to_ne_bytes());
        ask(24, &route);
    }
}

/// Sends a message to the kernel's routing, and checks its answer.
fn ask(kind: u16, message: &[u8]) {
    let to_kernel = socket(AddressFamily::NETLINK, SocketType::RAW, None).unwrap();
    let mut bytes = Vec::new();
    bytes.extend(u32::try_from(16 + message.len()).unwrap().to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    // a request, acknowledged, that makes something
    bytes.extend(0x405_u16.to_ne_bytes());
    bytes.extend([1_u32, 0].into_iter().flat_map(u32::to_ne_bytes));
    bytes.extend(message);
    sendto(&to_kernel, &bytes, SendFlags::empty(), &SocketAddrNetlink::new(0, 0)).unwrap();
    let mut answer = [0; 256];
    let (read, _) = recv(&to_kernel, answer.as_mut_slice(), RecvFlags::empty()).unwrap();
    assert!(read >= 20 && answer[4..6] == 2_u16.to_ne_bytes(), "no answer to {kind}");
    let error = i32::from_ne_bytes(answer[16..20].try_into().unwrap());
    assert_eq!(error, 0, "the kernel refuses {kind}: {}", std::io::Error::from_raw_os_error(-error));
}
