const sorted = (_, value) => (value && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value);

function same(a, b) {
  const [left, right] = [JSON.stringify(a, sorted), JSON.stringify(b, sorted)];
  if (left !== right) throw new Error(`${left} is not ${right}`);
}

const RESOLVED = [
  ["../x?q=1#h", "https://user:pw@Example.com:8080/a/b/c", "https://user:pw@example.com:8080/a/x?q=1#h"],
  ["//other/p", "https://h/a", "https://other/p"],
  ["?q", "http://h/a/b?old#f", "http://h/a/b?q"],
  ["#f", "mailto:a@b", "mailto:a@b#f"],
  ["", "http://h/a?b#c", "http://h/a?b"],
  ["C|/x", "file:///D:/y", "file:///C:/x"],
  ["http:x", "http://h/a/b", "http://h/a/x"],
];
const PARSED = [
  ["  http://h/ x\n ", "http://h/%20x"], ["HTTP://H:80/%7e/./a/../b", "http://h/%7e/b"], ["http://0x7f.1/", "http://127.0.0.1/"],
  ["http://[1:0:0:2::3]/", "http://[1:0:0:2::3]/"], ["http://[::FFFF:1.2.3.4]", "http://[::ffff:102:304]/"],
  ["http://ex%41mple.com\\a", "http://example.com/a"], ["http://bücher.example/ä?ö#ü", "http://xn--bcher-kva.example/%C3%A4?%C3%B6#%C3%BC"],
  ["http://日本語.jp", "http://xn--wgv71a119e.jp/"], ["data:text/plain,a b", "data:text/plain,a b"], ["foo://h?a'b", "foo://h?a'b"],
  ["http://h?a'b", "http://h/?a%27b"], ["file:c:\\foo\\..\\bar", "file:///c:/bar"], ["foo:/.//p", "foo:/.//p"], ["http://u:p:q@h/", "http://u:p%3Aq@h/"],
];
const WRONG = ["", "x", "http://", "http://a b/", "http://h:65536", "http://1.2.3.256", "http://1.2.3.08", "http://[1::2::3]", "http://h:a", "http://<", "//h", "http://a%00b"];

export default function run() {
  for (const [input, base, href] of RESOLVED) same(new URL(input, base).href, href);
  for (const [input, href] of PARSED) same(new URL(input).href, href);
  for (const input of WRONG) same([input, URL.canParse(input), URL.parse(input)], [input, false, null]);
  const url = new URL("https://u:p@h.test:8443/a/b?x=1&y=2#z");
  same([url.origin, url.host, url.hostname, url.port, url.pathname, url.search, url.hash, url.username, url.password],
    ["https://h.test:8443", "h.test:8443", "h.test", "8443", "/a/b", "?x=1&y=2", "#z", "u", "p"]);
  url.port = "443";
  url.pathname = "/ä b";
  url.hash = "#";
  same(url.href.endsWith("#") && url.hash === "", true);
  url.hash = "";
  url.hostname = "other";
  url.protocol = "http";
  url.username = "";
  url.password = "";
  url.searchParams.append("z", "a&b=c d");
  url.searchParams.delete("x");
  same(url.href, "http://other/%C3%A4%20b?y=2&z=a%26b%3Dc+d");
  url.search = "?n=1";
  same([url.searchParams.get("n"), url.searchParams.get("z"), JSON.stringify({ url })], ["1", null, '{"url":"http://other/%C3%A4%20b?n=1"}']);

  const params = new URLSearchParams("?a=1&b=2&a=%C3%A9+x&c");
  same([params.get("a"), params.getAll("a"), params.has("c"), params.has("b", "3"), params.size], ["1", ["1", "é x"], true, false, 4]);
  params.set("a", "9");
  params.sort();
  same([String(params), [...params.keys()]], ["a=9&b=2&c=", ["a", "b", "c"]]);
  same([String(new URLSearchParams({ a: 1, b: "ü" })), String(new URLSearchParams([["a", "~*-._ "]]))], ["a=1&b=%C3%BC", "a=%7E*-._+"]);
}
