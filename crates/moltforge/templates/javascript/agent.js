import { log, state, timers } from "moltforge";

// Called once for each run. Whatever it awaits from "moltforge" is a step of the journal: after a crash the program is
// rebuilt, and every finished step is answered from there.
export default async function run(input) {
  const name = input.name ?? "world";
  const greeted = ((await state.get("greeted")) ?? 0) + 1;
  log(`greeting ${name}`);
  await timers.sleep("1s");
  await state.set("greeted", greeted);
  return { greeting: `Hello, ${name}!`, greeted };
}
