import { tools } from "moltforge";

const sorted = (_, value) => (value && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value);

function same(a, b) {
  const [left, right] = [JSON.stringify(a, sorted), JSON.stringify(b, sorted)];
  if (left !== right) throw new Error(`${left} is not ${right}`);
}
const caught = (promise) => promise.then(() => "nothing", (error) => error);

export default async function run() {
  const got = await fetch("https://api.test/a?b=ä");
  same([got.ok, got.status, got.statusText, got.url, got.headers.get("Content-Type")], [true, 200, "OK", "https://api.test/a?b=%C3%A4", "application/json"]);
  same(await got.json(), { url: "https://api.test/a?b=%C3%A4" });
  same((await caught(got.text())).name, "TypeError");
  const posted = await fetch(new URL("https://api.test/"), { method: "post", headers: { "X-A": "1" }, body: JSON.stringify({ a: 1 }) });
  same(await posted.clone().json(), { url: "https://api.test/", method: "POST", headers: { "content-type": "text/plain;charset=UTF-8", "x-a": "1" }, body: '{"a":1}' });
  same(JSON.parse(await posted.text()).method, "POST");
  const form = await fetch("https://api.test/", { method: "PUT", body: new URLSearchParams({ a: "b c" }) });
  same((await form.json()).body, "a=b+c");
  const text = await fetch("https://api.test/text/404");
  same([text.ok, text.status, await text.clone().text(), new TextDecoder().decode(await text.arrayBuffer())], [false, 404, "plain text", "plain text"]);
  same((await caught((await fetch("https://api.test/text")).json())).name, "SyntaxError");
  const refused = await caught(fetch("https://refused.test/"));
  same([refused.name, refused.code, refused.cause.name, /web\.js:\d+/.test(refused.stack)], ["TypeError", "egress_not_granted", "CapabilityError", true]);
  for (const wrong of [() => fetch("/relative"), () => fetch("https://h/", { body: "x" }), () => fetch("https://h/", { method: "POST", body: { a: 1 } }), () => fetch("https://h/", { method: "POST", body: new Uint8Array([255]) })]) {
    same((await caught(wrong())).name, "TypeError");
  }
  const response = Response.json({ a: 1 }, { status: 201 });
  same([response.status, response.headers.get("content-type"), await response.json()], [201, "application/json", { a: 1 }]);
  const headers = new Headers([["B", "1"], ["a", " 2 "]]);
  headers.append("b", "3");
  same([...headers], [["a", "2"], ["b", "1, 3"]]);
  same(new Request("https://h/", { method: "delete" }).method, "DELETE");

  // an abort cancels the call
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 10);
  const aborted = await caught(tools.call("never", {}, { signal: controller.signal }));
  same([aborted.name, controller.signal.aborted, controller.signal.reason === aborted], ["AbortError", true, true]);
  same((await caught(tools.call("never", {}, { signal: AbortSignal.timeout(20) }))).name, "TimeoutError");
  same(await caught(tools.call("never", {}, { signal: AbortSignal.abort("why") })), "why");
  same((await caught(fetch("https://h/", { signal: AbortSignal.any([AbortSignal.timeout(5), controller.signal]) }))).name, "AbortError");
  const target = new EventTarget();
  const seen = [];
  target.addEventListener("x", (event) => seen.push(event.type), { once: true });
  target.dispatchEvent(new Event("x"));
  target.dispatchEvent(new Event("x"));
  same(seen, ["x"]);
}
