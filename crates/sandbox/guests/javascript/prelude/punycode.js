// Names of hosts beyond ASCII: lower case, NFKC, Punycode (RFC 3492). Without the tables of UTS #46: what it maps in
// another way or forbids is not seen here; who resolves the name says so.

const BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700;
const IGNORED = /[\u00ad\u200b\u2060\ufeff\u180b-\u180d\ufe00-\ufe0f]/g, DOTS = /[\u3002\uff0e\uff61]/g;

function adapt(delta, points, first) {
  delta = first ? Math.floor(delta / DAMP) : delta >> 1;
  delta += Math.floor(delta / points);
  let k = 0;
  for (; delta > ((BASE - T_MIN) * T_MAX) >> 1; k += BASE) delta = Math.floor(delta / (BASE - T_MIN));
  return k + Math.floor(((BASE - T_MIN + 1) * delta) / (delta + SKEW));
}

function digit(value) {
  return String.fromCharCode(value < 26 ? value + 97 : value + 22);
}

function encodeDelta(delta, bias) {
  let out = "";
  for (let k = BASE; ; k += BASE) {
    const t = k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
    if (delta < t) return out + digit(delta);
    out += digit(t + ((delta - t) % (BASE - t)));
    delta = Math.floor((delta - t) / (BASE - t));
  }
}

function encode(label) {
  const points = Array.from(label, (c) => c.codePointAt(0));
  const basic = points.filter((point) => point < 128);
  let out = String.fromCharCode(...basic) + (basic.length > 0 ? "-" : "");
  let n = 128, delta = 0, bias = 72, done = basic.length;
  while (done < points.length) {
    const next = Math.min(...points.filter((point) => point >= n));
    delta += (next - n) * (done + 1);
    n = next;
    for (const point of points) {
      if (point < n) delta++;
      if (point !== n) continue;
      out += encodeDelta(delta, bias);
      bias = adapt(delta, done + 1, done === basic.length);
      delta = 0;
      done++;
    }
    delta++;
    n++;
  }
  return out;
}

/** The name in ASCII and lower case, or null. */
export function toAscii(domain) {
  if (/^[\0-\x7f]*$/.test(domain)) return domain.toLowerCase();
  if (domain.length > 1000 || domain.includes("\ufffd")) return null;
  const mapped = domain.replace(DOTS, ".").replace(IGNORED, "").normalize("NFKC").toLowerCase().normalize("NFC");
  return mapped.split(".").map((label) => (/^[\0-\x7f]*$/.test(label) ? label : `xn--${encode(label)}`)).join(".");
}
