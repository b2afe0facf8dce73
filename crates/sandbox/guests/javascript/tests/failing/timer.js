// fails: exception
// message: Error: in a timer
// stack: timer.js:5:
export default async function run() {
  setTimeout(() => { throw new Error("in a timer"); }, 1);
  await new Promise((resolve) => setTimeout(resolve, 100));
}
