import config from "./config.json";
import same from "./config.json" with { type: "json" };
import prompt from "./prompt.md";
import { helper, name } from "./deep/helper.js";
import { other } from "./deep/other";
import index from "./deep";

export default async function run() {
  const lazy = await import("./deep/lazy.js");
  const got = [config.key, same.key === config.key, prompt, helper(2), name, other, index, lazy.value, import.meta.url];
  const wanted = ["väl\u0000ue", true, "Be brief.\n", 4, "deep/helper.js", "other", "index", 7, "main.js"];
  if (JSON.stringify(got) !== JSON.stringify(wanted)) throw new Error(JSON.stringify(got));
}
