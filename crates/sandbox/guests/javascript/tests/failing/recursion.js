// fails: exception
// message: RangeError: Maximum call stack size exceeded
export default function run() {
  return run();
}
