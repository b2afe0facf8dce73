// Bodies of requests and responses: whole, never streamed.
import { bytesOf, textOf, utf8 } from "./encoding.js";
import { URLSearchParams } from "./url.js";

export const JSON_TYPE = /^application\/json\b|^[^;]*\+json\b/i;

/** What was given as a body: its bytes, and the content type that it implies. */
export function bodyOf(value) {
  if (value === undefined || value === null) return { bytes: null, type: null };
  if (value instanceof URLSearchParams) {
    return { bytes: utf8(value.toString()), type: "application/x-www-form-urlencoded;charset=UTF-8" };
  }
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return { bytes: bytesOf(value).slice(), type: null };
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    throw new TypeError("a body is a text or bytes: write JSON.stringify(value)");
  }
  return { bytes: utf8(value), type: "text/plain;charset=UTF-8" };
}

export class Body {
  #bytes;
  #json; // { value }, when the body came as a value
  #used = false;

  constructor(bytes, json) {
    this.#bytes = bytes;
    this.#json = json;
  }
  get body() {
    if (this.#bytes === null && !this.#json) return null;
    throw new TypeError("bodies are not streamed here: use text(), json(), bytes() or arrayBuffer()");
  }
  get bodyUsed() {
    return this.#used;
  }
  #use() {
    if (this.#used) throw new TypeError("the body has been read already; clone() before reading it twice");
    this.#used = this.#bytes !== null || this.#json !== undefined;
  }
  #text() {
    if (this.#json) return typeof this.#json.value === "string" ? this.#json.value : JSON.stringify(this.#json.value);
    return this.#bytes === null ? "" : textOf(this.#bytes);
  }
  async text() {
    this.#use();
    const text = this.#text();
    return text.startsWith("\ufeff") ? text.slice(1) : text;
  }
  async json() {
    this.#use();
    return this.#json ? structuredClone(this.#json.value) : JSON.parse(this.#text());
  }
  async bytes() {
    this.#use();
    return this.#bytes === null ? utf8(this.#text()) : this.#bytes.slice();
  }
  async arrayBuffer() {
    return (await this.bytes()).buffer;
  }
  async blob() {
    throw new TypeError("there is no Blob here: use bytes() or arrayBuffer()");
  }
  async formData() {
    throw new TypeError("there is no FormData here: use text() and URLSearchParams");
  }
  /** For clone(). */
  static parts(body) {
    if (body.#used) throw new TypeError("a body that has been read cannot be cloned");
    return [body.#bytes, body.#json];
  }
}
