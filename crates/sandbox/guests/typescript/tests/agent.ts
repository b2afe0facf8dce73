import type { Weather } from "./weather.ts";
import { tools, type CapabilityError } from "moltforge";

interface Input {
  city: string;
  days?: number;
}

type Answer<T> = { city: string; forecast: readonly T[] };

abstract class Base<T> {
  protected declare kept: T;
  constructor(readonly_: T) {
    this.kept = readonly_ as T;
  }
  abstract name(): string;
}

class Agent extends Base<number> implements Object {
  private static count: number = 0;
  #secret?: string;
  name(this: Agent): string {
    return `é${Agent.count++}` satisfies string;
  }
}

function first<T extends object>(list: T[], otherwise?: T): T | undefined;
function first<T>(list: T[], otherwise?: T) {
  return list[0] ?? otherwise!;
}

export default async function run(input: Input): Promise<Answer<Weather>> {
  const forecast: Weather[] = [];
  for (let day = 0; day < (input.days ?? 1); day++) {
    forecast.push((await tools.call("weather", { city: input.city, day })) as Weather);
  }
  const error = (value: unknown): value is CapabilityError => value instanceof Error;
  if (error(first<Weather>(forecast))) throw new Error(new Agent(1).name());
  return { city: input.city, forecast };
}
