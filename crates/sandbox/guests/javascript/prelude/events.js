// Event, EventTarget, AbortController and AbortSignal, as far as code that aborts calls needs them.
import { setTimeout } from "./timers.js";

export class Event {
  #type;
  #cancelable;
  #bubbles;
  #prevented = false;
  target = null;
  currentTarget = null;
  stopped = false;

  constructor(type, { cancelable = false, bubbles = false } = {}) {
    this.#type = String(type);
    this.#cancelable = Boolean(cancelable);
    this.#bubbles = Boolean(bubbles);
    this.timeStamp = performance.now();
    Object.defineProperty(this, "stopped", { enumerable: false });
  }
  get type() {
    return this.#type;
  }
  get cancelable() {
    return this.#cancelable;
  }
  get bubbles() {
    return this.#bubbles;
  }
  get defaultPrevented() {
    return this.#prevented;
  }
  preventDefault() {
    if (this.#cancelable) this.#prevented = true;
  }
  stopPropagation() {}
  stopImmediatePropagation() {
    this.stopped = true;
  }
}

export class CustomEvent extends Event {
  constructor(type, { detail = null, ...options } = {}) {
    super(type, options);
    this.detail = detail;
  }
}

export class EventTarget {
  #listeners = [];

  addEventListener(type, listener, options = {}) {
    if (listener === null || listener === undefined) return;
    const { once = false, signal } = typeof options === "object" ? options : {};
    const known = this.#listeners.some((other) => other.type === type && other.listener === listener);
    if (known || signal?.aborted) return;
    this.#listeners.push({ type, listener, once });
    signal?.addEventListener("abort", () => this.removeEventListener(type, listener), { once: true });
  }
  removeEventListener(type, listener) {
    this.#listeners = this.#listeners.filter((other) => other.type !== type || other.listener !== listener);
  }
  dispatchEvent(event) {
    event.target = event.currentTarget = this;
    for (const { type, listener, once } of [...this.#listeners]) {
      if (type !== event.type || event.stopped) continue;
      if (once) this.removeEventListener(type, listener);
      try {
        typeof listener === "function" ? listener.call(this, event) : listener.handleEvent(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error; // fails the run: nobody else would ever see it
        });
      }
    }
    event.currentTarget = null;
    return !event.defaultPrevented;
  }
}

const ours = Symbol("AbortSignal");

export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason;
  onabort = null;

  constructor(key) {
    super();
    if (key !== ours) throw new TypeError("Illegal constructor: use new AbortController().signal");
  }
  get aborted() {
    return this.#aborted;
  }
  get reason() {
    return this.#reason;
  }
  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }
  static abort(reason) {
    const signal = new AbortSignal(ours);
    AbortSignal.#abort(signal, reason);
    return signal;
  }
  static timeout(ms) {
    const signal = new AbortSignal(ours);
    setTimeout(() => AbortSignal.#abort(signal, new DOMException("The operation timed out", "TimeoutError")), ms);
    return signal;
  }
  static any(signals) {
    const signal = new AbortSignal(ours);
    for (const other of signals) {
      if (signal.aborted) break;
      if (other.aborted) AbortSignal.#abort(signal, other.reason);
      else other.addEventListener("abort", () => AbortSignal.#abort(signal, other.reason), { once: true });
    }
    return signal;
  }
  static #abort(signal, reason) {
    if (signal.#aborted) return;
    signal.#aborted = true;
    signal.#reason = reason === undefined ? new DOMException("The operation was aborted", "AbortError") : reason;
    const event = new Event("abort");
    if (typeof signal.onabort === "function") signal.onabort(event);
    signal.dispatchEvent(event);
  }
  /** For AbortController alone. */
  static _create() {
    const signal = new AbortSignal(ours);
    return [signal, (reason) => AbortSignal.#abort(signal, reason)];
  }
}

const create = AbortSignal._create;
delete AbortSignal._create;

export class AbortController {
  #signal;
  #abort;

  constructor() {
    [this.#signal, this.#abort] = create();
  }
  get signal() {
    return this.#signal;
  }
  abort(reason) {
    this.#abort(reason);
  }
}
