//! The load tools of `bench/`, started as processes.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{process, workspace};

/// What one run is, for whoever serves it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Where.
    pub address: SocketAddr,
    /// The path.
    pub path: String,
    /// Headers as `name: value`.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
    /// A text that a good answer holds.
    pub expect: String,
}

/// Runs one of the load tools against a target and reads its line.
pub(super) fn load(tool: &str, target: &Target, settings: &[(&str, u64)]) -> Result<Value> {
    let mut command = tool_command(tool);
    command.args(["--address", &target.address.to_string(), "--path", &target.path, "--body", &target.body]);
    command.args(["--expect", &target.expect]);
    for header in &target.headers {
        command.args(["--header", header]);
    }
    for (name, value) in settings {
        command.arg(format!("--{name}")).arg(value.to_string());
    }
    let settings: Vec<_> = settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
    println!("  {tool} {}, {}", target.path, settings.join(", "));
    let line: Value = serde_json::from_str(&process::output(command)?).context("read the tool's line")?;
    println!("    {line}");
    if line["errors"].as_u64() != Some(0) {
        bail!("{tool} on {}: {} errors, the first: {}", target.path, line["errors"], line["first_error"]);
    }
    Ok(line)
}

/// What a durable write costs on the disk of `folder`: a line per way of writing.
pub(super) fn fsync(folder: &Path, seconds: u64) -> Result<Vec<Value>> {
    let mut command = tool_command("fsync");
    command.arg(folder).args(["--seconds", &seconds.to_string()]);
    process::output(command)?.lines().map(|line| serde_json::from_str(line).context("read the floor")).collect()
}

/// The stand-in model, stopped when dropped.
pub(super) struct Model {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Model {
    /// Starts one whose first reply calls `tool`.
    pub(super) fn start(tool: &str) -> Result<Self> {
        let mut command = tool_command("model");
        command.args(["--tool", tool]).stdout(Stdio::piped());
        let mut child = command.spawn().context("start the stand-in model")?;
        let mut line = String::new();
        if let Some(stdout) = &mut child.stdout {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().parse().context("read the model's address")?;
        Ok(Self { child, address })
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tool_command(tool: &str) -> Command {
    let mut command = process::command(workspace::built("release", "workload"));
    command.arg(tool);
    command
}
