// The console writes to the execution's log.
import { elapsed, log } from "host";
import { format, inspect } from "./inspect.js";

// kept: a program may empty its global object
const { Array, Error, Map, Math, Object, Set, String } = globalThis;
const DEBUG = 0, INFO = 1, WARN = 2, ERROR = 3;
// of a table
const ROWS = 100, COLUMNS = 20;
let indent = "";
const counters = new Map(), began = new Map();

function say(level, text) {
  log(level, indent === "" ? text : text.replace(/^/gm, indent));
}

function write(level, args) {
  say(level, format(args));
}

/** Rows of texts, below one another; the first is the head. */
function aligned(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => row.map((text, column) => text.padEnd(widths[column])).join(" | ").trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("-+-");
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join("\n");
}

function table(data, only) {
  const isObject = (value) => typeof value === "object" && value !== null;
  if (!isObject(data)) return write(INFO, [data]);
  const all = Object.entries(data);
  const entries = all.slice(0, ROWS);
  const keys = new Set(entries.flatMap(([, row]) => (isObject(row) ? Object.keys(row) : [])));
  const columns = (Array.isArray(only) ? only.map(String) : [...keys]).slice(0, COLUMNS);
  const hasValues = entries.some(([, row]) => !isObject(row));
  const cells = ([index, row]) => {
    const cell = (column) => (isObject(row) && Object.hasOwn(row, column) ? inspect(row[column]) : "");
    return [index, ...columns.map(cell), ...(hasValues ? [isObject(row) ? "" : inspect(row)] : [])];
  };
  const head = ["(index)", ...columns, ...(hasValues ? ["Values"] : [])];
  const more = all.length > ROWS ? `\n... ${all.length - ROWS} more` : "";
  say(INFO, aligned([head, ...entries.map(cells)]) + more);
}

/** Time is virtual: it passes only while a call is waited for. */
function took(label, args) {
  const name = String(label);
  if (!began.has(name)) return say(WARN, `there is no timer "${name}"`);
  const text = `${name}: ${(elapsed() - began.get(name)) / 1000}ms`;
  say(INFO, args.length === 0 ? text : `${text} ${format(args)}`);
}

export const console = {
  log: (...args) => write(INFO, args),
  info: (...args) => write(INFO, args),
  debug: (...args) => write(DEBUG, args),
  warn: (...args) => write(WARN, args),
  error: (...args) => write(ERROR, args),
  dir: (value) => write(INFO, [value]),
  trace: (...args) => {
    const place = {};
    Error.captureStackTrace(place, console.trace);
    write(DEBUG, [`Trace: ${format(args)}\n${place.stack}`.trimEnd()]);
  },
  assert: (condition, ...args) => {
    if (!condition) write(ERROR, ["Assertion failed", ...args]);
  },
  group: (...args) => {
    if (args.length > 0) write(INFO, args);
    indent += "  ";
  },
  groupCollapsed: (...args) => console.group(...args),
  groupEnd: () => {
    indent = indent.slice(2);
  },
  dirxml: (...args) => write(INFO, args),
  table,
  count: (label = "default") => {
    const name = String(label);
    counters.set(name, (counters.get(name) ?? 0) + 1);
    say(INFO, `${name}: ${counters.get(name)}`);
  },
  countReset: (label = "default") => {
    counters.delete(String(label));
  },
  time: (label = "default") => {
    began.set(String(label), elapsed());
  },
  timeLog: (label = "default", ...args) => took(label, args),
  timeEnd: (label = "default") => {
    took(label, []);
    began.delete(String(label));
  },
};
