//! MoltForge under measurement: the release build, SQLite with its defaults, everything on.

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::measure::Subject;
use super::wire;
use super::workload::{Model, Target};
use crate::{process, workspace};

/// A running server, killed when dropped.
pub(super) struct Ours {
    child: Child,
    program: PathBuf,
    address: SocketAddr,
    key: String,
    /// How long it took from its start to readiness.
    pub ready: Duration,
}

impl Ours {
    /// Starts the program on a data folder, new or used.
    pub(super) fn start(data: &Path, model: &Model) -> Result<Self> {
        let text = format!("[[models.providers]]\nname = \"mock\"\nbase_url = \"http://{}/v1/\"\n", model.address);
        Self::start_with(data, &text, &workspace::built("release", "moltforge"))
    }

    /// Starts a program with a configuration.
    pub(super) fn start_with(data: &Path, text: &str, program: &Path) -> Result<Self> {
        fs::create_dir_all(data)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let config = data.with_extension("toml");
        fs::write(&config, text)?;
        let log = fs::File::create(data.with_extension("log"))?;
        let mut command = process::command(program);
        command.args(["dev", "--port", &port.to_string(), "--data-dir"]).arg(data).arg("--config").arg(&config);
        // the first start would compile engines
        command.env("MOLTFORGE_SANDBOX__PREPARE", "false");
        // away from the examples: nothing is deployed or run at start
        command.current_dir(data).stdout(log.try_clone()?).stderr(log);
        command.stdin(Stdio::null());
        let begun = Instant::now();
        let child = command.spawn().context("start moltforge")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut ours = Self { child, program: program.to_owned(), address, key: String::new(), ready: Duration::ZERO };
        ours.ready = wire::ready(address, "/readyz", begun)?;
        let key = fs::read_to_string(data.join("dev.key")).context("read the key")?;
        key.trim().clone_into(&mut ours.key);
        Ok(ours)
    }

    /// Creates and deploys the agents of all measurements.
    pub(super) fn deploy_all(&self) -> Result<()> {
        let workload = json!({
            "name": "w", "kind": "prompt", "model": "mock/w", "instructions": "Add.", "tools": ["math.add"],
        });
        let suspended = json!({
            "name": "suspended", "kind": "prompt", "model": "scripted", "tools": ["signals.wait"],
            "script": [{ "calls": [{ "tool": "signals.wait", "arguments": { "name": "go" } }] }, { "text": "done" }],
        });
        let add = json!({ "tool": "math.add", "arguments": { "a": 2, "b": 3 } });
        let long = json!({
            "name": "long", "kind": "prompt", "model": "scripted", "tools": ["math.add"],
            "limits": { "turns": 1100, "tool_calls": 1100 },
            "script": [{ "calls": [add], "repeat": 1000 }, { "text": "done" }],
        });
        for config in [workload, suspended, long] {
            let name = config["name"].as_str().unwrap_or_default().to_owned();
            self.json("POST", "/v1/agents", &json!({ "config": config }))?;
            self.json("POST", &format!("/v1/agents/{name}/deployments"), &json!({}))?;
        }
        Ok(())
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A command of the program itself, with the key.
    pub(super) fn cli(&self, words: &[&OsStr]) -> Result<()> {
        let mut command = process::command(&self.program);
        command.args(words).env("MOLTFORGE_URL", format!("http://{}", self.address)).env("MOLTFORGE_KEY", &self.key);
        process::run(command)
    }

    /// A request with the key; anything but 2xx is an error.
    pub(super) fn json(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        wire::json(self.address, method, path, &[self.authorization()], &body)
    }

    /// The header with the key.
    pub(super) fn authorization(&self) -> String {
        format!("authorization: Bearer {}", self.key)
    }
}

impl Subject for Ours {
    fn name(&self) -> &'static str {
        "MoltForge"
    }

    fn processes(&self) -> Vec<u32> {
        vec![self.child.id()]
    }

    fn run(&self) -> Target {
        Target {
            address: self.address,
            path: "/v1/executions".to_owned(),
            headers: vec![self.authorization(), "prefer: wait=30".to_owned()],
            body: json!({ "agent": "w", "input": "run:{uid} add 2 and 3" }).to_string(),
            expect: "FINAL".to_owned(),
        }
    }

    fn suspend(&self) -> Target {
        Target {
            headers: vec![self.authorization()],
            body: json!({ "agent": "suspended", "input": "{uid}" }).to_string(),
            expect: String::new(),
            ..self.run()
        }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
