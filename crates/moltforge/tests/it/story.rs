//! The same day as in `execution/tests/it/story.rs`, with the real program and as a user would: the agent is started by
//! its schedule, answered by the CLI, survives a SIGKILL between the arrival of its refund and the answer, and is killed
//! with its three children by one command. Only the day that it waits is two seconds.

use std::fs;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{Dev, run, until_within};

/// A schedule fires each minute at most.
const PATIENCE: Duration = Duration::from_secs(100);

/// One request that arrived.
#[derive(Debug, Clone)]
struct Arrival {
    path: String,
    key: String,
    body: Value,
    /// Its caller still waits for the answer.
    open: bool,
}

/// The far side: `/refund` answers the second time that it is asked, `/hang` never.
#[derive(Clone, Default)]
struct Outside(Arc<Mutex<Vec<Arrival>>>);

impl Outside {
    fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let outside = Self::default();
        let served = outside.clone();
        std::thread::spawn(move || {
            while let Ok((socket, _)) = listener.accept() {
                let served = served.clone();
                std::thread::spawn(move || served.serve(socket));
            }
        });
        (outside, place)
    }

    fn serve(&self, mut socket: TcpStream) {
        let Some((path, key, body)) = request(&mut socket) else { return };
        let mut all = self.0.lock().unwrap();
        let answered = path == "/refund" && all.iter().any(|one| one.path == path);
        let place = all.len();
        all.push(Arrival { path, key, body, open: !answered });
        drop(all);
        if answered {
            let said =
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\nconnection: close\r\n\r\n";
            socket.write_all(format!("{said}{{\"paid\": 1}}").as_bytes()).unwrap();
            return;
        }
        // until the caller has gone
        while socket.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
        self.0.lock().unwrap()[place].open = false;
    }

    fn of(&self, path: &str) -> Vec<Arrival> {
        self.0.lock().unwrap().iter().filter(|one| one.path == path).cloned().collect()
    }

    fn open(&self, path: &str) -> usize {
        self.of(path).iter().filter(|one| one.open).count()
    }
}

/// Path, idempotency key and body.
pub(crate) fn request(socket: &mut TcpStream) -> Option<(String, String, Value)> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let read = socket.read(&mut piece).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        let length: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if body.len() >= length {
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let body = serde_json::from_str(body).unwrap_or_default();
            return Some((path, header("idempotency-key").unwrap_or_default(), body));
        }
    }
}

fn tool(name: &str, effect: &str, place: &str) -> Value {
    json!({ "name": name, "description": "d", "url": format!("http://{place}/{name}"), "method": "POST",
            "effect": effect, "timeout": "5m", "parameters": { "type": "object", "properties": { "order": { "type": "string" } } } })
}

fn set_up(at: &Path, place: &str) {
    let start = json!({ "tool": "agents.start", "arguments": { "agent": "digger" } });
    let ids = json!(["{{ tools[0].execution_id }}", "{{ tools[1].execution_id }}", "{{ tools[2].execution_id }}"]);
    let clerk = json!({
        "name": "clerk", "kind": "prompt", "model": "scripted", "agents": ["digger"],
        "tools": ["approvals.request", "time.sleep", "refund", "agents.start", "agents.wait"],
        "tool": [tool("refund", "keyed", place)], "approvals": [{ "tools": ["refund"] }],
        "script": [
            { "calls": [{ "tool": "approvals.request", "arguments": { "title": "Look at A-17?" } }] },
            { "calls": [{ "tool": "time.sleep", "arguments": { "duration": "2s" } }] },
            { "calls": [{ "tool": "refund", "arguments": { "order": "A-17" } }] },
            { "calls": [start, start, start] },
            { "calls": [{ "tool": "agents.wait", "arguments": { "executions": ids } }] },
            { "text": "never" },
        ],
    });
    let digger = json!({
        "name": "digger", "kind": "prompt", "model": "scripted", "tools": ["hang"], "tool": [tool("hang", "at_most_once", place)],
        "script": [{ "calls": [{ "tool": "hang", "arguments": {} }] }, { "text": "never" }],
    });
    for agent in [digger, clerk] {
        let file = format!("{}.toml", agent["name"].as_str().unwrap());
        fs::write(at.join(&file), toml::to_string(&agent).unwrap()).unwrap();
        run(at, &["deploy", &file]).ok();
    }
}

