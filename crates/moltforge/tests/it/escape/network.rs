//! Requests of programs to what the operator does not permit.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::sides::{Listener, Sides};
use super::{Report, Words};

pub(super) async fn all(sides: &Sides, report: &mut Report) {
    addresses(sides, report).await;
    headers(sides, report).await;
    answers(sides, report).await;
    sizes(sides, report).await;
}

/// Answers that are too much.
async fn sizes(sides: &Sides, report: &mut Report) {
    let words = Words { expected: "the call fails, the program goes on", control: "a small answer arrives" };
    for (what, path, good) in [
        ("a body of 20 MB", "bytes/20000000", "bytes/20"),
        ("a body that unpacks to 16 MB", "packed", "bytes/20"),
        ("headers of 100 KB", "headers/100000", "headers/10"),
        ("redirects without end", "again", "bytes/20"),
    ] {
        let arrived = |path: &'static str| async move {
            let url = format!("http://127.0.0.1:{}/{path}", sides.permitted.port);
            fetch(sides, &url, json!({})).await["status"] == json!(200)
        };
        let (attempt, control) = (arrived(path).await, arrived(good).await);
        report.add(&format!("fetch {what}"), "limits", &format!("`fetch` of {what}"), &words, attempt, control);
    }
}

async fn fetch(sides: &Sides, url: &str, options: Value) -> Value {
    let lines = "const r = await fetch(i.url, i.options); return { status: r.status, text: await r.text(), headers: [...r.headers] }";
    sides.owner.tries(lines, json!({ "url": url, "options": options })).await
}

/// Whether somebody was heard of during the request: the check of attempts and controls.
async fn reached(sides: &Sides, listener: &Listener, url: &str) -> bool {
    let before = listener.heard().len();
    fetch(sides, url, json!({})).await;
    listener.heard().len() > before
}

/// Whether somebody is heard of there who is not a program: that it can be heard at this address at all.
async fn hears(listener: &Listener, host: &str) -> bool {
    let before = listener.heard().len();
    drop(TcpStream::connect(format!("{host}:{}", listener.port)).await);
    for _ in 0..500 {
        if listener.heard().len() > before {
            return true;
        }
        // a real wait: the listener works meanwhile
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

async fn addresses(sides: &Sides, report: &mut Report) {
    let (private, permitted) = (sides.private.port, sides.permitted.port);
    let words = Words {
        expected: "the request is refused, and nobody is connected to",
        control: "the address that the operator permits is reached by the same program",
    };
    let heard = Words {
        control: "the address that the operator permits is reached by the same program, and this one by the test itself",
        ..words
    };
    let control = reached(sides, &sides.permitted, &format!("http://127.0.0.1:{permitted}/")).await;
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "[::]",
    ] {
        let attempt = reached(sides, &sides.private, &format!("http://{host}:{private}/")).await;
        let tried = format!("`fetch` of a service of this machine, as {host}");
        let control = control && hears(&sides.private, host).await;
        report.add(&format!("fetch {host}"), "network", &tried, &heard, attempt, control);
    }
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let url = format!("http://127.0.0.1:{permitted}/to/{host}:{private}");
        let attempt = reached(sides, &sides.private, &url).await;
        let tried = format!("`fetch` of a permitted server, which redirects to {host}:PORT");
        let control = control && hears(&sides.private, host).await;
        report.add(&format!("fetch a redirect to {host}:PORT"), "network", &tried, &heard, attempt, control);
    }
    let own = format!("http://127.0.0.1:{}/v1/agents", sides.world.server.address().port());
    let text = fetch(sides, &own, json!({})).await["status"].is_number();
    let good = fetch(sides, &format!("http://127.0.0.1:{permitted}/"), json!({})).await["status"].is_number();
    report.add(
        "fetch the server itself",
        "network",
        "`fetch` of the API that the program's server listens at",
        &words,
        text,
        good,
    );
    for url in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://metadata.google.internal/",
        "file:///etc/passwd",
        "unix:///run/x",
    ] {
        let attempt = fetch(sides, url, json!({})).await["status"].is_number();
        report.add(&format!("fetch {url}"), "network", &format!("`fetch(\"{url}\")`"), &words, attempt, good);
    }
}

/// Headers and paths that would make another request of one's own.
async fn headers(sides: &Sides, report: &mut Report) {
    let url = format!("http://127.0.0.1:{}/", sides.permitted.port);
    let words = Words { expected: "the header is refused or left out", control: "a header of its own arrives" };
    for (what, name, value) in [
        ("another host", "host", "canary.internal"),
        ("a forwarded request", "transfer-encoding", "canary"),
        ("an upgrade", "upgrade", "canary"),
        ("a proxy's password", "proxy-authorization", "canary"),
        ("two headers in one", "x-a", "1\r\nx-b: canary"),
        ("a header's name with a line", "x-a: 1\r\nx-b", "canary"),
    ] {
        let arrived = |name: String, value: &'static str| {
            let url = url.clone();
            async move {
                let lines =
                    "await c.tools.call('http.fetch', { url: i.url, headers: { [i.name]: i.value } }); return 1";
                let before = sides.permitted.heard().len();
                sides.owner.tries(lines, json!({ "url": url, "name": name, "value": value })).await;
                sides.permitted.heard()[before..].iter().any(|said| said.contains("canary"))
            }
        };
        let attempt = arrived(name.to_owned(), value).await;
        let control = arrived("x-own".to_owned(), "canary").await;
        let tried = format!("a request with {what}");
        report.add(&format!("send {what}"), "network", &tried, &words, attempt, control);
    }
    let words =
        Words { expected: "one request arrives, with the path escaped", control: "two requests are seen as two" };
    let seen = |paths: &[&str]| {
        let paths: Vec<_> = paths.iter().map(|path| format!("{url}{path}")).collect();
        async move {
            let before = sides.permitted.heard().len();
            for path in paths {
                fetch(sides, &path, json!({})).await;
            }
            let heard = sides.permitted.heard();
            heard[before..].iter().map(|said| said.matches(" HTTP/1.1\r\n").count()).sum::<usize>() > 1
        }
    };
    let attempt = seen(&["a HTTP/1.1\r\n\r\nGET /b"]).await;
    let control = seen(&["a", "b"]).await;
    report.add(
        "send a second request in a path",
        "network",
        "`fetch` of a path with a line break and a request",
        &words,
        attempt,
        control,
    );
}

/// What comes back.
async fn answers(sides: &Sides, report: &mut Report) {
    let answer = fetch(sides, &format!("http://127.0.0.1:{}/", sides.permitted.port), json!({})).await.to_string();
    let words = Words { expected: "the program does not get it", control: "it gets the type of the content" };
    let control = answer.contains("text/plain");
    for header in ["set-cookie", "x-internal"] {
        let tried = format!("the header `{header}` of an answer");
        report.add(&format!("read {header}"), "secrets", &tried, &words, answer.contains(header), control);
    }
}
