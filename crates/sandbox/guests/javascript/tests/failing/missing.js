// fails: syntax
// message: cannot import './nowhere.js' from missing.js: no such file
import "./nowhere.js";
export default function run() {}
