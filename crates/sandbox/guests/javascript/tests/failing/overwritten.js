// fails: exception
// message: TypeError: why
export default function run() {
  const { TypeError } = globalThis;
  const { prototype } = String;
  for (const name of ["Error", "InternalError", "SyntaxError", "String", "JSON"]) globalThis[name] = null;
  prototype.split = RegExp.prototype.exec = () => "broken";
  throw new TypeError("why");
}
