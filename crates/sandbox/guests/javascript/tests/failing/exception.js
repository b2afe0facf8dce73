// fails: exception
// message: TypeError: broken
// stack: at inner (exception.js:8:
// stack: at run (exception.js:13:
// stack: caused by: RangeError: why
// no stack: moltforge:
function inner() {
  throw new TypeError("broken", { cause: new RangeError("why") });
}

export default async function run() {
  await null;
  inner();
}
