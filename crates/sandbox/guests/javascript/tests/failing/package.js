// fails: syntax
// message: packages are not installed
import lodash from "lodash";
export default function run() {}
