//! Ways in which people have talked servers into reaching what they should not.

use moltforge_egress::{Egress, Error, Request};
use moltforge_types::Fault as _;

use crate::server::{Answer, Server, ok, redirect};
use crate::world::{Names, config, grant};

/// Forms of URLs that lead to this machine, to its network, to metadata or to nonsense. `PORT` is a listening server's.
pub(crate) const REFUSED: &[&str] = &[
    // this machine, written plainly
    "http://127.0.0.1:PORT/",
    "http://127.0.0.1",
    "https://127.0.0.1/",
    "http://127.1.2.3:PORT/",
    "http://127.255.255.255:PORT/",
    "http://localhost:PORT/",
    "http://LOCALHOST:PORT/",
    "http://localhost.:PORT/",
    "http://[::1]:PORT/",
    "http://[0:0:0:0:0:0:0:1]:PORT/",
    "http://[0000:0000:0000:0000:0000:0000:0000:0001]:PORT/",
    // numbers that URLs read as addresses
    "http://127.1:PORT/",
    "http://127.0.1:PORT/",
    "http://2130706433:PORT/",
    "http://017700000001:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://0177.0.0.01:PORT/",
    "http://0x7f.0.0.1:PORT/",
    "http://0x7f.1:PORT/",
    "http://0x7f000001:PORT/",
    "http://0x7F.0x0.0x0.0x1:PORT/",
    "http://0x7f.0.1:PORT/",
    "http://127.0.0.1.:PORT/",
    "http://00000177.00000000.00000000.00000001:PORT/",
    // characters that normalise to digits, dots and letters
    "http://①②⑦.⓪.⓪.①:PORT/",
    "http://127。0。0。1:PORT/",
    "http://127．0．0．1:PORT/",
    "http://１２７.0.0.1:PORT/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:PORT/",
    "http://loca\u{ad}lhost:PORT/",
    "http://%6c%6f%63%61%6c%68%6f%73%74:PORT/",
    "http://127%2e0%2e0%2e1:PORT/",
    // unspecified, which connects to this machine
    "http://0.0.0.0:PORT/",
    "http://0:PORT/",
    "http://0x0:PORT/",
    "http://0.1.2.3:PORT/",
    "http://[::]:PORT/",
    // IPv4 inside of IPv6
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[0:0:0:0:0:ffff:7f00:0001]:PORT/",
    "http://[::127.0.0.1]:PORT/",
    "http://[::7f00:1]:PORT/",
    "http://[::ffff:0:127.0.0.1]:PORT/",
    "http://[64:ff9b::127.0.0.1]:PORT/",
    "http://[64:ff9b::7f00:1]:PORT/",
    "http://[64:ff9b:1::7f00:1]:PORT/",
    "http://[2002:7f00:1::]:PORT/",
    "http://[2001:0:7f00:1::1]:PORT/",
    "http://[::ffff:0.0.0.0]:PORT/",
    // metadata services
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254:PORT/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fd20:ce::254]/",
    "http://169.254.170.2/v2/credentials",
    "http://100.100.100.200/latest/meta-data/",
    "http://168.63.129.16/machine",
    "http://192.0.0.192/opc/v1/instance/",
    "http://metadata.google.internal/computeMetadata/v1/",
    // networks nearby
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://3232235777/",
    "http://0300.0250.1.1/",
    "http://100.64.0.1/",
    "http://169.254.1.1/",
    "http://198.18.0.1/",
    "http://[fc00::1]/",
    "http://[fd12:3456:789a::1]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    // nobody
    "http://224.0.0.1/",
    "http://239.255.255.250:1900/",
    "http://255.255.255.255/",
    "http://240.0.0.1/",
    "http://192.0.2.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://[2001:db8::1]/",
    "http://[ff02::1]/",
    "http://[100::1]/",
    // names
    "http://private.test/",
    "http://mixed.test/",
    "http://mixed-last.test/",
    "http://mapped.test:PORT/",
    "http://PRIVATE.test./",
    // names of users, which hide the host from a careless reader
    "http://example.com@127.0.0.1:PORT/",
    "http://example.com:80@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT@example.com/",
    "http://example.com%00@127.0.0.1:PORT/",
    "http://@127.0.0.1:PORT/",
    // what parsers disagree about
    "http://example.com\\@127.0.0.1:PORT/",
    "http:\\\\127.0.0.1:PORT/",
    "http://127.0.0.1:PORT\\.example.com/",
    "http:/127.0.0.1:PORT/",
    "http:127.0.0.1:PORT/",
    "http:////127.0.0.1:PORT/",
    "http://example.com#@127.0.0.1:PORT/\n",
    "\thttp://127.0.0.1:PORT/",
    " http://127.0.0.1:PORT/",
    "http://127.0.\n0.1:PORT/",
    "http://127.0.0.1:PORT/\r\nHost: example.com",
    "http://exam ple.com/",
    "http://example.com\u{0}.test/",
    "http://[::1%25lo]:PORT/",
    "http://[::1]extra:PORT/",
    "http://256.256.256.256/",
    "http://1.2.3.4.5/",
    "http://0x100000000/",
    "http://..../",
    "http://.localhost:PORT/",
    "http://a..b/",
    // ports
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:-1/",
    // other protocols
    "file:///etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1:PORT/_GET%20/",
    "dict://127.0.0.1:PORT/info",
    "ldap://127.0.0.1/",
    "unix:///var/run/docker.sock",
    "jar:http://127.0.0.1!/",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "//127.0.0.1:PORT/",
    "127.0.0.1:PORT/",
    "/etc/passwd",
    "",
    "http://",
    "http://?",
];

