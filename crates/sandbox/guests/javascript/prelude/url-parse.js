// The parser of URLs (URL Standard, section 4.4) as a state machine over code points.
import { parseHost } from "./url-host.js";
import { C0, FRAGMENT, PATH, QUERY, SPECIAL_QUERY, USERINFO, percentEncode } from "./url-encode.js";

export const PORTS = { "http:": 80, "https:": 443, "ws:": 80, "wss:": 443, "ftp:": 21, "file:": null };
export const isSpecial = (url) => Object.hasOwn(PORTS, url.protocol);

const LETTER = /^[a-z]$/i, SCHEME = /^[a-z0-9+\-.]$/i;
const isDrive = (text) => /^[a-z][:|]$/i.test(text);
const startsWithDrive = (rest) => /^[a-z][:|]([/\\?#]|$)/i.test(rest);
const isSingleDot = (text) => /^(\.|%2e)$/i.test(text);
const isDoubleDot = (text) => /^(\.|%2e){2}$/i.test(text);

export function emptyUrl() {
  return { protocol: "", username: "", password: "", host: null, port: null, path: [], query: null, fragment: null };
}

export const hasOpaquePath = (url) => typeof url.path === "string";

function shorten(url) {
  if (url.protocol === "file:" && url.path.length === 1 && /^[a-z]:$/i.test(url.path[0])) return;
  url.path.pop();
}

/** Takes over what `base` has, up to the part that is given. */
function inherit(url, base, upTo) {
  Object.assign(url, { username: base.username, password: base.password, host: base.host, port: base.port });
  url.path = hasOpaquePath(base) ? base.path : [...base.path];
  if (upTo === "query") url.query = base.query;
}

// A state takes the machine and the current character ("" at the end); it answers with the next state, `undefined` to
// stay, or FAIL, or DONE. `m.at--` looks at the same character again.
const FAIL = "fail", DONE = "done";

const states = {
  start(m, c) {
    if (LETTER.test(c)) {
      m.buffer = c.toLowerCase();
      return "scheme";
    }
    if (m.override) return FAIL;
    m.at--;
    return "noScheme";
  },
  scheme(m, c) {
    if (SCHEME.test(c)) {
      m.buffer += c.toLowerCase();
      return;
    }
    if (c !== ":") {
      if (m.override) return FAIL;
      m.buffer = "";
      m.at = -1;
      return "noScheme";
    }
    const { url } = m, protocol = `${m.buffer}:`;
    if (m.override) {
      if (isSpecial(url) !== Object.hasOwn(PORTS, protocol)) return DONE;
      if ((url.username || url.password || url.port !== null) && protocol === "file:") return DONE;
      if (url.protocol === "file:" && url.host === "") return DONE;
      url.protocol = protocol;
      if (url.port === PORTS[protocol]) url.port = null;
      return DONE;
    }
    url.protocol = protocol;
    m.buffer = "";
    if (protocol === "file:") return "file";
    if (isSpecial(url)) return m.base?.protocol === protocol ? "specialRelativeOrAuthority" : "specialAuthoritySlashes";
    if (m.next() === "/") {
      m.at++;
      return "pathOrAuthority";
    }
    url.path = "";
    return "opaquePath";
  },
  noScheme(m, c) {
    const { base, url } = m;
    if (!base || (hasOpaquePath(base) && c !== "#")) return FAIL;
    url.protocol = base.protocol;
    if (hasOpaquePath(base)) {
      inherit(url, base, "query");
      url.fragment = "";
      return "fragment";
    }
    m.at--;
    return base.protocol === "file:" ? "file" : "relative";
  },
  specialRelativeOrAuthority(m, c) {
    if (c === "/" && m.next() === "/") {
      m.at++;
      return "ignoreSlashes";
    }
    m.at--;
    return "relative";
  },
  pathOrAuthority(m, c) {
    if (c === "/") return "authority";
    m.at--;
    return "path";
  },
  relative(m, c) {
    const { url, base } = m;
    if (c === "/" || (isSpecial(url) && c === "\\")) return "relativeSlash";
    inherit(url, base, "query");
    if (c === "?") {
      url.query = "";
      return "query";
    }
    if (c === "#") {
      url.fragment = "";
      return "fragment";
    }
    if (c === "") return;
    url.query = null;
    shorten(url);
    m.at--;
    return "path";
  },
  relativeSlash(m, c) {
    if (isSpecial(m.url) && (c === "/" || c === "\\")) return "ignoreSlashes";
    if (c === "/") return "authority";
    const { username, password, host, port } = m.base;
    Object.assign(m.url, { username, password, host, port });
    m.at--;
    return "path";
  },
  specialAuthoritySlashes(m, c) {
    if (c === "/" && m.next() === "/") m.at++;
    else m.at--;
    return "ignoreSlashes";
  },
  ignoreSlashes(m, c) {
    if (c === "/" || c === "\\") return;
    m.at--;
    return "authority";
  },
  authority(m, c) {
    if (c === "@") {
      const user = m.sawAt ? `%40${m.buffer}` : m.buffer;
      m.sawAt = true;
      const colon = m.sawPassword ? -2 : user.indexOf(":");
      if (colon === -2) m.url.password += percentEncode(user, USERINFO);
      else {
        m.url.username += percentEncode(colon < 0 ? user : user.slice(0, colon), USERINFO);
        if (colon >= 0) {
          m.sawPassword = true;
          m.url.password += percentEncode(user.slice(colon + 1), USERINFO);
        }
      }
      m.buffer = "";
      return;
    }
    if (m.endsAuthority(c)) {
      if (m.sawAt && m.buffer === "") return FAIL;
      m.at -= Array.from(m.buffer).length + 1;
      m.buffer = "";
      return "host";
    }
    m.buffer += c;
  },
  host(m, c) {
    const { url } = m;
    if (m.override && url.protocol === "file:") {
      m.at--;
      return "fileHost";
    }
    if (c === ":" && !m.inBrackets) {
      if (m.buffer === "" || m.override === "hostname") return FAIL;
      if (!m.takeHost()) return FAIL;
      return "port";
    }
    if (m.endsAuthority(c)) {
      m.at--;
      if (isSpecial(url) && m.buffer === "") return FAIL;
      if (m.override && m.buffer === "" && (url.username || url.password || url.port !== null)) return FAIL;
      if (!m.takeHost()) return FAIL;
      return m.override ? DONE : "pathStart";
    }
    if (c === "[") m.inBrackets = true;
    if (c === "]") m.inBrackets = false;
    m.buffer += c;
  },
  port(m, c) {
    if (/^[0-9]$/.test(c)) {
      m.buffer += c;
      return;
    }
    if (!m.endsAuthority(c) && !m.override) return FAIL;
    if (m.buffer !== "") {
      const port = Number(m.buffer);
      if (port > 65535) return FAIL;
      m.url.port = port === PORTS[m.url.protocol] ? null : port;
      m.buffer = "";
    }
    if (m.override) return DONE;
    m.at--;
    return "pathStart";
  },
  file(m, c) {
    const { url, base } = m;
    url.protocol = "file:";
    url.host = "";
    if (c === "/" || c === "\\") return "fileSlash";
    if (base?.protocol !== "file:") {
      m.at--;
      return "path";
    }
    inherit(url, base, "query");
    if (c === "?") {
      url.query = "";
      return "query";
    }
    if (c === "#") {
      url.fragment = "";
      return "fragment";
    }
    if (c === "") return;
    url.query = null;
    if (startsWithDrive(m.rest())) url.path = [];
    else shorten(url);
    m.at--;
    return "path";
  },
  fileSlash(m, c) {
    if (c === "/" || c === "\\") return "fileHost";
    if (m.base?.protocol === "file:") {
      m.url.host = m.base.host;
      if (!startsWithDrive(m.rest()) && /^[a-z]:$/i.test(m.base.path[0] ?? "")) m.url.path.push(m.base.path[0]);
    }
    m.at--;
    return "path";
  },
  fileHost(m, c) {
    if (c !== "" && !"/\\?#".includes(c)) {
      m.buffer += c;
      return;
    }
    m.at--;
    if (!m.override && isDrive(m.buffer)) return "path";
    if (m.buffer === "") m.url.host = "";
    else {
      const host = parseHost(m.buffer, true);
      if (host === null) return FAIL;
      m.url.host = host === "localhost" ? "" : host;
      m.buffer = "";
    }
    return m.override ? DONE : "pathStart";
  },
  pathStart(m, c) {
    const { url } = m;
    if (isSpecial(url)) {
      if (c !== "/" && c !== "\\") m.at--;
      return "path";
    }
    if (!m.override && c === "?") {
      url.query = "";
      return "query";
    }
    if (!m.override && c === "#") {
      url.fragment = "";
      return "fragment";
    }
    if (c !== "") {
      if (c !== "/") m.at--;
      return "path";
    }
    if (m.override && url.host === null) url.path.push("");
  },
  path(m, c) {
    const { url } = m;
    const slash = c === "/" || (isSpecial(url) && c === "\\");
    if (c !== "" && !slash && (m.override || (c !== "?" && c !== "#"))) {
      m.buffer += percentEncode(c, PATH);
      return;
    }
    if (isDoubleDot(m.buffer)) {
      shorten(url);
      if (!slash) url.path.push("");
    } else if (isSingleDot(m.buffer)) {
      if (!slash) url.path.push("");
    } else {
      if (url.protocol === "file:" && url.path.length === 0 && isDrive(m.buffer)) m.buffer = `${m.buffer[0]}:`;
      url.path.push(m.buffer);
    }
    m.buffer = "";
    if (c === "?") {
      url.query = "";
      return "query";
    }
    if (c === "#") {
      url.fragment = "";
      return "fragment";
    }
  },
  opaquePath(m, c) {
    const { url } = m;
    if (c === "?" || c === "#") {
      url.path += m.buffer;
      m.buffer = "";
      if (c === "?") url.query = "";
      else url.fragment = "";
      return c === "?" ? "query" : "fragment";
    }
    if (c === "") url.path += m.buffer;
    // a space before a query or a fragment would be lost when those are taken away
    else if (c === " ") m.buffer += (m.next() === "?" || m.next() === "#") ? "%20" : " ";
    else m.buffer += percentEncode(c, C0);
  },
  query(m, c) {
    if (c === "" || (c === "#" && !m.override)) {
      m.url.query += percentEncode(m.buffer, isSpecial(m.url) ? SPECIAL_QUERY : QUERY);
      m.buffer = "";
      if (c === "#") {
        m.url.fragment = "";
        return "fragment";
      }
      return;
    }
    m.buffer += c;
  },
  fragment(m, c) {
    m.url.fragment += percentEncode(c, FRAGMENT);
  },
};

class Machine {
  constructor(points, base, url, override) {
    Object.assign(this, { points, base, url, override, at: 0, buffer: "", sawAt: false, sawPassword: false, inBrackets: false });
  }
  next() {
    return this.points[this.at + 1] ?? "";
  }
  rest() {
    return this.points.slice(this.at).join("");
  }
  endsAuthority(c) {
    return c === "" || c === "/" || c === "?" || c === "#" || (isSpecial(this.url) && c === "\\");
  }
  takeHost() {
    const host = this.buffer === "" && !isSpecial(this.url) ? "" : parseHost(this.buffer, isSpecial(this.url));
    if (host === null) return false;
    this.url.host = host;
    this.buffer = "";
    return true;
  }
}

/**
 * Parses `input`. Answers with the URL's record, or null. `override` is the state that a setter begins with; then `url`
 * is what it changes.
 */
export function parse(input, base = null, url = emptyUrl(), override = null) {
  if (!override) input = input.replace(/^[\0-\x20]+|[\0-\x20]+$/g, "");
  const points = Array.from(input.replace(/[\t\n\r]/g, ""));
  const machine = new Machine(points, base, url, override);
  let state = override === "hostname" ? "host" : override ?? "start";
  for (; machine.at <= points.length; machine.at++) {
    const next = states[state](machine, points[machine.at] ?? "");
    if (next === FAIL) return null;
    if (next === DONE) return url;
    state = next ?? state;
  }
  return url;
}

/** The URL as text. */
export function serialize(url, withFragment = true) {
  let out = url.protocol;
  if (url.host !== null) {
    const password = url.password === "" ? "" : `:${url.password}`;
    const user = url.username === "" && password === "" ? "" : `${url.username}${password}@`;
    out += `//${user}${url.host}${url.port === null ? "" : `:${url.port}`}`;
  } else if (!hasOpaquePath(url) && url.path.length > 1 && url.path[0] === "") out += "/.";
  out += pathText(url);
  if (url.query !== null) out += `?${url.query}`;
  if (withFragment && url.fragment !== null) out += `#${url.fragment}`;
  return out;
}

export function pathText(url) {
  return hasOpaquePath(url) ? url.path : url.path.map((part) => `/${part}`).join("");
}
