// fails: deadlock
// message: nothing will settle
export default async function run() {
  await new Promise(() => {});
}
