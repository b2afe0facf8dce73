// The module "moltforge": what an agent can do. Names and arguments are those of the tools that prompt agents have.
import { log as write } from "host";
import { call, CapabilityError } from "./calls.js";
import { format } from "./inspect.js";
import { stream } from "./stream.js";

export { CapabilityError };

/** Leaves out what was not given, so that the same call always has the same arguments. */
function given(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** Any tool that the agent's file grants, built in or declared. */
export const tools = Object.freeze({
  call(name, args = {}, { signal } = {}) {
    return call(name, args, signal, tools.call);
  },
});

/** The arguments of a model call, and its signal. */
function asked(request, { signal, ...options }) {
  const { prompt, signal: inner, ...rest } = typeof request === "string" ? { prompt: request, ...options } : { ...request, ...options };
  if (prompt !== undefined && rest.messages !== undefined) throw new TypeError("give prompt or messages, not both");
  const messages = prompt === undefined ? rest.messages : [{ role: "user", content: prompt }];
  if (!Array.isArray(messages)) throw new TypeError("llm.complete takes a text, or { messages: [...] }, or { prompt }");
  return [{ ...given(rest), messages }, signal ?? inner];
}

export const llm = Object.freeze({
  /** `complete("text")`, or `complete({ prompt | messages, model, ... })`. */
  complete(request, options = {}) {
    return call("llm.complete", ...asked(request, options), llm.complete);
  },
  /**
   * The same, read while it is written: `for await (const { text, reply, restarted } of llm.stream(...))`. `reply` is all of
   * it so far. After a crash the model begins anew: then `restarted` is true, and what came before is void.
   * `result` is what `complete` would give.
   */
  stream(request, options = {}) {
    return stream(...asked(request, options), llm.stream);
  },
});

export const state = Object.freeze({
  get(key) {
    return call("state.get", { key }, undefined, state.get);
  },
  set(key, value) {
    return call("state.set", { key, value: value === undefined ? null : value }, undefined, state.set);
  },
  delete(key) {
    return call("state.delete", { key }, undefined, state.delete);
  },
});

export const events = Object.freeze({
  emit(type, data, { topic } = {}) {
    return call("events.emit", given({ type, topic, data }), undefined, events.emit);
  },
});

export const agents = Object.freeze({
  /** Runs another agent and answers with its output. */
  call(agent, input, { timeout, signal } = {}) {
    return call("agents.call", given({ agent, input, timeout }), signal, agents.call);
  },
  /** Starts another agent and answers at once. */
  start(agent, input) {
    return call("agents.start", given({ agent, input }), undefined, agents.start);
  },
  /** Waits for children that `start` began: for all, or for any (`mode: "any"`). */
  wait(executions, { mode, timeout, signal } = {}) {
    const list = Array.isArray(executions) ? executions : [executions];
    const ids = list.map((one) => (typeof one === "object" && one !== null ? one.execution_id : one));
    return call("agents.wait", given({ executions: ids, mode, timeout }), signal, agents.wait);
  },
});

export const approvals = Object.freeze({
  /** `request("title", { details, form, expires })`, or all in one object. */
  request(title, options = {}) {
    const { signal, ...rest } = typeof title === "string" ? { title, ...options } : { ...title, ...options };
    return call("approvals.request", given(rest), signal, approvals.request);
  },
});

export const signals = Object.freeze({
  wait(name, { timeout, signal } = {}) {
    return call("signals.wait", given({ name, timeout }), signal, signals.wait);
  },
});

export const timers = Object.freeze({
  /** A text such as "500ms", "1m", "7d", or a number of seconds. */
  sleep(duration, { signal } = {}) {
    return call("time.sleep", { duration }, signal, timers.sleep);
  },
});

const writer = (level) => (...args) => write(level, format(args));
export const log = Object.freeze(Object.assign(writer(1), { debug: writer(0), info: writer(1), warn: writer(2), error: writer(3) }));

/** All of it at once: the second argument of `run`. */
export const context = Object.freeze({ tools, llm, state, events, agents, approvals, signals, timers, log });
export default context;