/// Asks until there is an answer.
fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, ask)
}

/// Approves what it asks a person, and says which tool that was.
fn approve(at: &Path, id: &str) -> String {
    let asked = until("it asks", || {
        let waiting = run(at, &["approvals", "list", "--execution", id, "-o", "json"]).json();
        Some(waiting[0].clone()).filter(Value::is_object)
    });
    run(at, &["approvals", "approve", asked["approval_id"].as_str().unwrap(), "--note", "go"]).ok();
    asked["tool"].as_str().unwrap().to_owned()
}

#[test]
fn the_story() {
    let (outside, place) = Outside::start();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let dev = Dev::start(at, &["--allow-local", &place]);
    set_up(at, &place);
    let made = run(at, &["triggers", "create", "clerk", "--schedule", "* * * * *", "-o", "json"]).json();
    let trigger = made["trigger"]["trigger_id"].as_str().unwrap();
    let execution = until("its minute comes", || {
        let listed = run(at, &["executions", "list", "--agent", "clerk", "-o", "json"]).json();
        Some(listed[0].clone()).filter(Value::is_object)
    });
    run(at, &["triggers", "pause", trigger]).ok();
    assert_eq!((&execution["trigger"], &execution["trigger_id"]), (&json!("schedule"), &json!(trigger)), "{execution}");
    let id = execution["execution_id"].as_str().unwrap();

    assert_eq!(approve(at, id), "approvals.request");
    let answered = Instant::now();
    assert_eq!(approve(at, id), "refund");
    assert!(answered.elapsed() >= Duration::from_secs(2), "it waited");
    // the worst moment: the refund has arrived, and nobody has heard the answer
    until("the refund arrives", || (outside.open("/refund") == 1).then_some(()));
    dev.kill();
    let _dev = Dev::start(at, &["--allow-local", &place]);
    until("its children are at work", || (outside.open("/hang") == 3).then_some(()));
    let refunds = outside.of("/refund");
    let [first, second] = refunds.as_slice() else { panic!("sent once by each server: {refunds:?}") };
    assert!(first.key == second.key && first.key.len() > 20, "the far side knows that it is the same: {refunds:?}");
    assert_eq!((&first.body, &second.body), (&json!({ "order": "A-17" }), &json!({ "order": "A-17" })));

    let killed = run(at, &["kill", id, "--note", "enough", "-o", "json"]).json();
    let receipt = &killed["receipt"];
    assert_eq!((&killed["state"], &receipt["stopped"]["kill"]), (&json!("cancelled"), &json!(true)), "{killed}");
    let below = receipt["below"].as_array().unwrap();
    assert_eq!(below.len(), 3, "{receipt}");
    for stopped in below {
        assert_eq!((&stopped["state"], &stopped["kill"]), (&json!("cancelled"), &json!(true)), "{stopped}");
        assert!(stopped["stop_us"].is_u64(), "{stopped}");
        let call = &stopped["calls"][0];
        assert_eq!((&call["name"], &call["outcome"]), (&json!("hang"), &json!("unknown")), "{stopped}");
        assert!(outside.of("/hang").iter().any(|arrival| call["idempotency_key"] == arrival.key), "{stopped}");
    }
    until("no call goes on behind the receipt", || (outside.open("/hang") == 0).then_some(()));
    assert_eq!(run(at, &["executions", "receipt", id, "-o", "json"]).json()["below"], receipt["below"]);
    assert_eq!(run(at, &["executions", "replay", id, "-o", "json"]).json()["identical"], true);
    assert_eq!((outside.of("/refund").len(), outside.of("/hang").len()), (2, 3), "nothing more was sent");
    let resumed = run(at, &["resume", id]);
    assert!(resumed.code == 1 && resumed.err.contains("execution_ended"), "{}", resumed.err);
}
