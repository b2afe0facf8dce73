// fails: syntax
// message: broken.json:2
import broken from "./broken.json";
export default function run() {}
