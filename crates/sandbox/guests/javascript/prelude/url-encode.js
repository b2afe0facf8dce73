// Percent-encoding (URL Standard, section 1.3).
import { utf8 } from "./encoding.js";

const ABOVE = "[^\\x20-\\x7e]";
export const C0 = new RegExp(ABOVE);
export const FRAGMENT = new RegExp(`${ABOVE}|[ "<>\`]`);
export const QUERY = new RegExp(`${ABOVE}|[ "#<>]`);
export const SPECIAL_QUERY = new RegExp(`${ABOVE}|[ "#<>']`);
export const PATH = new RegExp(`${ABOVE}|[ "#<>?^\`{}]`);
export const USERINFO = new RegExp(`${ABOVE}|[ "#<>?\`{}/:;=@[\\\\\\]^|]`);

export function percentByte(byte) {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

export function percentEncode(text, set) {
  if (!set.test(text)) return text;
  let out = "";
  for (const character of text.toWellFormed()) {
    out += set.test(character) ? Array.from(utf8(character), percentByte).join("") : character;
  }
  return out;
}

function hex(byte) {
  return byte >= 48 && byte <= 57 ? byte - 48 : byte >= 65 && byte <= 70 ? byte - 55 : byte >= 97 && byte <= 102 ? byte - 87 : -1;
}

export function percentDecode(bytes) {
  if (!bytes.includes(37)) return bytes;
  const out = new Uint8Array(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const high = bytes[i] === 37 ? hex(bytes[i + 1] ?? 0) : -1, low = high < 0 ? -1 : hex(bytes[i + 2] ?? 0);
    out[length++] = low < 0 ? bytes[i] : high * 16 + low;
    if (low >= 0) i += 2;
  }
  return out.subarray(0, length);
}
