import * as moltforge from "moltforge";
import api, { tools, llm, state, events, agents, approvals, signals, timers, log, CapabilityError } from "moltforge";

const sorted = (_, value) => (value && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value);

function same(a, b) {
  const [left, right] = [JSON.stringify(a, sorted), JSON.stringify(b, sorted)];
  if (left !== right) throw new Error(`${left} is not ${right}`);
}
const called = (name, args) => ({ name, args });

export async function run() {
  same(await tools.call("weather", { city: "Riga" }), called("weather", { city: "Riga" }));
  same(await tools.call("now"), called("now", {}));
  const user = [{ role: "user", content: "hi" }];
  same(await llm.complete("hi"), called("llm.complete", { messages: user }));
  same(await llm.complete("hi", { model: "m" }), called("llm.complete", { model: "m", messages: user }));
  same(await llm.complete({ prompt: "hi", temperature: 0 }), called("llm.complete", { temperature: 0, messages: user }));
  same(await llm.complete({ messages: user, model: undefined }), called("llm.complete", { messages: user }));
  same(await state.get("nothing"), null);
  await state.set("key", { a: [1, null] });
  same(await state.get("key"), { a: [1, null] });
  same(await state.delete("key"), called("state.delete", { key: "key" }));
  same(await events.emit("report.finished", { n: 1 }), called("events.emit", { type: "report.finished", data: { n: 1 } }));
  same(await events.emit("x", null, { topic: "t" }), called("events.emit", { type: "x", topic: "t", data: null }));
  same(await agents.call("helper", { a: 1 }, { timeout: "1m" }), called("agents.call", { agent: "helper", input: { a: 1 }, timeout: "1m" }));
  same(await agents.start("helper"), called("agents.start", { agent: "helper" }));
  same(await agents.wait([{ execution_id: "e1" }, "e2"], { mode: "any" }), called("agents.wait", { executions: ["e1", "e2"], mode: "any" }));
  same(await agents.wait("e1"), called("agents.wait", { executions: ["e1"] }));
  same(await approvals.request("Pay?", { expires: "1h" }), called("approvals.request", { title: "Pay?", expires: "1h" }));
  same(await approvals.request({ title: "Pay?" }), called("approvals.request", { title: "Pay?" }));
  same(await signals.wait("go", { timeout: 30 }), called("signals.wait", { name: "go", timeout: 30 }));
  same(await timers.sleep("1m"), called("time.sleep", { duration: "1m" }));

  let error;
  try {
    await tools.call("fail", { a: 1 });
  } catch (caught) {
    error = caught;
  }
  same([error instanceof CapabilityError, error instanceof Error], [true, true]);
  same([error.name, error.message, error.code, error.capability], ["CapabilityError", "the tool said no", "tool_failed", "fail"]);
  same(error.details, { status: 418 });
  if (!/at run \(capabilities\.js:37:/.test(error.stack)) throw new Error(`the stack names the call: ${error.stack}`);

  log("text", { a: 1 });
  log.debug("d");
  log.warn("w");
  log.error(new Error("e"));
  same(moltforge.default === api, true);
  for (const wrong of [() => llm.complete(), () => llm.complete({ prompt: "a", messages: [] }), () => tools.call("")]) {
    let thrown;
    try {
      await wrong();
    } catch (caught) {
      thrown = caught;
    }
    same(thrown instanceof TypeError, true);
  }
}
