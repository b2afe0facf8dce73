// Random values from the execution's own stream: strong, and the same again when the execution is replayed.
import { random } from "host";

const QUOTA = 65_536;
const INTEGERS = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array];

export const crypto = Object.freeze({
  getRandomValues(array) {
    if (!INTEGERS.some((type) => array instanceof type)) {
      throw new DOMException("getRandomValues fills typed arrays of integers", "TypeMismatchError");
    }
    if (array.byteLength > QUOTA) {
      throw new DOMException(`${array.byteLength} bytes were asked for, at most ${QUOTA} are given at once`, "QuotaExceededError");
    }
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(new Uint8Array(random(array.byteLength)));
    return array;
  },
  randomUUID() {
    const bytes = new Uint8Array(random(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  },
});
