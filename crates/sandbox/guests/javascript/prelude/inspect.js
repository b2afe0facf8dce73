// How values look in the log.

// kept: a program may empty its global object
const { Array, ArrayBuffer, DataView, Date, Error, Function, JSON, Map, Number, Object, Promise, RegExp, Set, String } = globalThis;
const DEPTH = 4, ITEMS = 100, TEXT = 10_000;
const identifier = /^[A-Za-z_$][\w$]*$/;

function quoted(text) {
  const shown = text.length > TEXT ? `${text.slice(0, TEXT)}... (${text.length} characters)` : text;
  return JSON.stringify(shown);
}

function list(items, size, open, close) {
  if (size > ITEMS) items.push(`... ${size - ITEMS} more`);
  return items.length === 0 ? open + close : `${open} ${items.join(", ")} ${close}`;
}

function take(iterable) {
  const items = [];
  for (const item of iterable) {
    if (items.length === ITEMS) break;
    items.push(item);
  }
  return items;
}

function property(object, key, show) {
  const { get, value } = Object.getOwnPropertyDescriptor(object, key) ?? {};
  const name = typeof key === "symbol" ? `[${String(key)}]` : identifier.test(key) ? key : JSON.stringify(key);
  return `${name}: ${get ? "[Getter]" : show(value)}`;
}

function contents(value, show) {
  const name = Object.getPrototypeOf(value) === null ? "[null prototype]" : value.constructor?.name ?? "";
  if (Array.isArray(value)) return list(value.slice(0, ITEMS).map(show), value.length, "[", "]");
  if (value instanceof Map) {
    return list(take(value).map(([k, v]) => `${show(k)} => ${show(v)}`), value.size, `Map(${value.size}) {`, "}");
  }
  if (value instanceof Set) return list(take(value).map(show), value.size, `Set(${value.size}) {`, "}");
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return list(Array.from(value.subarray(0, ITEMS), String), value.length, `${name}(${value.length}) [`, "]");
  }
  if (value instanceof ArrayBuffer) return `ArrayBuffer(${value.byteLength})`;
  const keys = Object.keys(value);
  const shown = keys.slice(0, ITEMS).map((key) => property(value, key, show));
  return list(shown, keys.length, name === "Object" || name === "" ? "{" : `${name} {`, "}");
}

function error(value, show) {
  const head = String(value), stack = String(value.stack ?? "").split("\n").filter((l) => l && !/\(moltforge:|\(native\)$/.test(l));
  const cause = value.cause === undefined ? "" : `\n  cause: ${show(value.cause)}`;
  return [head, ...stack].join("\n") + cause;
}

function shown(value, above) {
  switch (typeof value) {
    case "string": return quoted(value);
    case "bigint": return `${value}n`;
    case "function": return `[${/^class\b/.test(Function.prototype.toString.call(value)) ? "class" : "Function"} ${value.name || "(anonymous)"}]`;
    case "number": return Object.is(value, -0) ? "-0" : String(value);
    case "object": break;
    default: return String(value);
  }
  if (value === null) return "null";
  if (above.includes(value)) return "[Circular]";
  const show = (inner) => shown(inner, [...above, value]);
  if (value instanceof Error) return error(value, show);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (value instanceof Promise) return "Promise {}";
  if (above.length >= DEPTH) return Array.isArray(value) ? "[Array]" : "[Object]";
  return contents(value, show);
}

/** A value as text. Never throws. */
export function inspect(value) {
  try {
    return shown(value, []);
  } catch {
    return "[a value that cannot be shown]";
  }
}

/** The arguments of a log call as one text: `%s`, `%d`, `%i`, `%f`, `%j`, `%o`, `%O` and `%%` in the first are filled in. */
export function format(args) {
  const rest = [...args];
  const parts = [];
  if (typeof rest[0] === "string") {
    parts.push(rest.shift().replace(/%[sdifjoO%]/g, (code) => {
      if (code === "%%") return "%";
      if (rest.length === 0) return code;
      const value = rest.shift();
      switch (code) {
        case "%s": return typeof value === "string" ? value : inspect(value);
        case "%d": return typeof value === "bigint" ? `${value}n` : String(Number(value));
        case "%i": return String(Math.trunc(Number(value)));
        case "%f": return String(Number(value));
        case "%j": return JSON.stringify(value) ?? "undefined";
        default: return inspect(value);
      }
    }));
  }
  for (const value of rest) parts.push(typeof value === "string" ? value : inspect(value));
  return parts.join(" ").toWellFormed();
}
