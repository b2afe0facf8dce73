// URL and URLSearchParams (URL Standard, sections 5 and 6).
import { percentByte, percentDecode, percentEncode, USERINFO } from "./url-encode.js";
import { hasOpaquePath, isSpecial, parse, pathText, serialize } from "./url-parse.js";
import { textOf, utf8 } from "./encoding.js";

const KEPT = /^[A-Za-z0-9*\-._]$/;

function formEncode(text) {
  let out = "";
  for (const byte of utf8(text)) {
    const character = String.fromCharCode(byte);
    out += KEPT.test(character) ? character : byte === 32 ? "+" : percentByte(byte);
  }
  return out;
}

function formDecode(text) {
  return textOf(percentDecode(utf8(text.replaceAll("+", " "))));
}

function parsePairs(text) {
  const pairs = [];
  for (const part of text.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    pairs.push([formDecode(equals < 0 ? part : part.slice(0, equals)), equals < 0 ? "" : formDecode(part.slice(equals + 1))]);
  }
  return pairs;
}

function pairsOf(init) {
  if (typeof init !== "object" || init === null) return parsePairs(String(init).toWellFormed().replace(/^\?/, ""));
  const text = (value) => String(value).toWellFormed();
  if (typeof init[Symbol.iterator] !== "function") {
    return Object.keys(init).map((key) => [text(key), text(init[key])]);
  }
  return Array.from(init, (pair) => {
    const [name, value, ...more] = pair;
    if (more.length > 0 || [...pair].length !== 2) throw new TypeError("each pair of a query has a name and a value");
    return [text(name), text(value)];
  });
}

let attach; // gives the URL's own URLSearchParams their URL

export class URLSearchParams {
  #pairs;
  #changed = () => {};

  constructor(init = "") {
    this.#pairs = pairsOf(init);
  }
  static {
    attach = (params, query, changed) => {
      params.#pairs = parsePairs(query);
      params.#changed = changed;
    };
  }
  get size() {
    return this.#pairs.length;
  }
  append(name, value) {
    this.#pairs.push([String(name).toWellFormed(), String(value).toWellFormed()]);
    this.#changed();
  }
  delete(name, value) {
    const same = ([n, v]) => n === String(name) && (value === undefined || v === String(value));
    this.#pairs = this.#pairs.filter((pair) => !same(pair));
    this.#changed();
  }
  get(name) {
    return this.#pairs.find(([n]) => n === String(name))?.[1] ?? null;
  }
  getAll(name) {
    return this.#pairs.filter(([n]) => n === String(name)).map(([, v]) => v);
  }
  has(name, value) {
    return this.#pairs.some(([n, v]) => n === String(name) && (value === undefined || v === String(value)));
  }
  set(name, value) {
    name = String(name).toWellFormed();
    const first = this.#pairs.findIndex(([n]) => n === name);
    if (first < 0) return this.append(name, value);
    this.#pairs[first] = [name, String(value).toWellFormed()];
    this.#pairs = this.#pairs.filter(([n], i) => n !== name || i === first);
    this.#changed();
  }
  sort() {
    this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.#changed();
  }
  forEach(callback, self) {
    for (const [name, value] of this) callback.call(self, value, name, this);
  }
  *entries() {
    for (let i = 0; i < this.#pairs.length; i++) yield [...this.#pairs[i]];
  }
  *keys() {
    for (const [name] of this.entries()) yield name;
  }
  *values() {
    for (const [, value] of this.entries()) yield value;
  }
  [Symbol.iterator]() {
    return this.entries();
  }
  toString() {
    return this.#pairs.map(([name, value]) => `${formEncode(name)}=${formEncode(value)}`).join("&");
  }
  get [Symbol.toStringTag]() {
    return "URLSearchParams";
  }
}

function record(input, base) {
  const parsedBase = base === undefined ? null : parse(String(base).toWellFormed());
  if (base !== undefined && !parsedBase) return null;
  return parse(String(input).toWellFormed(), parsedBase);
}

export class URL {
  #url;
  #params;

