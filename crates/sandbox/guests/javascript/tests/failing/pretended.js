// fails: exception
// message: InternalError: out of memory
// stack: at run (pretended.js:5:
export default function run() {
  throw new InternalError("out of memory");
}
