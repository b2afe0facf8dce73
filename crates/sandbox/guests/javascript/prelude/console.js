// The console writes to the execution's log.
import { log } from "host";
import { format } from "./inspect.js";

const DEBUG = 0, INFO = 1, WARN = 2, ERROR = 3;
let indent = "";

function write(level, args) {
  const text = format(args);
  log(level, indent === "" ? text : text.replace(/^/gm, indent));
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
  groupEnd: () => {
    indent = indent.slice(2);
  },
};