pub(crate) const NAMES: &[(&str, &[&str])] = &[
    ("localhost", &["127.0.0.1 ::1"]),
    ("metadata.google.internal", &["169.254.169.254"]),
    ("private.test", &["10.1.2.3"]),
    ("mixed.test", &["127.0.0.1 1.1.1.1"]),
    ("mixed-last.test", &["1.1.1.1 192.168.0.9"]),
    ("mapped.test", &["::ffff:127.0.0.1"]),
    (".localhost", &["127.0.0.1"]),
];

/// Everything is granted that can be granted by name, and the agent asks for everything.
pub(crate) fn generous(port: u16) -> (Egress, moltforge_egress::Grant) {
    let with_port = format!("*:{port}");
    let hosts = ["*", with_port.as_str(), "*:1900"];
    (Egress::with_resolver(config(&hosts, &[]), Names::new(NAMES)), grant(&hosts))
}

fn refused_for_the_right_reason(error: &Error) -> bool {
    matches!(error.code(), "address_not_allowed" | "url_invalid" | "host_not_granted")
}

#[tokio::test]
async fn no_form_of_a_url_reaches_what_is_not_public() {
    let server = Server::start(|_| Answer::Bytes(ok(b"secret"))).await;
    let (egress, grant) = generous(server.port());
    assert!(REFUSED.len() >= 80);
    for form in REFUSED {
        let url = form.replace("PORT", &server.port().to_string());
        let error = egress.send(Request::new(http::Method::GET, &url), &grant).await.expect_err(&url);
        assert!(refused_for_the_right_reason(&error), "{url}: {} {error}", error.code());
        assert!(!error.outcome_unknown(), "{url}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn no_redirect_reaches_what_is_not_granted() {
    let forbidden = Server::start(|_| Answer::Bytes(ok(b"secret"))).await;
    let port = forbidden.port().to_string();
    // what cannot stand in a header cannot be redirected to
    let forms: Vec<String> = REFUSED
        .iter()
        .filter(|form| form.is_ascii() && !form.contains(char::is_control))
        .map(|f| f.replace("PORT", &port))
        .collect();
    let locations = forms.clone();
    let front = Server::start(move |request| {
        let index: usize = request.path[1..].parse().unwrap_or(usize::MAX);
        match locations.get(index) {
            Some(location) => Answer::Bytes(redirect(302, location)),
            None => Answer::Bytes(ok(b"relative")),
        }
    })
    .await;
    let mine = front.address.to_string();
    let with_port = format!("*:{port}");
    let hosts = ["*", with_port.as_str(), mine.as_str()];
    let egress = Egress::with_resolver(config(&hosts, &[&mine]), Names::new(NAMES));
    let grant = grant(&hosts);
    for (index, form) in forms.iter().enumerate() {
        let result = egress.send(Request::new(http::Method::GET, front.url(&format!("/{index}"))), &grant).await;
        match result {
            // a relative reference stays where it was
            Ok(response) => assert!(response.url.starts_with(&format!("http://{mine}/")), "{form}: {}", response.url),
            Err(error) => assert!(
                // an empty reference is the page itself
                refused_for_the_right_reason(&error) || (form.is_empty() && error.code() == "redirect_limit"),
                "{form}: {} {error}",
                error.code()
            ),
        }
    }
    assert_eq!(forbidden.connections(), 0);
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_the_connection_goes_to_the_address_that_was_checked() {
    let server = Server::start(|_| Answer::Bytes(ok(b"first"))).await;
    let host = format!("rebind.test:{}", server.port());
    // the first answer is granted; an attacker's next answer is metadata
    let names = Names::new(&[("rebind.test", &["127.0.0.1", "169.254.169.254"])]);
    let egress = Egress::with_resolver(config(&[], &[&host]), names.clone());
    let grant = grant(&[&host]);
    let url = format!("http://{host}/");
    let response = egress.send(Request::new(http::Method::GET, &url), &grant).await.unwrap();
    assert_eq!((&*response.body, names.lookups()), (&b"first"[..], 1));
    // not even the connection that is still open is used, once the name has another address
    let error = egress.send(Request::new(http::Method::GET, &url), &grant).await.unwrap_err();
    assert_eq!((error.code(), names.lookups(), server.received().len()), ("address_not_allowed", 2, 1));
}

#[tokio::test]
async fn private_addresses_need_a_grant_of_their_host_and_port() {
    let server = Server::start(|_| Answer::Bytes(ok(b"hello"))).await;
    let other = Server::start(|_| Answer::Bytes(ok(b"hello"))).await;
    let host = server.address.to_string();
    let send = |egress: Egress, url: String, asked: String| async move {
        egress.send(Request::new(http::Method::GET, url), &grant(&[&asked])).await.map_err(|error| error.code())
    };
    let granting = |local: &str| Egress::new(config(&["*", &format!("*:{}", server.port())], &[local]));
    assert!(send(granting(&host), server.url("/"), host.clone()).await.is_ok());
    // the same address by another name, another port, or without the agent's request
    let named = format!("localhost:{}", server.port());
    assert_eq!(send(granting(&host), format!("http://{named}/"), named).await.unwrap_err(), "address_not_allowed");
    let there = other.address.to_string();
    assert_eq!(send(granting(&host), other.url("/"), there).await.unwrap_err(), "host_not_granted");
    assert_eq!(send(granting(&host), server.url("/"), "example.com".to_owned()).await.unwrap_err(), "host_not_granted");
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn metadata_is_not_granted_by_a_name() {
    let names = Names::new(&[("metadata.test", &["169.254.169.254"])]);
    let egress = Egress::with_resolver(config(&[], &["metadata.test:80"]), names);
    let error = egress.send(Request::new(http::Method::GET, "http://metadata.test/"), &grant(&["metadata.test"])).await;
    assert_eq!(error.unwrap_err().code(), "address_not_allowed");
}

#[tokio::test]
async fn own_ports_are_out_of_reach_whatever_is_granted() {
    let server = Server::start_on("0.0.0.0:0", |_| Answer::Bytes(ok(b"own"))).await;
    let port = server.port();
    let hosts = [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("127.9.9.9:{port}"),
        format!("[::1]:{port}"),
    ];
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let mut config = config(&[], &hosts);
    config.own_ports = vec![port];
    let egress = Egress::new(config);
    for host in &hosts {
        let error =
            egress.send(Request::new(http::Method::GET, format!("http://{host}/")), &grant(&hosts)).await.unwrap_err();
        assert_eq!(error.code(), "address_not_allowed", "{host}");
        assert!(
            egress.client_for_origin(&format!("http://{host}/")).is_err() || host.starts_with("localhost"),
            "{host}"
        );
    }
    assert_eq!(server.connections(), 0);
}
