// Calls of capabilities: every one is a command to the worker, and a promise until its completion is handed over.
import { submit, cancel } from "host";

const { stringify, parse } = JSON;
const open = new Map(); // id of a command -> what to do with its completion

/** A call that did not work. `code` is stable and has a page in the documentation. */
export class CapabilityError extends Error {
  constructor(capability, { code, message, ...details }) {
    super(message ?? code);
    this.capability = capability;
    this.code = code;
    if (Object.keys(details).length > 0) this.details = details;
  }
}
Object.defineProperty(CapabilityError.prototype, "name", { value: "CapabilityError", writable: true, configurable: true });

/** Submits a command; `settle(ok, json)` gets its completion. Answers with the command's id. */
export function command(name, args, settle) {
  const id = submit(name, stringify(args));
  open.set(id, settle);
  return id;
}

/** Forgets a command. */
export function forget(id) {
  if (open.delete(id)) cancel(id);
}

/** What the worker hands over. */
export function dispatch(id, ok, json) {
  const settle = open.get(id);
  open.delete(id);
  settle?.(ok, json);
}

function failure(name, json) {
  try {
    const error = parse(json);
    if (error !== null && typeof error === "object") return error;
  } catch {}
  return { code: "unknown", message: json };
}

/** Calls a capability. The error of a failed call names the line that made the call. `begun` gets the call's id. */
export function call(name, args, signal, here = call, begun = undefined) {
  if (typeof name !== "string" || name === "") throw new TypeError("the name of a capability is a text");
  if (signal?.aborted) return Promise.reject(signal.reason);
  const place = {};
  Error.captureStackTrace(place, here);
  return new Promise((resolve, reject) => {
    const stop = () => {
      forget(id);
      reject(signal.reason);
    };
    const id = command(name, args ?? {}, (ok, json) => {
      signal?.removeEventListener("abort", stop);
      if (ok) return resolve(parse(json));
      const error = new CapabilityError(name, failure(name, json));
      Object.defineProperty(error, "stack", { value: place.stack, writable: true, configurable: true });
      reject(error);
    });
    begun?.(id);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
