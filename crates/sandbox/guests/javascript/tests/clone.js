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
  const source = { date: new Date(5), map: new Map([[{ k: 1 }, new Set([1, "x"])]]), list: [1, , 3], big: 10n ** 20n, re: /a+/gi, n: null, u: undefined };
  source.self = source;
  const copy = structuredClone(source);
  same([copy !== source, copy.self === copy, copy.date instanceof Date, copy.date.getTime()], [true, true, true, 5]);
  same([[...copy.map.keys()][0].k, [...[...copy.map.values()][0]], copy.map.has([...source.map.keys()][0])], [1, [1, "x"], false]);
  same([copy.list.length, 1 in copy.list, copy.big === source.big, String(copy.re), "u" in copy], [3, false, true, "/a+/gi", true]);
  const buffer = new ArrayBuffer(8);
  const views = structuredClone({ a: new Uint8Array(buffer, 2, 4), b: new DataView(buffer), c: new Float64Array([0.5]) });
  same([views.a.buffer === views.b.buffer, views.a.byteOffset, views.a.length, views.c[0]], [true, 2, 4, 0.5]);
  const error = structuredClone(new RangeError("far", { cause: new Error("why") }));
  same([error instanceof RangeError, error.message, error.cause.message], [true, "far", "why"]);
  class Point {
    x = 1;
    method() {}
  }
  same([structuredClone(new Point()).x, structuredClone(new Point()) instanceof Point], [1, false]);
  same([structuredClone(Object(true)).valueOf(), structuredClone("s"), structuredClone(undefined) === undefined], [true, "s", true]);
  for (const wrong of [() => {}, Symbol("s"), { f() {} }, Promise.resolve(), new WeakMap()]) {
    same(thrown(() => structuredClone(wrong)), "DataCloneError");
  }
  const moved = structuredClone(buffer, { transfer: [buffer] });
  same([moved.byteLength, buffer.detached, thrown(() => structuredClone(buffer))], [8, true, "DataCloneError"]);
}
