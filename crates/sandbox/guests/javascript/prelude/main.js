// The prelude: puts what an agent expects into its global scope, and tells the engine how to begin and go on.
import { ready, load, succeed, fail } from "host";
import { dispatch } from "./calls.js";
import { setTimeout, setInterval, clearTimeout } from "./timers.js";
import { console } from "./console.js";
import { describe } from "./errors.js";
import * as api from "./api.js";

function define(values) {
  for (const [name, value] of Object.entries(values))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}

define({
  console,
  setTimeout,
  setInterval,
  clearTimeout,
  clearInterval: clearTimeout,
});

function failed(error) {
  const { kind, message, stack } = describe(error);
  fail(kind, message, stack);
}

function entryPoint(module) {
  const candidates = [module.default, module.run, module.default?.run];
  return candidates.find((candidate) => typeof candidate === "function");
}

function result(value) {
  if (value === undefined) return "null";
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`run returned a ${typeof value}, which JSON cannot hold`);
  return json;
}

async function boot(entry, input) {
  try {
    const run = entryPoint(await load(entry));
    if (!run) {
      return fail("no-run", `${entry} exports no run: write "export default async function run(input) { ... }"`, "");
    }
    succeed(result(await run(JSON.parse(input), api.context)));
  } catch (error) {
    failed(error);
  }
}

ready(boot, dispatch, failed);
