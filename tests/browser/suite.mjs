// Counts what holds.

export class Suite {
  passed = 0;
  failed = 0;

  async check(name, body) {
    const began = performance.now();
    try {
      await body();
      this.passed += 1;
      console.log(`ok    ${name} (${Math.round(performance.now() - began)} ms)`);
    } catch (error) {
      this.fail(name, error);
    }
  }

  fail(name, error) {
    this.failed += 1;
    console.log(`FAIL  ${name}\n      ${String(error?.stack ?? error).replaceAll("\n", "\n      ")}`);
  }

  summary() {
    return `${this.passed} passed, ${this.failed} failed`;
  }
}

export const equal = (found, wanted, what) => {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: wanted ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`);
  }
};

export const holds = (condition, what) => {
  if (!condition) throw new Error(what);
};
