// fetch goes through the capability `http.fetch`: the hosts that the agent's file grants, and no others.
import { call } from "./calls.js";
import { textOf } from "./encoding.js";
import { Body, JSON_TYPE, bodyOf } from "./body.js";
import { Headers } from "./headers.js";
import { URL } from "./url.js";

const METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const NO_BODY = [101, 103, 204, 205, 304];
const REASONS = { 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 301: "Moved Permanently", 302: "Found",
  303: "See Other", 304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request",
  401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 410: "Gone",
  413: "Content Too Large", 422: "Unprocessable Content", 429: "Too Many Requests", 500: "Internal Server Error",
  501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout" };

function methodOf(method) {
  const upper = String(method).toUpperCase();
  const known = METHODS.includes(upper) ? upper : String(method);
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(known)) throw new TypeError(`${JSON.stringify(method)} is no method`);
  return known;
}

export class Request extends Body {
  constructor(input, init = {}) {
    const from = input instanceof Request ? input : null;
    const url = from ? from.url : new URL(input).href;
    const method = methodOf(init.method ?? from?.method ?? "GET");
    const given = init.body !== undefined && init.body !== null ? bodyOf(init.body) : { bytes: from ? Body.parts(from)[0] : null, type: null };
    if (given.bytes !== null && (method === "GET" || method === "HEAD")) throw new TypeError(`a request with ${method} has no body`);
    super(given.bytes);
    const headers = new Headers(init.headers ?? from?.headers);
    if (given.type && !headers.has("content-type")) headers.set("content-type", given.type);
    Object.defineProperties(this, {
      url: { value: url, enumerable: true },
      method: { value: method, enumerable: true },
      headers: { value: headers, enumerable: true },
      signal: { value: init.signal ?? from?.signal ?? new AbortController().signal, enumerable: true },
    });
  }
  clone() {
    return new Request(this);
  }
}

/** What a Response is made of. Nobody outside can make one. */
class Parts {
  constructor(bytes, json, fields) {
    Object.assign(this, { bytes, json, fields });
  }
}

function checked(body, { status = 200, statusText = "", headers } = {}) {
  if (!Number.isInteger(status) || status < 200 || status > 599) throw new RangeError("a status is between 200 and 599");
  const { bytes, type } = bodyOf(body);
  if (bytes !== null && NO_BODY.includes(status)) throw new TypeError(`a response with the status ${status} has no body`);
  const fields = { status, statusText: String(statusText), headers: new Headers(headers), url: "", type: "default" };
  if (type && !fields.headers.has("content-type")) fields.headers.set("content-type", type);
  return new Parts(bytes, undefined, fields);
}

export class Response extends Body {
  #fields;

  constructor(body = null, init = {}) {
    const parts = body instanceof Parts ? body : checked(body, init);
    super(parts.bytes, parts.json);
    this.#fields = parts.fields;
  }
  static json(value, init = {}) {
    const headers = new Headers(init.headers);
    if (!headers.has("content-type")) headers.set("content-type", "application/json");
    return new Response(JSON.stringify(value), { ...init, headers });
  }
  get status() {
    return this.#fields.status;
  }
  get statusText() {
    return this.#fields.statusText;
  }
  get ok() {
    return this.status >= 200 && this.status <= 299;
  }
  get headers() {
    return this.#fields.headers;
  }
  get url() {
    return this.#fields.url;
  }
  get type() {
    return this.#fields.type;
  }
  get redirected() {
    return false;
  }
  clone() {
    const [bytes, json] = Body.parts(this);
    return new Response(new Parts(bytes, json, { ...this.#fields, headers: new Headers(this.headers) }));
  }
}

/** The body as the capability gave it: JSON comes parsed, everything else as text, nothing as null. */
function received({ status, headers = {}, body = null }, url) {
  const fields = { status, statusText: REASONS[status] ?? "", headers: new Headers(headers), url, type: "basic" };
  const isJson = JSON_TYPE.test(fields.headers.get("content-type") ?? "");
  if (isJson || (body !== null && typeof body !== "string")) return new Response(new Parts(null, { value: body }, fields));
  return new Response(new Parts(bodyOf(body).bytes, undefined, fields));
}

function argumentsOf(request, bytes) {
  const args = { url: request.url };
  if (request.method !== "GET") args.method = request.method;
  const headers = Object.fromEntries(request.headers);
  if (Object.keys(headers).length > 0) args.headers = headers;
  if (bytes !== null) {
    const text = textOf(bytes);
    if (text.includes("\ufffd")) throw new TypeError("the body of a request is text: encode bytes first, for example as base64");
    args.body = text;
  }
  return args;
}

export async function fetch(input, init = {}) {
  const request = new Request(input, init);
  const [bytes] = Body.parts(request);
  try {
    return received(await call("http.fetch", argumentsOf(request, bytes), request.signal, fetch), request.url);
  } catch (error) {
    if (error?.name !== "CapabilityError") throw error;
    const failed = new TypeError(`fetch failed: ${error.message}`, { cause: error });
    failed.code = error.code;
    Object.defineProperty(failed, "stack", { value: error.stack, writable: true, configurable: true });
    throw failed;
  }
}
