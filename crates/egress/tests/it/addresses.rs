//! Private addresses that really answer: in a network namespace of its own every address is this machine.
//!
//! What nobody serves is not reached by a broken guard either. So each form of a URL is tried three times: by a client
//! without a guard, which must reach it, by an egress whose operator permits the host, and by one that does not.

mod namespace;
mod plain;

use moltforge_attempts::Row;
use moltforge_egress::{Egress, EgressConfig, Grant, Request};
use url::Url;

use crate::server::{Answer, Server, ok, redirect};
use crate::ssrf::{NAMES, REFUSED, generous};
use crate::world::{Names, config, grant};

/// A port that URLs of [`REFUSED`] name.
const PORT: u16 = 8099;
/// What else they lead to: HTTP, HTTPS, and the port of a discovery protocol.
const PORTS: [u16; 4] = [PORT, 80, 443, 1900];

/// Refused too, and reached by nobody: nonsense, other protocols, multicast, links without a zone, names that nobody has.
/// They are not in the table: there is no control.
const REACHED_BY_NOBODY: &[&str] = &[
    "http://127.255.255.255:PORT/",
    "http://[fe80::1]/",
    "http://224.0.0.1/",
    "http://239.255.255.250:1900/",
    "http://255.255.255.255/",
    "http://[ff02::1]/",
    "http://127.0.0.1:PORT@example.com/",
    "http://example.com\\@127.0.0.1:PORT/",
    "http://example.com#@127.0.0.1:PORT/\n",
    "http://exam ple.com/",
    "http://example.com\0.test/",
    "http://[::1%25lo]:PORT/",
    "http://[::1]extra:PORT/",
    "http://256.256.256.256/",
    "http://1.2.3.4.5/",
    "http://0x100000000/",
    "http://..../",
    "http://a..b/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:-1/",
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

/// The servers of the namespace.
struct Everywhere(Vec<Server>);

impl Everywhere {
    async fn start() -> Self {
        let mut servers = Vec::new();
        for port in PORTS {
            servers.push(Server::start_on(&format!("[::]:{port}"), |_| Answer::Close(ok(b"secret"))).await);
        }
        Self(servers)
    }

    /// The check of attempts and controls alike: whether somebody has been heard of during `act`.
    async fn reached(&self, act: impl Future<Output = ()>) -> bool {
        let count = || self.0.iter().map(Server::connections).sum::<usize>();
        let before = count();
        act.await;
        count() > before
    }
}

#[test]
fn what_is_private_is_reached_without_a_guard_alone() {
    namespace::inside("addresses::what_is_private_is_reached_without_a_guard_alone", || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(all());
    });
}

async fn all() {
    let everywhere = Everywhere::start().await;
    let (mut rows, mut failed, mut by_nobody) = (Vec::new(), Vec::new(), Vec::new());
    for form in REFUSED {
        let url = form.replace("PORT", &PORT.to_string());
        let (egress, everything) = generous(PORT);
        if everywhere.reached(get(&egress, &url, &everything)).await {
            failed.push(format!("{form} is reached"));
        }
        if !everywhere.reached(plain::get(&url)).await {
            by_nobody.push(*form);
            continue;
        }
        let permitted = match permitting(&url) {
            Some((egress, grant)) => everywhere.reached(get(&egress, &url, &grant)).await,
            None => false,
        };
        let more = if permitted { "; so does an egress whose operator permits the host" } else { "" };
        let expected = "the egress refuses, and no connection is made";
        let control = format!("a client without a guard reaches it{more}");
        rows.push(Row::new(&format!("`{form}`"), "network", "a request to this URL", expected, &control));
    }
    rows.extend(redirects(&everywhere, &mut failed).await);
    rows.push(second_answer(&everywhere, &mut failed).await);
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(by_nobody, REACHED_BY_NOBODY);
    moltforge_attempts::check_page("addresses", &rows);
}

async fn get(egress: &Egress, url: &str, grant: &Grant) {
    // who was reached tells the server
    let _ = egress.send(Request::new(http::Method::GET, url), grant).await;
}

/// An egress whose operator permits the very host and port.
fn permitting(url: &str) -> Option<(Egress, Grant)> {
    let url = Url::parse(url).ok()?;
    let rule = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
    let config = EgressConfig { allow_local: vec![rule.parse().ok()?], ..config(&[], &[]) };
    Some((Egress::with_resolver(config, Names::new(NAMES)), grant(&[&rule])))
}

/// A permitted server sends the client to one that is not.
async fn redirects(everywhere: &Everywhere, failed: &mut Vec<String>) -> Vec<Row> {
    let mut rows = Vec::new();
    for place in ["10.0.0.1", "169.254.169.254", "[fd00:ec2::254]", "[::1]", "2130706433", "private.test"] {
        let location = format!("http://{place}/");
        let answer = redirect(302, &location);
        let front = Server::start(move |_| Answer::Close(answer.clone())).await;
        let mine = front.address.to_string();
        let sent = |egress: Egress, grant: Grant, url: String| async move { get(&egress, &url, &grant).await };
        let host = Url::parse(&location).unwrap().host_str().unwrap().to_owned();
        let there = format!("{host}:80");
        let hosts = ["*", there.as_str(), mine.as_str()];
        for (local, expected) in [(vec![mine.as_str()], false), (vec![mine.as_str(), there.as_str()], true)] {
            let egress = Egress::with_resolver(config(&hosts, &local), Names::new(NAMES));
            if everywhere.reached(sent(egress, grant(&hosts), front.url("/"))).await != expected {
                failed.push(format!("a redirect to {place}, which is permitted: {expected}"));
            }
        }
        let tried = format!("a server that is permitted redirects to {location}");
        let control = "the same redirect, when the operator permits that host too";
        rows.push(Row::new(&format!("redirect to {place}"), "network", &tried, "the redirect is refused", control));
    }
    rows
}

/// A name that is somebody else's the second time.
async fn second_answer(everywhere: &Everywhere, failed: &mut Vec<String>) -> Row {
    for (second, expected) in [("169.254.169.254", false), ("1.0.0.1", true)] {
        let names = Names::new(&[("rebind.test", &["1.1.1.1", second])]);
        let (egress, grant) = (Egress::with_resolver(config(&["*"], &[]), names), grant(&["*"]));
        for expected in [true, expected] {
            if everywhere.reached(get(&egress, "http://rebind.test/", &grant)).await != expected {
                failed.push(format!("a name that becomes {second}, reached: {expected}"));
            }
        }
    }
    let tried = "a name has a public address at the first request, and that of the metadata service at the second";
    let control = "a second address that is public is reached, and so is the first";
    Row::new("name that changes its address", "network", tried, "the second request is refused", control)
}
