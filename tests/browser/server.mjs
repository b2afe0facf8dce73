// The real program, on a free port, with its data in a scratch folder.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const AGENTS = ["agents", "../../examples"].map((path) => fileURLToPath(new URL(path, import.meta.url)));

export class Server {
  constructor(program, scratch, backendPort) {
    this.program = program;
    this.data = join(scratch, "data");
    this.agents = join(scratch, "agents");
    this.backendPort = backendPort;
    this.port = 0;
  }

  // Resolves when it is ready and has told where it is.
  async start() {
    await this.#prepare();
    const places = ["--data-dir", this.data, "--agents-dir", this.agents, "--port", String(this.port)];
    const grants = ["--allow-local", `127.0.0.1:${this.backendPort}`];
    // no page needs a program to run, and compiling engines takes all processors
    const env = { ...process.env, MOLTFORGE_SANDBOX__ENABLED: "false" };
    this.child = spawn(this.program, ["dev", "--output", "json", ...places, ...grants], { env, stdio: ["ignore", "pipe", "pipe"] });
    const said = [];
    createInterface({ input: this.child.stderr }).on("line", (line) => said.push(line));
    const told = new Promise((resolve, reject) => {
      createInterface({ input: this.child.stdout }).on("line", (line) => {
        try {
          const document = JSON.parse(line);
          if (document.url && document.key) resolve(document);
        } catch { /* a line for people */ }
      });
      this.child.once("error", reject);
      this.child.once("exit", (code) => reject(new Error(`the server ended with ${code}\n${said.join("\n")}`)));
    });
    const { url, dashboard, key } = await told;
    this.url = url;
    this.oneTimeUrl = dashboard;
    this.key = key;
    this.port = new URL(url).port;
  }

  async #prepare() {
    if (this.prepared) return;
    this.prepared = true;
    for (const folder of AGENTS) await cp(folder, this.agents, { recursive: true });
    for (const name of await readdir(this.agents)) {
      const file = join(this.agents, name, "agent.toml");
      const source = await readFile(file, "utf8").catch(() => null);
      if (source !== null) await writeFile(file, source.replaceAll(":PORT", `:${this.backendPort}`));
    }
  }

  // As a power cut would.
  async kill() {
    await this.#end("SIGKILL");
  }

  async stop() {
    await this.#end("SIGTERM");
  }

  async #end(signal) {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill(signal);
    await ended;
  }

  // The API, with the development key.
  async api(method, path, body, headers = {}) {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.key}`, ...(body ? { "content-type": "application/json" } : {}), ...headers },
      body: body ? JSON.stringify(body) : undefined,
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  async oneTime() {
    const { code } = await this.api("POST", "/v1/sign-in-codes");
    return `${this.url}/sign-in?code=${code}`;
  }

  start_execution(agent, input = null) {
    return this.api("POST", "/v1/executions", { agent, input });
  }
}
