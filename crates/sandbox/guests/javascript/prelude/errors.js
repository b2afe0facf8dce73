// What a failed run says: the kind, one line, and a stack that names the author's files only.
import { loadFailed } from "host";
import { inspect } from "./inspect.js";

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

/** kind, message and stack of whatever was thrown. Never throws. */
export function describe(error) {
  try {
    const stack = full(error).join("\n").toWellFormed();
    if (error === null || (error instanceof InternalError && error.message === "out of memory")) {
      return { kind: "engine", message: "out of memory", stack };
    }
    const loading = loadFailed() || (error instanceof SyntaxError && LINKING.test(error.message));
    if (loading && (error instanceof SyntaxError || error instanceof ReferenceError)) {
      return { kind: "syntax", message: `${located(error)}${line(error)}`.toWellFormed(), stack };
    }
    return { kind: "exception", message: line(error).toWellFormed(), stack };
  } catch (inner) {
    if (inner === null || inner instanceof InternalError) return { kind: "engine", message: "out of memory", stack: "" };
    return { kind: "exception", message: "an error that cannot be shown was thrown", stack: "" };
  }
}
