// The prelude: puts what an agent expects into its global scope, and tells the engine how to begin and go on.
import { ready, load, succeed, fail, elapsed } from "host";
import { dispatch } from "./calls.js";
import { setTimeout, setInterval, clearTimeout } from "./timers.js";
import { console } from "./console.js";
import { TextEncoder, TextDecoder } from "./encoding.js";
import { URL, URLSearchParams } from "./url.js";
import { Event, CustomEvent, EventTarget, AbortSignal, AbortController } from "./events.js";
import { structuredClone } from "./clone.js";
import { crypto } from "./crypto.js";
import { Headers } from "./headers.js";
import { Request, Response, fetch } from "./fetch.js";
import { describe } from "./errors.js";
import * as api from "./api.js";

function define(values) {
  for (const [name, value] of Object.entries(values))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}

// What a garbage collection could be seen by would not be the same when an execution is replayed.
delete globalThis.WeakRef;
delete globalThis.FinalizationRegistry;

define({
  console,
  setTimeout,
  setInterval,
  clearTimeout,
  clearInterval: clearTimeout,
  TextEncoder,
  TextDecoder,
  URL,
  URLSearchParams,
  Event,
  CustomEvent,
  EventTarget,
  AbortSignal,
  AbortController,
  structuredClone,
  crypto,
  Headers,
  Request,
  Response,
  fetch,
  // virtual, like all time here
  performance: {
    now: () => elapsed() / 1000,
    get timeOrigin() {
      return Date.now() - elapsed() / 1000;
    },
  },
});
Error.stackTraceLimit = 20;

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
