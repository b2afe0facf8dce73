// fails: syntax
// message: leaves the agent's files
import "../../etc/passwd";
export default function run() {}
