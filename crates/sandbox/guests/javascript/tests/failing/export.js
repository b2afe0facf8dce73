// fails: syntax
// message: Could not find export 'nothing'
import { nothing } from "moltforge";
export default function run() {}
