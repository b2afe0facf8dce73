// fails: exception
// message: SyntaxError
export default function run() {
  JSON.parse("{");
}
