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
const bytes = (...list) => new Uint8Array(list);

export default function run() {
  const encoder = new TextEncoder(), decoder = new TextDecoder();
  same([...encoder.encode("aé€😀\ud800")], [97, 195, 169, 226, 130, 172, 240, 159, 152, 128, 239, 191, 189]);
  same(decoder.decode(encoder.encode("aé€😀\0b")), "aé€😀\0b");
  same(encoder.encodeInto("a€€", new Uint8Array(5)), { read: 2, written: 4 });
  // maximal parts of wrong sequences
  same(decoder.decode(bytes(0xff, 0x61, 0xe2, 0x82, 0x62, 0xf0, 0x9f, 0xc0, 0x80, 0xed, 0xa0, 0x80)), "\ufffda\ufffdb\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd");
  same(decoder.decode(bytes(0xef, 0xbb, 0xbf, 0x61)), "a");
  same(new TextDecoder("utf8", { ignoreBOM: true }).decode(bytes(0xef, 0xbb, 0xbf, 0x61)), "\ufeffa");
  same(thrown(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes(0xff))), "TypeError");
  same(thrown(() => new TextDecoder("shift_jis")), "RangeError");
  const stream = new TextDecoder();
  same(stream.decode(bytes(0xe2, 0x82), { stream: true }) + stream.decode(bytes(0xac, 0xf0), { stream: true }) + stream.decode(), "€\ufffd");
  same(decoder.decode(encoder.encode("xabcx").subarray(1, 4)), "abc");
  same(decoder.decode(encoder.encode("abc").buffer), "abc");
  same(new TextDecoder("UTF-16").decode(bytes(0xff, 0xfe, 0x61, 0, 0x3d, 0xd8, 0, 0xde)), "a😀");
  same(new TextDecoder("utf-16le").decode(bytes(0x00, 0xd8, 0x61)), "\ufffd\ufffd");
  const units = new TextDecoder("utf-16le");
  same(units.decode(bytes(0x3d), { stream: true }) + units.decode(bytes(0xd8, 0), { stream: true }) + units.decode(bytes(0xde)), "😀");
  same(new TextDecoder("latin1").decode(bytes(0x80, 0xe9)), "€é");
  same(new TextDecoder(" ASCII ").encoding, "windows-1252");
  same([btoa("hello"), atob(" aGVs bG8= ")], ["aGVsbG8=", "hello"]);
  same([thrown(() => btoa("€")), thrown(() => atob("a"))], ["InvalidCharacterError", "InvalidCharacterError"]);
  const big = "é".repeat(500_000);
  same(decoder.decode(encoder.encode(big)) === big, true);
  same(new TextDecoder("latin1").decode(new Uint8Array(100_000)).length, 100_000);
}
