// Hosts of URLs: domains, IPv4, IPv6, opaque hosts (URL Standard, section 3).
import { percentDecode, percentEncode, C0 } from "./url-encode.js";
import { toAscii } from "./punycode.js";
import { utf8, textOf } from "./encoding.js";

const FORBIDDEN_HOST = /[\0\t\n\r #/:<>?@[\\\]^|]/;
const FORBIDDEN_DOMAIN = /[\0-\x20#%/:<>?@[\\\]^|\x7f]/;

function ipv4Number(part) {
  if (part === "") return NaN;
  if (/^0x[0-9a-f]*$/i.test(part)) return part.length === 2 ? 0 : parseInt(part.slice(2), 16);
  if (/^0[0-9]+$/.test(part)) return /^[0-7]+$/.test(part) ? parseInt(part, 8) : NaN;
  return /^[0-9]+$/.test(part) ? parseInt(part, 10) : NaN;
}

function endsInNumber(host) {
  const parts = host.split(".");
  if (parts.at(-1) === "") {
    if (parts.length === 1) return false;
    parts.pop();
  }
  return /^[0-9]+$/.test(parts.at(-1)) || /^0x[0-9a-f]*$/i.test(parts.at(-1));
}

function ipv4(host) {
  const parts = host.split(".");
  if (parts.at(-1) === "" && parts.length > 1) parts.pop();
  if (parts.length > 4) return null;
  const numbers = parts.map(ipv4Number);
  const last = numbers.pop();
  if (numbers.some((n) => !(n <= 255)) || !(last < 256 ** (4 - numbers.length))) return null;
  const value = numbers.reduce((sum, n, i) => sum + n * 256 ** (3 - i), last);
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

function embeddedIpv4(text, pieces) {
  const match = /^(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})$/.exec(text);
  const bytes = match?.slice(1).map(Number);
  if (!bytes || bytes.some((byte) => byte > 255)) return false;
  pieces.push(bytes[0] * 256 + bytes[1], bytes[2] * 256 + bytes[3]);
  return true;
}

/** The pieces of one side of "::", or null. */
function ipv6Side(text, mayEndInIpv4) {
  if (text === "") return [];
  const pieces = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (part.includes(".")) {
      if (!mayEndInIpv4 || i !== parts.length - 1 || !embeddedIpv4(part, pieces)) return null;
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) pieces.push(parseInt(part, 16));
    else return null;
  }
  return pieces;
}

function ipv6(text) {
  const sides = text.split("::");
  if (sides.length > 2) return null;
  const left = ipv6Side(sides[0], sides.length === 1), right = sides.length === 2 ? ipv6Side(sides[1], true) : [];
  if (!left || !right) return null;
  const missing = 8 - left.length - right.length;
  if (sides.length === 1 ? missing !== 0 : missing < 1) return null;
  return `[${ipv6Text([...left, ...new Array(missing).fill(0), ...right])}]`;
}

function ipv6Text(pieces) {
  let best = -1, length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && pieces[end] === 0) end++;
    if (end - i > length) [best, length] = [i, end - i];
  }
  const hex = (part) => part.map((piece) => piece.toString(16)).join(":");
  return best < 0 ? hex(pieces) : `${hex(pieces.slice(0, best))}::${hex(pieces.slice(best + length))}`;
}

/** The host as it is written in a URL, or null when it is none. */
export function parseHost(input, special) {
  if (input.startsWith("[")) return input.endsWith("]") ? ipv6(input.slice(1, -1)) : null;
  if (!special) return FORBIDDEN_HOST.test(input) ? null : percentEncode(input, C0);
  const domain = toAscii(textOf(percentDecode(utf8(input))));
  if (domain === null || domain === "" || FORBIDDEN_DOMAIN.test(domain)) return null;
  return endsInNumber(domain) ? ipv4(domain) : domain;
}
