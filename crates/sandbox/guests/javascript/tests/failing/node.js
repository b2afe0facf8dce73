// fails: syntax
// message: the modules of Node do not exist here
import fs from "node:fs";
export default function run() {}
