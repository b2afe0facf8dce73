//! The access log: what is in a line, and what never is.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::world::world;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_line_says_who_did_what_and_holds_no_secret() {
    let lines = Lines::default();
    let log =
        tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG).with_writer(lines.clone()).finish();
    // for the whole process: other tests on other threads may meet a place that logs before this one does
    tracing::subscriber::set_global_default(log).unwrap();
    let world = world().await;
    let cookie = world.sign_in().await;
    let answer = world.with_key("GET", "/v1/agents?code=in-the-query").header("x-request-id", "seen").send().await;
    assert_eq!(answer.status, 200);
    world.ask("POST", "/v1/agents").json(&json!({"name": "in-the-body"})).same_origin(&cookie).send().await;
    world.ask("GET", "/v1/agents").bearer("mf_guessed").send().await;
    world.with_key("GET", "/v1/agents/a/panic").send().await;

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let token = cookie.split_once('=').unwrap().1;
    for secret in [world.secret.as_str(), token, "mf_guessed", "in-the-query", "in-the-body"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let seen = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let seen = seen.map(|line| line["fields"].clone()).find(|fields| fields["request_id"] == "seen").unwrap();
    assert_eq!(seen["method"], "GET");
    assert_eq!(seen["path"], "/v1/agents");
    assert_eq!(seen["status"], 200);
    assert_eq!(seen["client"], "192.0.2.1");
    assert_eq!(seen["actor"], world.owner.actor.to_string());
    assert_eq!(seen["project_id"], world.owner.project_id.to_string());
    assert!(seen["duration_us"].is_u64());
    assert!(text.contains("hunter2"), "what a panic said is in the log and nowhere else");
}
