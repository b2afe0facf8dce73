// fails: exception
// message: Error: nobody saw this
// stack: unhandled.js:6:
export default async function run() {
  setTimeout(() => {
    Promise.reject(new Error("nobody saw this"));
  }, 1);
  await new Promise((resolve) => setTimeout(resolve, 100));
}
