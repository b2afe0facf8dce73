// fails: exception
// message: CapabilityError: the tool said no
// stack: at run (capability.js:8:
// no stack: moltforge:
import { tools } from "moltforge";

export default async function run() {
  return await tools.call("fail", { ms: 5 });
}
