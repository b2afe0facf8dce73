//! The durable peer beside us: Restate by npm, with all its defaults, its agent in one Node process.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::measure::Subject;
use super::wire;
use super::workload::{Model, Target};
use crate::process;

const SERVER: &str = "@restatedev/restate-server@1.7.12";
const SDK: &str = "@restatedev/restate-sdk@1.17.2";

/// The peer's ports are its defaults.
const INGRESS: u16 = 8080;
const ADMIN: u16 = 9070;
const AGENT: u16 = 9080;

/// The peer's server and its agent, killed when dropped.
pub(super) struct Peer {
    server: Child,
    agent: Child,
}

impl Peer {
    /// Installs and starts it. Nothing, with a printed reason, where that does not work.
    pub(super) fn start(folder: &Path, model: &Model) -> Option<Self> {
        match try_start(&folder.join("peer"), model) {
            Ok(peer) => Some(peer),
            Err(error) => {
                println!("without the peer: {error:#}");
                None
            }
        }
    }
}

fn try_start(folder: &Path, model: &Model) -> Result<Peer> {
    fs::create_dir_all(folder)?;
    let modules = folder.join("node_modules/@restatedev");
    if !modules.join("restate-sdk").try_exists()? || !modules.join("restate-server").try_exists()? {
        let mut npm = process::command("npm");
        npm.current_dir(folder).args(["install", "--no-audit", "--no-fund", "--prefix", ".", SERVER, SDK]);
        process::run(npm).context("install the peer by npm")?;
    }
    fs::write(folder.join("agent.mjs"), AGENT_FILE)?;
    let data = folder.join("data");
    let _ = fs::remove_dir_all(&data);

    let mut server = quiet(&binary(&modules)?, folder)?;
    server.env("RESTATE_DISABLE_TELEMETRY", "true").env("RESTATE_LOG_FILTER", "warn");
    server.args(["--no-logo", "--listen-mode", "tcp", "--bind-ip", "127.0.0.1", "--node-name", "n1", "--base-dir"]);
    let server = server.arg(&data).spawn().context("start the peer's server")?;
    let mut agent = quiet(Path::new("node"), folder)?;
    agent.arg("agent.mjs").env("NODE_ENV", "production").env("RESTATE_LOGGING", "WARN");
    agent.env("MODEL", format!("http://{}/v1/chat/completions", model.address)).env("PORT", AGENT.to_string());
    let agent = agent.spawn().context("start the peer's agent")?;
    // from here on both are killed when something fails
    let peer = Peer { server, agent };
    wire::ready(local(ADMIN), "/health", Instant::now())?;
    let register = json!({ "uri": format!("http://127.0.0.1:{AGENT}") }).to_string();
    let begun = Instant::now();
    while let Err(error) = wire::json(local(ADMIN), "POST", "/deployments", &[], &register) {
        if begun.elapsed().as_secs() > 30 {
            return Err(error.context("register the peer's agent"));
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    Ok(peer)
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn binary(modules: &Path) -> Result<PathBuf> {
    let platforms = fs::read_dir(modules)?.flatten().map(|entry| entry.path().join("bin/restate-server"));
    platforms.into_iter().find(|path| path.is_file()).context("no binary of the peer for this platform")
}

fn quiet(program: &Path, folder: &Path) -> Result<Command> {
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log"))?;
    let mut command = process::command(program);
    command.current_dir(folder).stdout(log.try_clone()?).stderr(log).stdin(Stdio::null());
    Ok(command)
}

impl Subject for Peer {
    fn name(&self) -> &'static str {
        "Restate 1.7.12"
    }

    fn processes(&self) -> Vec<u32> {
        vec![self.server.id(), self.agent.id()]
    }

    fn run(&self) -> Target {
        Target {
            address: local(INGRESS),
            path: "/Adder/{uid}/run".to_owned(),
            headers: Vec::new(),
            body: json!({ "question": "run:{uid} add 2 and 3" }).to_string(),
            expect: "FINAL".to_owned(),
        }
    }

    fn suspend(&self) -> Target {
        Target {
            path: "/Adder/{uid}/run/send".to_owned(),
            body: json!({ "question": "add 2 and 3", "wait": true }).to_string(),
            expect: String::new(),
            ..self.run()
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        for child in [&mut self.agent, &mut self.server] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The same run as ours: model, tool, model, each a durable step of a workflow.
const AGENT_FILE: &str = r#"// node 20 lacks what the SDK uses
Promise.withResolvers ??= () => {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};
const { serve, workflow } = await import("@restatedev/restate-sdk");

const schema = { type: "object", properties: { a: { type: "integer" }, b: { type: "integer" } } };
const tools = [{ type: "function", function: { name: "add", parameters: schema } }];

const ask = async (messages) => {
  const body = JSON.stringify({ model: "mock", messages, tools });
  const answer = await fetch(process.env.MODEL, { method: "POST", headers: { "content-type": "application/json" }, body });
  return (await answer.json()).choices[0].message;
};

const adder = workflow({
  name: "Adder",
  handlers: {
    run: async (context, { question, wait }) => {
      if (wait) await context.promise("go");
      const messages = [{ role: "user", content: question }];
      const first = await context.run("first model call", () => ask(messages));
      const [call] = first.tool_calls;
      const sum = await context.run("tool", () => {
        const { a, b } = JSON.parse(call.function.arguments);
        return a + b;
      });
      messages.push(first, { role: "tool", tool_call_id: call.id, content: String(sum) });
      const last = await context.run("second model call", () => ask(messages));
      return { answer: last.content };
    },
    go: async (context) => context.promise("go").resolve("go"),
  },
});

serve({ services: [adder], port: Number(process.env.PORT) });
"#;
