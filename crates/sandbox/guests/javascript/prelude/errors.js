// What a failed run says: the kind, one line, and a stack that names the author's files only.
import { loadFailed, outOfMemory } from "host";
import { inspect } from "./inspect.js";

// kept: a program may empty its global object
const { Error, AggregateError, InternalError, ReferenceError, SyntaxError, String } = globalThis;
const wellFormed = Function.prototype.call.bind(String.prototype.toWellFormed);

const OURS = /\(moltforge:|\(native\)$|^\s*at moltforge:/;
const LINKING = /^(Could not find export|circular reference when looking)/;

function stackOf(error) {
  const stack = typeof error.stack === "string" ? error.stack : "";
  return stack.split("\n").filter((line) => line.trim() !== "" && !OURS.test(line));
}

function line(error) {
  if (!(error instanceof Error)) return `thrown: ${inspect(error)}`;
  const name = String(error.name), message = String(error.message);
  return message === "" ? name : `${name}: ${message}`;
}

function full(error, depth = 0) {
  if (!(error instanceof Error)) return [];
  const lines = stackOf(error);
  for (const inner of error instanceof AggregateError ? error.errors.slice(0, 10) : []) {
    if (depth < 4) lines.push(`  of: ${line(inner)}`, ...full(inner, depth + 1));
  }
  if (error.cause !== undefined && depth < 4) lines.push(`caused by: ${line(error.cause)}`, ...full(error.cause, depth + 1));
  return lines;
}

/** Where the text of a program is wrong: the first place of the stack. */
function located(error) {
  const place = /at (?:.* \()?([^()]+:\d+:\d+)\)?/.exec(stackOf(error)[0] ?? "");
  return place ? `${place[1]}: ` : "";
}

/** What a function gives, or something else when the program broke what it needs. */
function attempt(shown, otherwise) {
  try {
    return shown();
  } catch {
    return otherwise;
  }
}

/** Whether the engine threw it for want of memory: `null` when there was not even enough for an error. */
function isMemory(error) {
  return outOfMemory() && (error === null || (error instanceof InternalError && error.message === "out of memory"));
}

function kindOf(error) {
  if (isMemory(error)) return "engine";
  const loading = loadFailed() || (error instanceof SyntaxError && LINKING.test(error.message));
  return loading && (error instanceof SyntaxError || error instanceof ReferenceError) ? "syntax" : "exception";
}

/** kind, message and stack of whatever was thrown. */
export function describe(error) {
  const kind = attempt(() => kindOf(error), "exception");
  const stack = attempt(() => wellFormed(full(error).join("\n")), "");
  if (kind === "engine") return { kind, message: "out of memory", stack };
  const message = attempt(() => wellFormed(line(error)), "an error that cannot be shown was thrown");
  const place = kind === "syntax" ? attempt(() => wellFormed(located(error)), "") : "";
  return { kind, message: `${place}${message}`, stack };
}
