const sorted = (_, value) => (value && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value);

function same(a, b) {
  const [left, right] = [JSON.stringify(a, sorted), JSON.stringify(b, sorted)];
  if (left !== right) throw new Error(`${left} is not ${right}`);
}
function thrown(f) {
  try {
    f();
  } catch (error) {
    return error.name;
  }
  return "nothing";
}

export default function run() {
  same(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()), true);
  same(new Set(Array.from({ length: 100 }, () => crypto.randomUUID())).size, 100);
  for (const type of [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array]) {
    const array = crypto.getRandomValues(new type(64));
    same(new Set(Array.from(array, String)).size > 32, true);
  }
  const part = new Uint8Array(12);
  crypto.getRandomValues(part.subarray(4, 8));
  same([part.slice(0, 4).every((b) => b === 0), part.slice(8).every((b) => b === 0)], [true, true]);
  same(crypto.getRandomValues(new Uint8Array(65_536)).length, 65_536);
  same(thrown(() => crypto.getRandomValues(new Uint8Array(65_537))), "QuotaExceededError");
  same(thrown(() => crypto.getRandomValues(new Float64Array(1))), "TypeMismatchError");
  const numbers = Array.from({ length: 1000 }, Math.random);
  same([numbers.every((n) => n >= 0 && n < 1), new Set(numbers).size], [true, 1000]);
  // nothing that differs when an execution is replayed
  same([typeof WeakRef, typeof FinalizationRegistry, typeof performance.now()], ["undefined", "undefined", "number"]);
  same([new Date().getTimezoneOffset(), performance.now()], [0, 0]);
}