  constructor(input, base) {
    const url = record(input, base);
    if (!url) throw new TypeError(`Invalid URL: ${JSON.stringify(String(input))}${base === undefined ? "" : ` against ${JSON.stringify(String(base))}`}`);
    this.#url = url;
  }
  static parse(input, base) {
    return URL.canParse(input, base) ? new URL(input, base) : null;
  }
  static canParse(input, base) {
    return record(input, base) !== null;
  }
  #set(value, state) {
    const copy = { ...this.#url, path: hasOpaquePath(this.#url) ? this.#url.path : [...this.#url.path] };
    const changed = parse(String(value).toWellFormed(), null, copy, state);
    if (changed) this.#url = changed;
  }
  #refresh() {
    if (!this.#params) return;
    attach(this.#params, this.#url.query ?? "", () => {
      this.#url.query = this.#params.toString() || null;
    });
  }
  get #hasNoUser() {
    return this.#url.host === null || this.#url.host === "" || this.#url.protocol === "file:";
  }
  get href() {
    return serialize(this.#url);
  }
  set href(value) {
    this.#url = new URL(value).#url;
    this.#refresh();
  }
  get origin() {
    const { protocol } = this.#url;
    if (protocol === "blob:") {
      const inner = parse(pathText(this.#url));
      return inner?.protocol === "http:" || inner?.protocol === "https:" ? new URL(pathText(this.#url)).origin : "null";
    }
    return isSpecial(this.#url) && protocol !== "file:" ? `${protocol}//${this.host}` : "null";
  }
  get protocol() {
    return this.#url.protocol;
  }
  set protocol(value) {
    this.#set(`${value}:`, "start");
  }
  get username() {
    return this.#url.username;
  }
  set username(value) {
    if (!this.#hasNoUser) this.#url.username = percentEncode(String(value), USERINFO);
  }
  get password() {
    return this.#url.password;
  }
  set password(value) {
    if (!this.#hasNoUser) this.#url.password = percentEncode(String(value), USERINFO);
  }
  get host() {
    const { host, port } = this.#url;
    return host === null ? "" : port === null ? host : `${host}:${port}`;
  }
  set host(value) {
    if (!hasOpaquePath(this.#url)) this.#set(value, "host");
  }
  get hostname() {
    return this.#url.host ?? "";
  }
  set hostname(value) {
    if (!hasOpaquePath(this.#url)) this.#set(value, "hostname");
  }
  get port() {
    return this.#url.port === null ? "" : String(this.#url.port);
  }
  set port(value) {
    if (this.#hasNoUser) return;
    if (value === "") this.#url.port = null;
    else this.#set(value, "port");
  }
  get pathname() {
    return pathText(this.#url);
  }
  set pathname(value) {
    if (hasOpaquePath(this.#url)) return;
    const before = this.#url.path;
    this.#url.path = [];
    this.#set(value, "pathStart");
    if (this.#url.path.length === 0 && isSpecial(this.#url)) this.#url.path = before;
  }
  get search() {
    return this.#url.query ? `?${this.#url.query}` : "";
  }
  set search(value) {
    const text = String(value).replace(/^\?/, "");
    this.#url.query = String(value) === "" ? null : "";
    if (text !== "") this.#set(text, "query");
    this.#refresh();
  }
  get searchParams() {
    if (!this.#params) {
      this.#params = new URLSearchParams();
      this.#refresh();
    }
    return this.#params;
  }
  get hash() {
    return this.#url.fragment ? `#${this.#url.fragment}` : "";
  }
  set hash(value) {
    const text = String(value).replace(/^#/, "");
    this.#url.fragment = String(value) === "" ? null : "";
    if (text !== "") this.#set(text, "fragment");
  }
  toString() {
    return this.href;
  }
  toJSON() {
    return this.href;
  }
  get [Symbol.toStringTag]() {
    return "URL";
  }
}
