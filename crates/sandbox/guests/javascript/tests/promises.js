import { tools } from "moltforge";

const assert = (condition, text) => {
  if (!condition) throw new Error(`not so: ${text}`);
};

const sleep = (ms, value) => new Promise((resolve) => setTimeout(resolve, ms, value));

export default async function run(input, ctx) {
  assert(input.n === 4, "the input arrives");
  assert(ctx.tools === tools, "the second argument is the API");

  // in parallel, and in the order of the list
  const started = Date.now();
  const all = await Promise.all([tools.call("echo", { ms: 300, a: 1 }), tools.call("echo", { ms: 200, b: 2 })]);
  assert(all[0].a === 1 && all[1].b === 2, "Promise.all keeps the order");
  assert(Date.now() - started >= 299, "it took its time");

  assert((await Promise.race([sleep(200, "slow"), sleep(5, "fast")])) === "fast", "race");
  assert((await Promise.any([Promise.reject(new Error("x")), sleep(1, "any")])) === "any", "any");
  const settled = await Promise.allSettled([tools.call("fail"), sleep(1, "fine")]);
  assert(settled[0].status === "rejected" && settled[1].value === "fine", "allSettled");
  const none = await Promise.any([Promise.reject(1)]).catch((error) => error);
  assert(none instanceof AggregateError && none.errors[0] === 1, "AggregateError");

  // microtasks run before the next completion, timers in the order of their time
  const order = [];
  setTimeout(() => order.push("timer 2"), 60);
  setTimeout(() => {
    order.push("timer 1");
    queueMicrotask(() => order.push("microtask of timer 1"));
  }, 20);
  queueMicrotask(() => order.push("microtask"));
  await sleep(120);
  assert(order.join() === "microtask,timer 1,microtask of timer 1,timer 2", order.join());

  const cleared = setTimeout(() => order.push("cleared"), 1);
  clearTimeout(cleared);
  clearTimeout(cleared);
  clearTimeout(undefined);
  let ticks = 0;
  await new Promise((resolve) => {
    const interval = setInterval(() => {
      if (++ticks < 3) return;
      clearInterval(interval);
      resolve();
    }, 10);
  });
  await sleep(50);
  assert(ticks === 3 && !order.includes("cleared"), `intervals end: ${ticks}`);

  async function* numbers() {
    for (let i = 0; i < 3; i++) yield await sleep(1, i);
  }
  let sum = 0;
  for await (const n of numbers()) sum += n;
  assert(sum === 3, "async iteration");

  const { promise, resolve } = Promise.withResolvers();
  setTimeout(resolve, 1, "later");
  assert((await promise) === "later", "withResolvers");

  // handled late, but before the microtasks have run dry
  const late = Promise.reject(new Error("late"));
  await null;
  await late.catch(() => {});
  return "ok";
}
