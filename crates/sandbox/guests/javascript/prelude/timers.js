// setTimeout and its family: a timer is a command like any other, so it survives whatever a call survives.
import { command, forget } from "./calls.js";

const timers = new Map(); // handle -> id of the command that is pending for it
let handles = 0;

function callable(callback) {
  if (typeof callback !== "function") throw new TypeError("the callback of a timer is a function");
}

function arm(handle, delay, fire) {
  const wanted = Math.trunc(Number(delay));
  timers.set(handle, command("timer", { ms: wanted > 0 ? Math.min(wanted, Number.MAX_SAFE_INTEGER) : 0 }, fire));
}

export function setTimeout(callback, delay, ...args) {
  callable(callback);
  const handle = ++handles;
  arm(handle, delay, () => {
    timers.delete(handle);
    callback(...args);
  });
  return handle;
}

export function setInterval(callback, delay, ...args) {
  callable(callback);
  const handle = ++handles;
  const next = () =>
    arm(handle, delay, () => {
      next();
      callback(...args);
    });
  next();
  return handle;
}

export function clearTimeout(handle) {
  const id = timers.get(handle);
  if (id === undefined) return;
  timers.delete(handle);
  forget(id);
}
