import { log, signals, state, timers, tools } from "moltforge";
import { warmest } from "./lib/compare.js";
import defaults from "./defaults.json";

export default async function run(input) {
  const cities = input.cities ?? defaults.cities;
  // all at once; the answers are in the order of the cities
  const reports = await Promise.all(cities.map((city) => tools.call("weather.today", { city })));
  const best = warmest(reports);
  log(`it is warmest in ${best.city}`);

  // nothing is in memory meanwhile, and a restart of the server changes nothing
  await timers.sleep(input.pause ?? defaults.pause);
  const decision = await signals.wait("decision", { timeout: "1d" });

  const trips = ((await state.get("trips")) ?? 0) + 1;
  await state.set("trips", trips);
  return { city: best.city, celsius: best.celsius, compared: reports.length, decision, trips };
}
