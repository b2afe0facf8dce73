// TextEncoder and TextDecoder of the Encoding Standard: UTF-8, UTF-16LE and windows-1252 (which is what "latin1" means there).
import { encode, decode } from "host";

const LABELS = {
  "utf-8": ["utf-8", "utf8", "unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "x-unicode20utf8"],
  "utf-16le": ["utf-16le", "utf-16", "ucs-2", "iso-10646-ucs-2", "unicode", "unicodefeff", "csunicode"],
  "windows-1252": ["windows-1252", "latin1", "iso-8859-1", "iso8859-1", "iso88591", "iso_8859-1", "ascii", "us-ascii",
    "ansi_x3.4-1968", "cp1252", "cp819", "l1", "x-cp1252", "ibm819", "csisolatin1", "iso-ir-100"],
};
const HIGH = "\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f" +
  "\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178";
const CHUNK = 8192;

/** The bytes of a buffer or a view. */
export function bytesOf(data) {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer || (typeof SharedArrayBuffer === "function" && data instanceof SharedArrayBuffer)) {
    return new Uint8Array(data);
  }
  throw new TypeError("expected an ArrayBuffer or a view of one");
}

export function utf8(text) {
  return new Uint8Array(encode(String(text).toWellFormed()));
}

/** Text of bytes, whatever is wrong replaced. */
export function textOf(bytes) {
  return decode(bytes.buffer, bytes.byteOffset, bytes.byteLength, false, false)[0];
}

function fromUnits(units) {
  let text = "";
  for (let at = 0; at < units.length; at += CHUNK) text += String.fromCharCode(...units.subarray(at, at + CHUNK));
  return text;
}

function fromLatin(bytes) {
  const units = Uint16Array.from(bytes, (byte) => (byte >= 0x80 && byte < 0xa0 ? HIGH.charCodeAt(byte - 0x80) : byte));
  return [fromUnits(units), 0];
}

function fromUtf16(bytes, fatal, stream) {
  let length = bytes.length >> 1;
  const units = new Uint16Array(length);
  for (let i = 0; i < length; i++) units[i] = bytes[2 * i] | (bytes[2 * i + 1] << 8);
  const last = units[length - 1];
  if (stream && last >= 0xd800 && last < 0xdc00) length -= 1;
  let text = fromUnits(units.subarray(0, length));
  if (!stream && bytes.length % 2 === 1) text += "\ud800"; // half a unit is as wrong as half a pair
  if (fatal && !text.isWellFormed()) throw new TypeError("The encoded data was not valid for encoding utf-16le");
  return [text.toWellFormed(), stream ? bytes.length - 2 * length : 0];
}

export class TextEncoder {
  get encoding() {
    return "utf-8";
  }
  encode(text = "") {
    return utf8(text);
  }
  encodeInto(text, target) {
    if (!(target instanceof Uint8Array)) throw new TypeError("encodeInto writes into a Uint8Array");
    let read = 0, written = 0;
    for (const character of String(text).toWellFormed()) {
      const code = character.codePointAt(0);
      const size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      if (written + size > target.length) break;
      target.set(utf8(character), written);
      read += character.length;
      written += size;
    }
    return { read, written };
  }
}

export class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  #left = new Uint8Array(0);
  #began = false;

  constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
    const wanted = String(label).trim().toLowerCase();
    const found = Object.entries(LABELS).find(([, labels]) => labels.includes(wanted));
    if (!found) throw new RangeError(`the encoding ${JSON.stringify(label)} is not supported: only utf-8, utf-16le and latin1 are`);
    this.#encoding = found[0];
    this.#fatal = Boolean(fatal);
    this.#ignoreBOM = Boolean(ignoreBOM);
  }
  get encoding() {
    return this.#encoding;
  }
  get fatal() {
    return this.#fatal;
  }
  get ignoreBOM() {
    return this.#ignoreBOM;
  }
  decode(data = new Uint8Array(0), { stream = false } = {}) {
    let bytes = bytesOf(data);
    if (this.#left.length > 0) {
      const joined = new Uint8Array(this.#left.length + bytes.length);
      joined.set(this.#left);
      joined.set(bytes, this.#left.length);
      bytes = joined;
    }
    this.#left = new Uint8Array(0);
    const [decoded, left] = this.#decode(bytes, stream);
    this.#left = bytes.slice(bytes.length - left);
    const bom = !this.#began && !this.#ignoreBOM && this.#encoding !== "windows-1252" && decoded.charCodeAt(0) === 0xfeff;
    this.#began = stream && (this.#began || decoded !== "");
    return bom ? decoded.slice(1) : decoded;
  }
  #decode(bytes, stream) {
    if (this.#encoding === "windows-1252") return fromLatin(bytes);
    if (this.#encoding === "utf-16le") return fromUtf16(bytes, this.#fatal, stream);
    return decode(bytes.buffer, bytes.byteOffset, bytes.byteLength, this.#fatal, stream);
  }
}
