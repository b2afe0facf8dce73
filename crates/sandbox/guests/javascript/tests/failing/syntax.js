// fails: syntax
// message: syntax.js:5:
export default function run() {
  const a = 1;
  return a a;
}
