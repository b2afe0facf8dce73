// fails: syntax
// message: packages are not installed
import { submit } from "moltforge:host";
export default function run() {}
