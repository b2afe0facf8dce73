// structuredClone of the HTML Standard, for what exists here.

const ERRORS = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

function refuse(value) {
  const what = typeof value === "symbol" ? "a symbol" : typeof value === "function" ? `the function ${value.name || "(anonymous)"}` : `a ${value.constructor?.name ?? "value"}`;
  throw new DOMException(`${what} could not be cloned`, "DataCloneError");
}

function buffer(value, seen) {
  if (value.detached) refuse(value);
  const { byteLength } = value;
  const options = value.resizable ? { maxByteLength: value.maxByteLength } : undefined;
  const copy = new ArrayBuffer(byteLength, options);
  new Uint8Array(copy).set(new Uint8Array(value));
  seen.set(value, copy);
  return copy;
}

function view(value, seen) {
  const inner = clone(value.buffer, seen);
  const length = value instanceof DataView ? value.byteLength : value.length;
  const type = value instanceof DataView ? DataView : globalThis[value[Symbol.toStringTag]];
  return new type(inner, value.byteOffset, length);
}

function error(value, seen) {
  const known = Object.hasOwn(ERRORS, value.name) ? value.name : "Error";
  const copy = Object.create(ERRORS[known].prototype);
  Object.defineProperty(copy, "message", { value: String(value.message), writable: true, configurable: true });
  Object.defineProperty(copy, "stack", { value: String(value.stack ?? ""), writable: true, configurable: true });
  seen.set(value, copy);
  if (Object.hasOwn(value, "cause")) {
    Object.defineProperty(copy, "cause", { value: clone(value.cause, seen), writable: true, configurable: true });
  }
  return copy;
}

function empty(value, seen) {
  if (value instanceof Boolean || value instanceof Number || value instanceof String) return Object(value.valueOf());
  if (value instanceof BigInt) return Object(BigInt.prototype.valueOf.call(value));
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof RegExp) return new RegExp(value.source, value.flags);
  if (value instanceof ArrayBuffer) return buffer(value, seen);
  if (ArrayBuffer.isView(value)) return view(value, seen);
  if (value instanceof DOMException) return new DOMException(value.message, value.name);
  if (value instanceof Error) return error(value, seen);
  return null;
}

function clone(value, seen) {
  if (typeof value === "symbol" || typeof value === "function") refuse(value);
  if (typeof value !== "object" || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const simple = empty(value, seen);
  if (simple !== null) {
    seen.set(value, simple);
    return simple;
  }
  if (value instanceof Map) {
    const copy = new Map();
    seen.set(value, copy);
    for (const [key, item] of [...value]) copy.set(clone(key, seen), clone(item, seen));
    return copy;
  }
  if (value instanceof Set) {
    const copy = new Set();
    seen.set(value, copy);
    for (const item of [...value]) copy.add(clone(item, seen));
    return copy;
  }
  if ([Promise, WeakMap, WeakSet].some((type) => value instanceof type)) refuse(value);
  const copy = Array.isArray(value) ? new Array(value.length) : {};
  seen.set(value, copy);
  for (const key of Object.keys(value)) copy[key] = clone(value[key], seen);
  return copy;
}

export function structuredClone(value, { transfer = [] } = {}) {
  const seen = new Map();
  const list = [...transfer];
  for (const item of list) {
    if (!(item instanceof ArrayBuffer) || item.detached) throw new DOMException("only an ArrayBuffer can be transferred", "DataCloneError");
  }
  if (new Set(list).size !== list.length) throw new DOMException("an ArrayBuffer is transferred twice", "DataCloneError");
  // cloned before it is detached, so that an error leaves everything as it was
  const copy = clone(value, seen);
  for (const item of list) item.transfer();
  return copy;
}
